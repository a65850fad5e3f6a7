"""The configuration as frozen values; field names are the keys of the file (`for_` is `for`).

Every key, its unit and its default are told in `docs/configuration.md`, which a test compares with
this package. What involves several keys at once (names that must exist, a maximum below its
minimum) is checked in `checks.py`, so that those mistakes are told together with the ones found
here.
"""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import PrivateAttr

from monitor.config.model.buying import (
    CloudInitConfig,
    GrabConfig,
    PresetConfig,
    PresetResourcesConfig,
    WriteFileConfig,
)
from monitor.config.model.rules import MatchConfig, ResourcesConfig, RuleConfig, RuleGrabConfig
from monitor.config.model.sources import (
    DatabaseConfig,
    MarketplaceConfig,
    MetricsConfig,
    ServerConfig,
)
from monitor.config.model.system import SystemConfig
from monitor.config.model.table import Table
from monitor.config.model.telling import (
    DigestConfig,
    EscalationConfig,
    NotificationsConfig,
    QuietHoursConfig,
    ReceiverConfig,
    TemplatesConfig,
)
from monitor.config.secret import Secret
from monitor.config.values import Some
from monitor.errors import Problem

__all__ = [
    "CloudInitConfig",
    "Config",
    "DatabaseConfig",
    "DigestConfig",
    "EscalationConfig",
    "GrabConfig",
    "MarketplaceConfig",
    "MatchConfig",
    "MetricsConfig",
    "NotificationsConfig",
    "PresetConfig",
    "PresetResourcesConfig",
    "QuietHoursConfig",
    "ReceiverConfig",
    "ResourcesConfig",
    "RuleConfig",
    "RuleGrabConfig",
    "ServerConfig",
    "SystemConfig",
    "Table",
    "TemplatesConfig",
    "WriteFileConfig",
]


class Config(Table):
    """The whole configuration; `warnings` are the things that are allowed but look wrong."""

    marketplaces: Annotated[tuple[MarketplaceConfig, ...], Some]
    database: DatabaseConfig = DatabaseConfig()
    server: ServerConfig = ServerConfig()
    metrics: MetricsConfig = MetricsConfig()
    receivers: tuple[ReceiverConfig, ...] = ()
    notifications: NotificationsConfig = NotificationsConfig()
    system: SystemConfig = SystemConfig()
    rules: tuple[RuleConfig, ...] = ()
    presets: tuple[PresetConfig, ...] = ()
    grab: GrabConfig = GrabConfig()
    _warnings: tuple[Problem, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What looks wrong although it is allowed, in file order."""
        return self._warnings

    def warned(self, warnings: tuple[Problem, ...]) -> Self:
        """Return the same configuration with these warnings."""
        copy = self.model_copy()
        copy._warnings = warnings  # noqa: SLF001 - a copy of ourselves
        return copy

    def secrets(self) -> frozenset[str]:
        """Return every secret in the clear, for the `Redactor` to learn."""
        return frozenset(_secrets(self))


def _secrets(value: object) -> Iterator[str]:
    match value:
        case Secret():
            yield value.reveal()
        case Table():
            for _, inner in value:
                yield from _secrets(inner)
        case tuple():
            for inner in value:
                yield from _secrets(inner)
        case _:
            return
