"""Draws a dashboard from what its panels' queries answered: their layout, colours and units.

It is a drawing by matplotlib, not a picture of Grafana, and does not pretend to be one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.pictures.answers import Answered, Json, Line

mpl.use("Agg")
mpl.rcParams.update(
    {
        "font.size": 7,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
_INK, _PALE, _CARD = "#24292f", "#6e7781", "#f6f8fa"
_NAMED = {
    "green": "#3a9d4d",
    "yellow": "#d9a514",
    "orange": "#e8762c",
    "red": "#d43f3a",
    "blue": "#3b78c9",
    "purple": "#8457c4",
}
_COLUMN, _ROW = 0.58, 0.33
_MOST_ROWS, _MOST_LEGEND = 12, 8
_KINDS: dict[str, Any] = {}


def draw(title: str, panels: Sequence[tuple[Json, Answered | None]], file: Path) -> None:
    """Draw panels where the grid has them; without an answer it is the heading of a row."""
    height = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p, _ in panels)
    size = (24 * _COLUMN, height * _ROW + 0.5)
    figure = plt.figure(figsize=size, facecolor="white")
    figure.text(0.01, 1 - 0.25 / size[1], title, size=13, weight="bold", color=_INK, va="center")
    for panel, answered in panels:
        _place(figure, panel, answered, size, height)
    figure.savefig(file, dpi=90, metadata={"Software": None})
    plt.close(figure)


def told(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value with its unit, as a person reads it."""
    match unit:
        case "currencyUSD":
            return f"${value:.{2 if decimals is None else decimals}f}"
        case "percentunit":
            return f"{100 * value:.{1 if decimals is None else decimals}f} %"
        case "s" if value >= 120:
            return f"{value / 60:.1f} min"
        case "s" if value < 1:
            return f"{1000 * value:.3g} ms"
        case "s":
            return f"{value:.3g} s"
        case _:
            return f"{value:.5g}" if decimals is None else f"{value:.{decimals}f}"


def _place(
    figure: Figure, panel: Json, answered: Answered | None, size: tuple[float, float], rows: int
) -> None:
    at, (wide, high) = panel["gridPos"], size
    left, width = at["x"] * _COLUMN / wide, at["w"] * _COLUMN / wide
    bottom = (rows - at["y"] - at["h"]) * _ROW / high
    height = at["h"] * _ROW / high
    if answered is None:
        figure.text(
            left + 0.01, bottom + height / 2, panel["title"], size=10, color=_PALE, va="center"
        )
        return
    gap = 0.05
    card = figure.add_axes(
        (left + gap / wide, bottom + gap / high, width - 2 * gap / wide, height - 2 * gap / high)
    )
    card.set_facecolor(_CARD)
    card.set(xticks=[], yticks=[])
    for spine in card.spines.values():
        spine.set_visible(False)
    card.text(
        0.012 * 24 / at["w"],
        1 - 0.13 / (at["h"] * _ROW),
        panel["title"],
        size=8,
        weight="bold",
        color=_INK,
        va="center",
        transform=card.transAxes,
    )
    _KINDS[panel["type"]](card, answered, at["w"] * _COLUMN, at["h"] * _ROW)


def _inside(card: Axes, wide: float, high: float, *, left: float, below: float) -> Axes:
    """Return axes in a card, with room in inches to the left and below."""
    axes = card.inset_axes(
        (left / wide, below / high, 1 - (left + 0.15) / wide, 1 - (below + 0.32) / high)
    )
    axes.tick_params(length=2, colors=_PALE)
    axes.set_facecolor(_CARD)
    for name in ("top", "right", "left", "bottom"):
        axes.spines[name].set_color("#d0d7de")
    return axes


