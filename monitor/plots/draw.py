"""Drawing what is known of models: prices over time, and the hours of the week."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from monitor.errors import PlotError
from monitor.history.pieces import Piece
from monitor.history.sessions import WEEKDAYS, Slot
from monitor.history.window import DAY, EPOCH, Window
from monitor.market.money import NanoDollars, dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HOURS = 24
_COLOURS = ("#1f77b4", "#d95f02", "#2a9d5c", "#c2185b", "#7e57c2", "#8d6e63", "#607d8b", "#b8a200")
_GREY = "#e9e9ec"
_LEAST_ROOM = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A model's best price and the GPUs free, step by step; `known` is when it was polled."""

    label: str
    price: Sequence[Piece[NanoDollars]]
    free: Sequence[Piece[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture: lines over a window, and if there are `hours`, how they lie in the week.

    `covered` are the stretches that were polled: all else is drawn as not known. `marks` are
    prices that are drawn across, with a word on each.
    """

    title: str
    footer: str
    window: Window
    zone: tzinfo
    covered: Sequence[Window]
    lines: Sequence[Line]
    marks: Mapping[str, NanoDollars]
    hours: Mapping[Slot, float] | None = None


def draw(chart: Chart) -> "Figure":
    """Return the picture.

    Raises:
        PlotError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  an optional extra, slow to load
    except ImportError as error:
        raise PlotError(
            "a picture needs matplotlib: `pip install matplotlib` beside gpu-monitor"
        ) from error
    heights = (5, 2) if chart.hours is None else (5, 2, 3.4)
    figure = Figure(figsize=(10, 1.1 + 0.72 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(heights), 1, height_ratios=heights)
    axes[1].sharex(axes[0])
    _prices(axes[0], chart)
    _free(axes[1], chart)
    if chart.hours is not None:
        _week(figure, axes[2], chart.hours, chart.zone)
    figure.suptitle(chart.title, fontsize=12, fontweight="bold", wrap=True)
    figure.supxlabel(chart.footer, fontsize=8, color="#666666")
    return figure


def save(chart: Chart, path: str) -> None:
    """Draw into a file; its suffix says how (`svg`, `png`, `pdf`).

    Raises:
        PlotError: matplotlib is not installed, does not know the suffix, or cannot write there.
    """
    figure = draw(chart)
    try:
        figure.savefig(path, dpi=130)
    except ValueError as error:
        raise PlotError(f"{path}: pictures end in .svg or .png") from error
    except OSError as error:
        raise PlotError(f"{path} cannot be written: {error.strerror or error}") from error


def _prices(axes: "Axes", chart: Chart) -> None:
    for line, colour in zip(chart.lines, _cycled(len(chart.lines)), strict=True):
        _steps(axes, line.price, colour, line.label, scale=dollars)
    for word, price in chart.marks.items():
        axes.axhline(dollars(price), color="#888888", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(
            word,
            (1, dollars(price)),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color="#555555",
        )
    _widen(axes)
    axes.set_ylabel("best price, $/h")
    axes.tick_params(labelbottom=False)
    _frame(axes, chart)
    if len(chart.lines) > 1:
        axes.legend(fontsize=8, frameon=False, ncols=3, loc="best")


def _widen(axes: "Axes") -> None:
    """Leave room above and below, so that a move of a cent does not look like a crash."""
    low, high = axes.dataLim.y0, axes.dataLim.y1
    room = max(0.08 * (high - low), _LEAST_ROOM * high)
    if math.isfinite(room):
        axes.set_ylim(max(low - room, 0), high + room)


def _free(axes: "Axes", chart: Chart) -> None:
    for line, colour in zip(chart.lines, _cycled(len(chart.lines)), strict=True):
        _steps(axes, line.free, colour, line.label, scale=float)
    axes.set_ylabel("GPUs free")
    axes.set_ylim(bottom=0)
    _frame(axes, chart)


def _steps(
    axes: "Axes", pieces: Sequence[Piece[Any]], colour: str, label: str, *, scale: Any
) -> None:
    """Draw a step function; where it has no value the line is broken."""
    times: list[float] = []
    values: list[float] = []
    for since, until, value in pieces:
        if times and times[-1] < _days(since):
            times.append(_days(since))
            values.append(float("nan"))
        times += [_days(since), _days(until)]
        values += [scale(value)] * 2
    axes.plot(times, values, color=colour, linewidth=1.4, label=label, solid_joinstyle="miter")


def _frame(axes: "Axes", chart: Chart) -> None:
    from matplotlib import dates  # noqa: PLC0415  as in `draw`

    at = chart.window.since
    for since, until in (*chart.covered, Window(chart.window.until, chart.window.until)):
        if at < since:
            axes.axvspan(_days(at), _days(since), color=_GREY, linewidth=0, zorder=0)
        at = until
    axes.set_xlim(_days(chart.window.since), _days(chart.window.until))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    locator = dates.AutoDateLocator(tz=chart.zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz=chart.zone))


def _week(figure: "Figure", axes: "Axes", hours: Mapping[Slot, float], zone: tzinfo) -> None:
    unknown = float("nan")
    grid = [[hours.get(Slot(day, hour), unknown) for hour in range(_HOURS)] for day in range(7)]
    image = axes.imshow(grid, aspect="auto", cmap="YlGn", vmin=0, vmax=1)
    axes.set_facecolor(_GREY)
    axes.set_yticks(range(7), WEEKDAYS)
    axes.set_xticks(range(0, _HOURS, 3), [f"{hour:02}" for hour in range(0, _HOURS, 3)])
    axes.set_xlabel(f"hour of the day, {zone}")
    bar = figure.colorbar(image, ax=axes, pad=0.01, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0 %", "50 %", "100 %"], fontsize=8)
    bar.set_label("could be had", fontsize=8)


def _days(at: datetime) -> float:
    """Return an instant as matplotlib counts: days since 1970."""
    return (at - EPOCH) / DAY


def _cycled(count: int) -> list[str]:
    return [_COLOURS[index % len(_COLOURS)] for index in range(count)]
