"""What a configuration comes to: everything that a reload swaps at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor import __version__
from monitor.alerting.notice import NO_TEMPLATES, TemplateTexts
from monitor.alerting.outbox import DestinationKey, is_told_states
from monitor.config.buying import buying
from monitor.config.model import Config, MarketplaceConfig, NotificationsConfig, ReceiverConfig
from monitor.config.rules import rule
from monitor.config.system import system_rules
from monitor.delivery.alertmanager import alertmanagers, basic, bearer
from monitor.delivery.apprise import screen
from monitor.delivery.destination import Destination, destinations
from monitor.grab.wish import Buying
from monitor.marketplaces.base import Marketplace
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.plan import Plan
from monitor.rules.alert import RuleName


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A configuration and what was built from it, frozen."""

    config: Config
    plan: Plan
    buying: Buying
    destinations: Mapping[DestinationKey, Destination]
    marketplaces: Mapping[str, tuple[MarketplaceConfig, Marketplace]]

    def close(self) -> None:
        """Close the connections to the marketplaces."""
        for _, marketplace in self.marketplaces.values():
            marketplace.close()


def set_up(config: Config) -> Setup:
    """Build what `config` describes; reads no network."""
    told = {receiver.name: _destinations(receiver) for receiver in config.receivers}
    return Setup(
        config=config,
        plan=_plan(config, told),
        buying=buying(config),
        destinations={each.key: each for group in told.values() for each in group},
        marketplaces={each.name: (each, _marketplace(each)) for each in config.marketplaces},
    )


def _destinations(receiver: ReceiverConfig) -> tuple[Destination, ...]:
    if receiver.kind == "apprise":
        urls = [url.reveal() for url in receiver.urls or ()]
        return destinations(receiver.name, urls, receiver.rate_limit)
    authorization = None
    if receiver.token is not None:
        authorization = bearer(receiver.token.reveal())
    elif receiver.username is not None and receiver.password is not None:
        authorization = basic(receiver.username, receiver.password.reveal())
    return alertmanagers(
        receiver.name,
        receiver.url or (),
        authorization=authorization,
        generator_url=receiver.generator_url,
    )


def _plan(config: Config, told: Mapping[str, tuple[Destination, ...]]) -> Plan:
    defaults = config.notifications
    system = {found.name: (found, policy) for found, policy in system_rules(config)}
    own = {RuleName(each.name): each.policy(defaults) for each in config.rules}
    return Plan(
        rules={RuleName(each.name): rule(each) for each in config.rules},
        policies=own | {name: policy for name, (_, policy) in system.items()},
        system={name: found for name, (found, _) in system.items()},
        destinations={name: tuple(each.key for each in group) for name, group in told.items()},
        operators=defaults.notify,
        templates={each.name: _templates(each, defaults) for each in config.receivers},
        screens={
            each.key: screen(each.url.reveal())
            for group in told.values()
            for each in group
            if not is_told_states(each.key)
        },
    )


def _templates(receiver: ReceiverConfig, defaults: NotificationsConfig) -> TemplateTexts:
    own, others = (
        NO_TEMPLATES if each.templates is None else each.templates.texts()
        for each in (receiver, defaults)
    )
    return own.over(others)


def _marketplace(config: MarketplaceConfig) -> Marketplace:
    return TensorDock.connect(
        name=config.name,
        base_url=config.base_url,
        token=config.token.reveal(),
        write_token=None if config.write_token is None else config.write_token.reveal(),
        timeout=config.timeout,
        create_timeout=config.create_timeout,
        version=__version__,
    )