def _stat(card: Axes, answered: Answered, _wide: float, _high: float) -> None:
    defaults = answered.panel["fieldConfig"]["defaults"]
    lines = answered.lines()
    if not lines:
        text, color = defaults["noValue"], _PALE
    else:
        value = lines[0].points[-1][1]
        text, color = _mapped(defaults, value) or (
            told(value, defaults["unit"], defaults.get("decimals")),
            _stepped(defaults, value),
        )
    card.text(
        0.5, 0.42, text, size=20 if len(text) < 9 else 14, color=color, ha="center", va="center"
    )


def _timeseries(card: Axes, answered: Answered, wide: float, high: float) -> None:
    defaults = answered.panel["fieldConfig"]["defaults"]
    custom, colors = defaults.get("custom", {}), _fixed(answered.panel)
    lines = sorted(answered.lines(), key=lambda line: -line.points[-1][1])
    shown = min(len(lines), _MOST_LEGEND)
    axes = _inside(card, wide, high, left=0.55, below=0.36 + 0.13 * ((shown + 1) // 2))
    if "stacking" in custom:
        _stacked(axes, lines, colors, bars=custom.get("drawStyle") == "bars")
    else:
        for line in lines:
            x, y = _whole(line)
            axes.step(x, y, where="post", lw=1, label=line.name, color=colors.get(line.name))
    axes.yaxis.set_major_formatter(
        lambda value, _: told(value, defaults["unit"], defaults.get("decimals"))
    )
    _time(axes, wide)
    if lines and lines[0].name:
        entries, names = axes.get_legend_handles_labels()
        axes.legend(
            entries[:shown],
            [_short(name) for name in names[:shown]],
            loc="upper left",
            bbox_to_anchor=(0, -0.28 / (high - 0.7)),
            ncols=2,
            frameon=False,
            fontsize=6,
        )


def _stacked(axes: Axes, lines: list[Line], colors: dict[str, str], *, bars: bool) -> None:
    times = sorted({at for line in lines for at, _ in line.points})
    x = [datetime.fromtimestamp(at, UTC) for at in times]
    below = [0.0] * len(times)
    shades = plt.get_cmap("tab20")
    for number, line in enumerate(lines):
        known = dict(line.points)
        top = [base + known.get(at, 0) for base, at in zip(below, times, strict=True)]
        axes.fill_between(
            cast("Any", x),
            below,
            top,
            step="post",
            lw=0.2,
            alpha=0.9 if bars else 0.6,
            label=line.name,
            color=colors.get(line.name) or shades(number % shades.N),
        )
        below = top


def _bargauge(card: Axes, answered: Answered, wide: float, high: float) -> None:
    defaults = answered.panel["fieldConfig"]["defaults"]
    lines = answered.lines()[:18][::-1]
    axes = _inside(card, wide, high, left=1.65, below=0.1)
    values = [line.points[-1][1] for line in lines]
    axes.barh(
        range(len(lines)),
        values,
        color=[_stepped(defaults, value) for value in values],
        height=0.7,
    )
    axes.set_yticks(range(len(lines)), [_short(line.name, 22) for line in lines])
    for row, value in enumerate(values):
        axes.text(value, row, " " + told(value, defaults["unit"], defaults.get("decimals")))
    axes.set_xlim(0, 1.15 * max(values))
    axes.set_xticks([])
    axes.tick_params(length=0, colors=_INK)


def _table(card: Axes, answered: Answered, wide: float, high: float) -> None:
    headings, rows = answered.rows()
    config = answered.panel["fieldConfig"]
    looks = {o["matcher"]["options"]: _properties(o) for o in config["overrides"]}
    sort = answered.panel["options"]["sortBy"][0]
    column = headings.index(sort["displayName"])
    rows.sort(key=lambda row: (row[column] == "", row[column]), reverse=sort["desc"])
    rows = rows[: min(_MOST_ROWS, int((high - 0.7) / 0.2))]
    texts = [[_cell(v, looks.get(h, {})) for h, v in zip(headings, r, strict=True)] for r in rows]
    widths = [
        max(len(text) for text in (h, *(row[i] for row in texts))) + 2
        for i, h in enumerate(headings)
    ]
    x, total = 0.1 / wide, sum(widths)
    for index, heading in enumerate(headings):
        y = 1 - 0.42 / high
        card.text(x, y, heading, weight="bold", color=_PALE, va="center")
        for row, line in zip(rows, texts, strict=True):
            y -= 0.2 / high
            steps = looks.get(heading, {}).get("thresholds")
            value = row[index]
            color = _stepped({"thresholds": steps}, value) if steps and value != "" else _INK
            card.text(x, y, line[index], color=color, va="center")
        x += widths[index] / total * (1 - 0.2 / wide)


def _state_timeline(card: Axes, answered: Answered, wide: float, high: float) -> None:
    defaults = answered.panel["fieldConfig"]["defaults"]
    lines = answered.lines()[:16][::-1]
    axes = _inside(card, wide, high, left=1.65, below=0.3)
    for row, line in enumerate(lines):
        width = (line.points[1][0] - line.points[0][0]) / 86400 if len(line.points) > 1 else 0.01
        for at, value in line.points:
            found = _mapped(defaults, value) or ("", _PALE)
            left = cast("Any", datetime.fromtimestamp(at, UTC))
            axes.barh(row, width, left=left, height=0.8, color=found[1], lw=0)
    axes.set_yticks(range(len(lines)), [_short(line.name, 24) for line in lines])
    _time(axes, wide)


_KINDS.update(
    {
        "stat": _stat,
        "timeseries": _timeseries,
        "bargauge": _bargauge,
        "table": _table,
        "state-timeline": _state_timeline,
    }
)


def _time(axes: Axes, wide: float) -> None:
    axes.xaxis.set_major_locator(ticker.MaxNLocator(max(1, int(wide))))
    axes.xaxis.set_major_formatter(_day)


def _day(at: float, _position: float) -> str:
    """Return a time of an axis, which counts days since 1970."""
    return datetime.fromtimestamp(86400 * at, UTC).strftime("%d %b %H:%M")


def _whole(line: Line) -> tuple[Any, list[float]]:
    """Return the points with a break where there are none for a while."""
    found: list[tuple[float, float]] = []
    usual = min(
        (b - a for (a, _), (b, _) in zip(line.points, line.points[1:], strict=False)), default=0
    )
    for at, value in line.points:
        if found and at - found[-1][0] > 1.5 * usual:
            found.append((found[-1][0] + usual, float("nan")))
        found.append((at, value))
    return [datetime.fromtimestamp(at, UTC) for at, _ in found], [value for _, value in found]


def _properties(override: Json) -> Json:
    return {each["id"]: each["value"] for each in override["properties"]}


def _fixed(panel: Json) -> dict[str, str]:
    found = {o["matcher"]["options"]: _properties(o) for o in panel["fieldConfig"]["overrides"]}
    return {
        name: _NAMED.get(it["color"]["fixedColor"], it["color"]["fixedColor"])
        for name, it in found.items()
        if "color" in it
    }


def _mapped(defaults: Json, value: float) -> tuple[str, str] | None:
    for mapping in defaults.get("mappings", ()):
        option = mapping["options"]
        low, high = option.get("from"), option.get("to")
        if (low is None or value >= low) and (high is None or value <= high):
            color = option["result"]["color"]
            return option["result"]["text"], _NAMED.get(color, color)
    return None


def _stepped(defaults: Json, value: float | str) -> str:
    color = _INK
    for step in defaults.get("thresholds", {"steps": ()})["steps"]:
        if step["value"] is None or (not isinstance(value, str) and value >= step["value"]):
            color = step["color"]
    return _NAMED.get(color, color)


def _cell(value: str | float, look: Json) -> str:
    if isinstance(value, str):
        return _short(value, 20)
    return told(value, look.get("unit", "short"), look.get("decimals"))


def _short(name: str, most: int = 44) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
