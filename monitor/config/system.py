"""From the `system` section to rules about the program, and whom they are told to."""

from collections.abc import Iterator
from dataclasses import replace

from monitor.alerting.notice import GroupLabel, NotifyPolicy
from monitor.config.model import Config, MatchConfig, RuleConfig
from monitor.config.model.system import SystemAlertConfig
from monitor.rules.alert import RuleName
from monitor.rules.rule import Rule
from monitor.rules.system import System, receiver_rule


def system_rules(config: Config) -> Iterator[tuple[Rule, NotifyPolicy]]:
    """Yield the rules about the program, each with its policy.

    Of a receiver that is dead the others are told: those of `system.notify`, and where it is the
    only one of them, all that there are.
    """
    wanted = config.system.notify
    told = config.notifications.notify if wanted is None else wanted
    for system in System:
        settings: SystemAlertConfig = getattr(config.system, system.removeprefix("system:"))
        if not settings.enabled:
            continue
        if system is not System.RECEIVER:
            yield _rule(RuleName(system), settings, told, config)
            continue
        every = tuple(each.name for each in config.receivers)
        for name in every:
            others = tuple(each for each in told if each != name)
            others = others or tuple(each for each in every if each != name)
            yield _rule(receiver_rule(name), settings, others, config)


def _rule(
    name: RuleName, settings: SystemAlertConfig, told: tuple[str, ...], config: Config
) -> tuple[Rule, NotifyPolicy]:
    written = RuleConfig(
        name=name,
        match=MatchConfig(),
        severity=settings.severity,
        notify=told,
        repeat_interval=config.system.repeat_interval,
    )
    rule = Rule(
        name=name,
        conditions=(),
        hold_for=settings.for_,
        keep_firing_for=settings.keep_firing_for,
        severity=settings.severity,
    )
    # They are told apart from offers, and in their own words.
    apart = (GroupLabel.RULE, GroupLabel.MARKETPLACE)
    policy = written.policy(config.notifications)
    return rule, replace(policy, group_by=apart)
