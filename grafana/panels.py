"""The kinds of panels, in one style: each with what it needs and nothing to choose twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LineInterpolation,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    ValueMapping,
)

from grafana.frame import BLUE, GREY, AnyPanel, Frame, Steps, fixed, framed, legend, thresholds
from grafana.queries import Query

Colors = Mapping[str, str]
"""Colours by the names of series."""


def number(frame: Frame, query: Query, *, steps: Steps = ((None, BLUE),)) -> AnyPanel:
    """Return the last value as a number, its course behind it, coloured by `steps`."""
    return (
        framed(stat.Panel(), frame, [query])
        .graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .thresholds(thresholds(steps))
        .reduce_options(_last())
    )


def word(frame: Frame, query: Query, *, mappings: list[ValueMapping]) -> AnyPanel:
    """Return the last value as the word that `mappings` have for it."""
    return (
        framed(stat.Panel(), frame, [query])
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .mappings(mappings)
        .reduce_options(_last())
    )


def lines(
    frame: Frame,
    *queries: Query,
    colors: Colors | None = None,
    band: tuple[str, str] | None = None,
) -> AnyPanel:
    """Return lines over time; between the two series of `band`, upper and lower, it is filled."""
    panel = _over_time(frame, queries, colors)
    if band is not None:
        upper, lower = band
        filled = [DynamicConfigValue(*each) for each in (("fillBelowTo", lower), _OPAQUE)]
        panel.override_by_name(upper, filled)
    return panel


def stack(
    frame: Frame, *queries: Query, colors: Colors | None = None, bars: bool = False
) -> AnyPanel:
    """Return series stacked over time, as areas, or as bars."""
    return (
        _over_time(frame, queries, colors)
        .draw_style(GraphDrawStyle.BARS if bars else GraphDrawStyle.LINE)
        .fill_opacity(80 if bars else 25)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
        .min(0)
    )


def bars(frame: Frame, query: Query, *, steps: Steps = ((None, BLUE),)) -> AnyPanel:
    """Return a bar for each series, coloured by `steps`."""
    return (
        framed(bargauge.Panel(), frame, [query])
        .display_mode(BarGaugeDisplayMode.GRADIENT)
        .orientation(VizOrientation.HORIZONTAL)
        .thresholds(thresholds(steps))
        .reduce_options(_last())
        .min(0)
    )


def timeline(frame: Frame, *queries: Query, mappings: list[ValueMapping]) -> AnyPanel:
    """Return a band for each series that shows when it was in which state; no data is a gap."""
    return (
        framed(statetimeline.Panel(), frame, queries)
        .mappings(mappings)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(thresholds(((None, GREY),)))
        .show_value(VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .fill_opacity(75)
        .legend(legend())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: the query's field, its heading, and how its cells are shown.

    Steps colour the cell's background. A link is a title and an address, for each cell.
    """

    field: str
    heading: str
    unit: str | None = None
    decimals: int | None = None
    width: int | None = None
    steps: Steps = ()
    link: tuple[str, str] | None = None


def grid(
    frame: Frame, columns: Sequence[Column], *queries: Query, sort: str, descending: bool = False
) -> AnyPanel:
    """Return a table of `columns` alone, sorted by the one with the heading `sort`.

    The rows of several queries are merged by the labels they share; their values are the fields
    `Value #A`, `Value #B` and so on, and `Value` where there is one query.
    """
    panel = (
        framed(table.Panel(), frame, queries)
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
        .filterable(filterable=True)
        .footer(common.TableFooterOptions().enable_pagination(enable_pagination=True))
    )
    if len(queries) > 1:
        panel.with_transformation(DataTransformerConfig("merge", options={}))
    for transformation in _arranged(columns):
        panel.with_transformation(transformation)
    for column in columns:
        panel.override_by_name(column.heading, _cells(column))
    return panel


_OPAQUE = ("fillOpacity", 15)


def _over_time(frame: Frame, queries: Sequence[Query], colors: Colors | None) -> timeseries.Panel:
    """Return lines as steps: a price holds until the next poll, and does not slide there."""
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.ASCENDING)
    panel = (
        framed(timeseries.Panel(), frame, queries)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .line_interpolation(LineInterpolation.STEP_AFTER)
        .show_points(VisibilityMode.NEVER)
        .line_width(1)
        .fill_opacity(0)
        .legend(legend("lastNotNull", "min", "max"))
        .tooltip(tooltip)
    )
    for name, color in (colors or {}).items():
        panel.override_by_name(name, [fixed(color)])
    return panel


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _arranged(columns: Sequence[Column]) -> list[DataTransformerConfig]:
    """Keep the columns' fields, in their order, under their headings."""
    names = {"names": [column.field for column in columns]}
    organized = {
        "indexByName": {column.field: index for index, column in enumerate(columns)},
        "renameByName": {column.field: column.heading for column in columns},
    }
    return [
        DataTransformerConfig("filterFieldsByName", options={"include": names}),
        DataTransformerConfig("organize", options=organized),
    ]


def _cells(column: Column) -> list[DynamicConfigValue]:
    found: dict[str, object | None] = {
        "unit": column.unit,
        "decimals": column.decimals,
        "custom.width": column.width,
    }
    if column.steps:
        found["thresholds"] = thresholds(column.steps).build()
        found["color"] = {"mode": "thresholds"}
        found["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    if column.link is not None:
        title, url = column.link
        found["links"] = [{"title": title, "url": url}]
    return [DynamicConfigValue(name, value) for name, value in found.items() if value is not None]
