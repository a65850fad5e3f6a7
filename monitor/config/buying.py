"""From what is written about buying to what decides: presets, wishes and limits, frozen."""

from monitor.config.model import Config, RuleConfig, RuleGrabConfig
from monitor.config.presets import preset
from monitor.config.rules import rule
from monitor.grab.wish import Buying, Limits, Wish, stricter
from monitor.rules.alert import RuleName


def buying(config: Config) -> Buying:
    """Return all that `config` says about buying."""
    grab = config.grab
    wishes = (_wish(each, each.grab, config) for each in config.rules if each.grab is not None)
    return Buying(
        mode=grab.mode,
        wishes={wish.rule: wish for wish in wishes},
        limits=Limits(
            max_instances=grab.max_instances,
            max_total_per_hour=grab.max_total_per_hour,
            max_spend_per_day=grab.max_spend_per_day,
            max_spend_per_month=grab.max_spend_per_month,
            max_creates_per_hour=grab.max_creates_per_hour,
        ),
        stop_file=grab.stop_file,
        approve_within=grab.approve_within,
        max_attempts=grab.max_attempts,
        host_cooldown=grab.host_cooldown,
        orphans=grab.orphans,
        when_dearer=grab.when_dearer,
    )


def _wish(config: RuleConfig, grab: RuleGrabConfig, whole: Config) -> Wish:
    return Wish(
        rule=RuleName(config.name),
        preset=next(preset(each) for each in whole.presets if each.name == grab.preset),
        mode=stricter(grab.mode, whole.grab.mode),
        conditions=rule(config).conditions,
        max_total_per_hour=grab.max_total_per_hour,
        limits=Limits(
            max_instances=grab.max_instances,
            max_spend_per_day=grab.max_spend_per_day,
            max_spend_per_month=grab.max_spend_per_month,
            max_creates_per_hour=grab.max_creates_per_hour,
        ),
        cooldown=grab.cooldown,
        time_to_live=grab.time_to_live,
        stop_when_spent=grab.stop_when_spent,
        one_shot=grab.one_shot,
    )
