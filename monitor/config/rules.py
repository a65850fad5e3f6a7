"""From a rule as it is written to a rule as it is evaluated."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from monitor.config.model import MatchConfig, RuleConfig
from monitor.config.model.rules import WindowConfig
from monitor.market.quote import Shape
from monitor.rules.against import Against, Yardstick
from monitor.rules.alert import RuleName
from monitor.rules.conditions import (
    AtLeast,
    AtMost,
    Attribute,
    Below,
    Condition,
    Equals,
    Fits,
    OneOf,
    TotalAtMost,
)
from monitor.rules.rule import Rule

_ON_ATTRIBUTE: Mapping[str, Callable[[Any], Condition]] = {
    "gpu": lambda globs: OneOf(attribute=Attribute.GPU, globs=globs),
    "gpu_count": lambda count: AtLeast(attribute=Attribute.AVAILABLE, limit=count),
    "max_price_per_gpu_hour": lambda price: AtMost(attribute=Attribute.PRICE, limit=price),
    "min_price_per_gpu_hour": lambda price: AtLeast(attribute=Attribute.PRICE, limit=price),
    "min_uptime": lambda uptime: AtLeast(attribute=Attribute.UPTIME, limit=uptime),
    "uptime_below": lambda uptime: Below(attribute=Attribute.UPTIME, limit=uptime),
    "country": lambda globs: OneOf(attribute=Attribute.COUNTRY, globs=globs),
    "city": lambda globs: OneOf(attribute=Attribute.CITY, globs=globs),
    "state": lambda globs: OneOf(attribute=Attribute.STATE, globs=globs),
    "location_id": lambda globs: OneOf(attribute=Attribute.LOCATION_ID, globs=globs),
    "hostnode_id": lambda globs: OneOf(attribute=Attribute.HOSTNODE_ID, globs=globs),
    "organization": lambda globs: OneOf(attribute=Attribute.ORGANIZATION, globs=globs),
    "engine": lambda globs: OneOf(attribute=Attribute.ENGINE, globs=globs),
    "min_tier": lambda tier: AtLeast(attribute=Attribute.TIER, limit=tier),
    "max_tier": lambda tier: AtMost(attribute=Attribute.TIER, limit=tier),
    "min_network_gbps": lambda gbps: AtLeast(attribute=Attribute.NETWORK_GBPS, limit=gbps),
    "network_storage": lambda flag: Equals(attribute=Attribute.NETWORK_STORAGE, flag=flag),
}
"""The conditions that look at one attribute, in the order in which they are explained."""


def rule(config: RuleConfig) -> Rule:
    """Return the rule that `config` describes."""
    shape = _shape(config.match)
    return Rule(
        name=RuleName(config.name),
        conditions=tuple(_conditions(config.match, shape)),
        per=config.per,
        hold_for=config.for_,
        keep_firing_for=config.keep_firing_for,
        severity=config.severity,
        shape=shape,
        gone=config.match.gone,
        outage_tolerance=config.outage_tolerance,
    )


def _shape(match: MatchConfig) -> Shape | None:
    if match.resources is None:
        return None
    return Shape(gpu_count=match.gpu_count, **dict(match.resources))


def _conditions(match: MatchConfig, shape: Shape | None) -> Iterator[Condition]:
    for key, condition in _ON_ATTRIBUTE.items():
        wanted = getattr(match, key)
        if wanted is not None:
            yield condition(wanted)
    for yardstick in Yardstick:
        lookback = getattr(match, yardstick)
        if lookback is not None:
            yield _against(yardstick, lookback)
    if shape is None:
        return
    yield Fits(shape=shape)
    if match.max_total_per_hour is not None:
        yield TotalAtMost(shape=shape, limit=match.max_total_per_hour)


def _against(yardstick: Yardstick, lookback: WindowConfig) -> Against:
    percent = getattr(lookback, "percent", getattr(lookback, "percentile", 0))
    return Against(
        yardstick=yardstick,
        window=lookback.window,
        milli=round(percent * 1000),
        min_coverage=lookback.min_coverage,
    )
