"""A seeded mixture of rules as buyers write them, fitted to a market so that a few offers match."""

from collections.abc import Sequence
from random import Random
from typing import Any

from monitor.alerting.outbox import DestinationKey
from monitor.config.model import NotificationsConfig, RuleConfig
from monitor.config.rules import rule
from monitor.market.money import dollars
from monitor.market.quote import Shape, quote
from monitor.market.snapshot import Snapshot
from monitor.plan import Plan
from monitor.rules.alert import RuleName
from monitor.rules.conditions import Attribute, OneOf

RuleDocument = dict[str, Any]

_GLOBS = (
    "h100-*",
    "a100-*",
    "a100-*-80gb",
    "v100-*",
    "l4-*",
    "l40*",
    "rtxa*",
    "rtx*ada-*",
    "geforcertx*",
    "geforcertx4090-*",
    "geforcertx5090-*",
    "*-24gb",
    "*-48gb",
    ["a100-sxm4-80gb", "h100-sxm5-80gb"],
    ["l40-pcie-48gb", "l40s-pcie-48gb", "rtx6000ada-pcie-48gb"],
)
_COUNTRIES = ("United States", ["United States", "Canada"], "Germany", ["Poland", "Bulgaria"])
_SHAPES = (
    {"vcpu_count": 4, "ram_gb": 16, "storage_gb": 100},
    {"vcpu_count": 8, "ram_gb": 32, "storage_gb": 100},
    {"vcpu_count": 8, "ram_gb": 64, "storage_gb": 200},
    {"vcpu_count": 12, "ram_gb": 48, "storage_gb": 200},
    {"vcpu_count": 16, "ram_gb": 64, "storage_gb": 250},
    {"vcpu_count": 16, "ram_gb": 128, "storage_gb": 500},
    {"vcpu_count": 24, "ram_gb": 96, "storage_gb": 500},
    {"vcpu_count": 32, "ram_gb": 128, "storage_gb": 1000},
    {"vcpu_count": 32, "ram_gb": 256, "storage_gb": 1000},
    {"vcpu_count": 64, "ram_gb": 512, "storage_gb": 2000},
)


def documents(market: Snapshot, count: int, seed: int = 3) -> list[RuleDocument]:
    """Return `count` rules as the configuration file has them."""
    rng = Random(seed)  # noqa: S311  repeatable, not secret
    models = sorted({offer.gpu for offer in market.offers})
    return [_document(rng, market, models, number) for number in range(count)]


def with_history(rules: Sequence[RuleDocument], count: int, seed: int = 4) -> list[RuleDocument]:
    """Return the rules, `count` of which ask something of the past instead of a fixed price."""
    rng = Random(seed)  # noqa: S311  repeatable, not secret
    chosen = set(rng.sample(range(len(rules)), k=count))
    return [_asking(rng, rule) if n in chosen else rule for n, rule in enumerate(rules)]


def _asking(rng: Random, rule: RuleDocument) -> RuleDocument:
    window = rng.choice(("1d", "7d", "30d"))
    condition = rng.choice(
        (
            {"below_median": {"window": window, "percent": rng.choice((5, 10, 20))}},
            {"below_percentile": {"window": window, "percentile": rng.choice((5, 10))}},
            {"historical_low": {"window": window}},
            {"drop": {"window": window, "percent": rng.choice((5, 10))}},
        )
    )
    kept = ("gpu", "gpu_count", "country", "min_tier", "min_uptime")
    match = {key: rule["match"][key] for key in kept if key in rule["match"]}
    return {**rule, "match": {**match, **condition}}


def plan(rules: Sequence[RuleDocument]) -> Plan:
    """Return what the cycle is given for `rules`; all tell one receiver with one destination."""
    configs = [RuleConfig.model_validate(each) for each in rules]
    defaults = NotificationsConfig(notify=("chat",))
    return Plan(
        rules={RuleName(each.name): rule(each) for each in configs},
        policies={RuleName(each.name): each.policy(defaults) for each in configs},
        destinations={"chat": (DestinationKey("json#00000000"),)},
    )


def _document(rng: Random, market: Snapshot, models: Sequence[str], number: int) -> RuleDocument:
    gpu = rng.choice(models) if rng.random() < 0.6 else rng.choice(_GLOBS)
    match: RuleDocument = {"gpu": gpu, "gpu_count": rng.choice((1, 1, 1, 1, 2, 4))}
    if rng.random() < 0.3:
        match["country"] = rng.choice(_COUNTRIES)
    if rng.random() < 0.3:
        match["min_tier"] = rng.choice((1, 2, 3))
    if rng.random() < 0.4:
        match["min_uptime"] = rng.choice((95, 98, 99, 99.5))
    match |= _price(rng, market, match)
    return {
        "name": f"rule-{number}",
        "match": match,
        "per": rng.choice(("gpu", "gpu", "gpu", "gpu", "rule", "location", "hostnode")),
        "for": rng.choice(("0s", "0s", "0s", "2m")),
        "keep_firing_for": rng.choice(("0s", "10m")),
    }


def _price(rng: Random, market: Snapshot, match: RuleDocument) -> RuleDocument:
    """Return a cap that up to five in a hundred offers of that GPU keep to."""
    share = rng.uniform(0, 0.05)
    if rng.random() < 0.7:
        cap = _quantile(market, match["gpu"], Shape(), share)
        floor = {"min_price_per_gpu_hour": round(cap / 3, 2)} if rng.random() < 0.2 else {}
        return {"max_price_per_gpu_hour": cap, **floor}
    resources = rng.choice(_SHAPES)
    shape = Shape(gpu_count=match["gpu_count"], **resources)
    total = _quantile(market, match["gpu"], shape, share)
    return {"resources": resources, "max_total_per_hour": total}


def _quantile(market: Snapshot, gpu: str | list[str], shape: Shape, share: float) -> float:
    globs = (gpu,) if isinstance(gpu, str) else tuple(gpu)
    wanted = OneOf(attribute=Attribute.GPU, globs=globs)
    models = {model for model in {offer.gpu for offer in market.offers} if wanted.accepts(model)}
    totals = sorted(
        total
        for offer in market.offers
        if offer.gpu in models and (total := quote(offer, shape)) is not None
    )
    return round(dollars(totals[int(share * len(totals))]), 6)
