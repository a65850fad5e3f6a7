"""What is allowed and yet looks wrong: told as warnings, with their positions."""

import re
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from monitor.alerting.notice import NotifyPolicy
from monitor.config.model import (
    Config,
    MarketplaceConfig,
    MatchConfig,
    NotificationsConfig,
    PresetConfig,
    RuleConfig,
    RuleGrabConfig,
)
from monitor.config.names import did_you_mean
from monitor.config.place import Finding, Place
from monitor.grab.wish import stricter
from monitor.market.money import NANO_PER_DOLLAR
from monitor.rules.against import Yardstick

SHORTEST_POLL = timedelta(seconds=5)
"""Each poll is a request, or several; the marketplace allows about 100 a minute to all programs."""

SHORTEST_RETENTION = timedelta(days=7)
"""What is deleted cannot be had back, and `400m` is soon written for `400d`."""

DEAREST_GPU = 50 * NANO_PER_DOLLAR
"""Per hour. The dearest in the recorded markets is at 2.49 $: above this a point is missing."""

_COUNTRY_CODE = re.compile("[A-Za-z]{2,3}")

GPU_NAMES = (
    "a100-nvlink-40gb",
    "a100-pcie-40gb",
    "a100-pcie-80gb",
    "a100-sxm4-80gb",
    "a40-pcie-48gb",
    "geforcertx3060-pcie-12gb",
    "geforcertx3080ti-pcie-12gb",
    "geforcertx3090-pcie-24gb",
    "geforcertx4080-pcie-16gb",
    "geforcertx4090-pcie-24gb",
    "geforcertx5090-pcie-32gb",
    "h100-pcie-80gb",
    "h100-sxm5-80gb",
    "l4-pcie-24gb",
    "l40-pcie-48gb",
    "l40s-pcie-48gb",
    "rtx5000ada-pcie-32gb",
    "rtx6000ada-pcie-48gb",
    "rtxa4000-pcie-16gb",
    "rtxa5000-pcie-24gb",
    "rtxa6000-pcie-48gb",
    "t4-pcie-16gb",
    "v100-pcie-16gb",
    "v100-sxm2-16gb",
    "v100-sxm3-32gb",
)
"""The GPU models that the marketplace has been seen to sell."""

IMAGES = (
    "ubuntu2204",
    "ubuntu2204_base",
    "ubuntu2204_nvidia_550",
    "ubuntu2204_nvidia_570",
    "ubuntu2404",
    "ubuntu2404_base",
    "ubuntu2404_ml_everything",
    "ubuntu2404_ml_pytorch",
    "ubuntu2404_ml_tensorflow",
    "ubuntu2404_nvidia_550",
    "ubuntu2404_nvidia_570",
    "windows10",
)
"""The images that the marketplace has been seen to take; the list changes over time."""


def suspicions(config: Config) -> Iterator[Finding]:
    """Yield what looks wrong in a configuration without mistakes."""
    for index, marketplace in enumerate(config.marketplaces):
        yield from _marketplace(("marketplaces", index), marketplace)
    if config.database.retention < SHORTEST_RETENTION:
        yield ("database", "retention"), "is under 7d (`d` is days): older history is deleted"
    yield from _intervals(("notifications",), config.notifications)
    for index, rule in enumerate(config.rules):
        yield from _rule(("rules", index), rule, config)
    for index, preset in enumerate(config.presets):
        yield from _preset(("presets", index), preset)


def _marketplace(place: Place, marketplace: MarketplaceConfig) -> Iterator[Finding]:
    url = urlsplit(marketplace.base_url)
    if _is_loopback(str(url.hostname)):
        return
    if url.scheme == "http":
        yield (*place, "base_url"), "sends the token unencrypted; use https"
    if marketplace.poll_interval < SHORTEST_POLL:
        yield (
            (*place, "poll_interval"),
            "is under 5s; the marketplace allows about 100 requests a minute in all",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _rule(place: Place, rule: RuleConfig, config: Config) -> Iterator[Finding]:
    policy = rule.policy(config.notifications)
    if not policy.notify:
        yield (*place, "notify"), "this rule notifies nobody: its alerts are recorded and no more"
    if rule.group_interval or rule.repeat_interval:
        yield from _intervals(place, policy)
    if rule.match == MatchConfig():
        yield (*place, "match"), "matches every offer"
    yield from _windows((*place, "match"), rule.match, config.database.retention)
    yield from _slips((*place, "match"), rule.match)
    for index, glob in enumerate(rule.match.gpu or ()):
        if not any(fnmatchcase(name, glob.lower()) for name in GPU_NAMES):
            hint = did_you_mean(glob, GPU_NAMES)
            yield (*place, "match", "gpu", index), f"fits no GPU seen so far{hint}"
    if rule.grab:
        yield from _rule_grab(place, rule, rule.grab, config)


def _slips(place: Place, match: MatchConfig) -> Iterator[Finding]:
    """Yield what a slip of the pen makes of a condition: one that all meet, or none."""
    for key in ("min_uptime", "uptime_below"):
        if 0 < (getattr(match, key) or 0) <= 1:
            yield (*place, key), "is at most 1 %: uptime is in percent, such as 99.5"
    for key, gpus in (("max_price_per_gpu_hour", 1), ("max_total_per_hour", match.gpu_count)):
        if (getattr(match, key) or 0) > DEAREST_GPU * gpus:
            yield (*place, key), "is over 50 $ for each GPU and hour"
    for index, glob in enumerate(match.country or ()):
        if _COUNTRY_CODE.fullmatch(glob):
            yield (*place, "country", index), "is no country's name in full, such as `Norway`"


def _windows(place: Place, match: MatchConfig, retention: timedelta) -> Iterator[Finding]:
    for key in Yardstick:
        lookback = getattr(match, key)
        if lookback is not None and lookback.window > retention:
            yield (*place, key.value, "window"), "is longer than `database.retention` keeps history"


def _intervals(place: Place, told: NotificationsConfig | NotifyPolicy) -> Iterator[Finding]:
    if told.repeat_interval < told.group_interval:
        yield (*place, "repeat_interval"), "is shorter than group_interval, which holds it back"


def _rule_grab(
    place: Place, rule: RuleConfig, grab: RuleGrabConfig, config: Config
) -> Iterator[Finding]:
    match = rule.match
    if "mode" in grab.model_fields_set and stricter(grab.mode, config.grab.mode) != grab.mode:
        told = f"is held to `{config.grab.mode.value}` by `grab.mode`"
        yield (*place, "grab", "mode"), told
    if not (grab.max_total_per_hour or match.max_total_per_hour or match.max_price_per_gpu_hour):
        yield (*place, "grab"), "buys at any price: there is no max_total_per_hour"
    wanted = next(p.resources.gpu_count for p in config.presets if p.name == grab.preset)
    if wanted > match.gpu_count:
        yield (
            (*place, "grab", "preset"),
            f"takes {wanted} GPUs, but the rule matches offers of {match.gpu_count}",
        )


def _preset(place: Place, preset: PresetConfig) -> Iterator[Finding]:
    if preset.image not in IMAGES:
        hint = did_you_mean(preset.image, IMAGES)
        yield (*place, "image"), f"is not an image seen so far{hint}"
