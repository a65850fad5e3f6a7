"""What every panel shares: its words, unit and size, its colours, and the queries it asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DataSourceRef,
    DynamicConfigValue,
    Panel,
    RangeMap,
    Threshold,
    ThresholdsMode,
    ValueMapping,
    ValueMappingResult,
)

from grafana.queries import Query

AnyPanel = Builder[Panel]
Steps = Sequence[tuple[float | None, str]]
"""Thresholds: from each value on, its colour; the first one has no value."""

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE = "green", "yellow", "orange", "red", "blue", "purple"
GREY = "#808080"
USD = "currencyUSD"
RATIO = "percentunit"
COUNT = "short"
SECONDS = "s"
NO_HOSTNODES = "needs metrics.hostnode_series"
"""Shown instead of "No data" where the series of hostnodes may have been switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every panel has: its words, its unit, and its size in the grid of 24 columns.

    `no_value` is shown where a query finds nothing, and says what that means.
    """

    title: str
    description: str
    unit: str
    width: int = 12
    height: int = 9
    decimals: int | None = None
    no_value: str = "none"


class _Framed(Protocol):
    """What the builders of all kinds of panels share."""

    def build(self) -> Panel: ...
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def decimals(self, decimals: float) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def with_target(self, target: Builder[Dataquery]) -> Self: ...


_P = TypeVar("_P", bound=_Framed)


def framed(panel: _P, frame: Frame, queries: Iterable[Query]) -> _P:
    """Put a panel into its frame and let it ask its queries, all of one data source."""
    panel.title(frame.title).description(frame.description)
    panel.span(frame.width).height(frame.height).unit(frame.unit).no_value(frame.no_value)
    if frame.decimals is not None:
        panel.decimals(frame.decimals)
    for ref, query in zip(ascii_uppercase, queries, strict=False):
        panel.datasource(query.source).with_target(query.target(ref))
    return panel


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Return thresholds by absolute values."""
    found = [Threshold(value, color) for value, color in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def ranges(*found: tuple[float | None, float | None, str, str]) -> list[ValueMapping]:
    """Return mappings of values from … to … (both included) to a text and a colour."""
    return [
        RangeMap(
            DashboardRangeMapOptions(
                from_val=low, to=high, result=ValueMappingResult(text=text, color=color, index=n)
            )
        )
        for n, (low, high, text, color) in enumerate(found)
    ]


def legend(*calcs: str) -> common.VizLegendOptions:
    """Return a legend below the panel: a table of `calcs`, or names alone."""
    mode = LegendDisplayMode.TABLE if calcs else LegendDisplayMode.LIST
    return (
        common.VizLegendOptions()
        .display_mode(mode)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
        .calcs(list(calcs))
    )


def fixed(color: str) -> DynamicConfigValue:
    """Return what gives a series its colour."""
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})
