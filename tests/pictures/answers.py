"""What the queries of a panel answered, in the shape in which the panel shows it."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.integration.prometheus import Prometheus, Series, with_values

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series: what its legend says, and its points, seconds since 1970 and value."""

    name: str
    points: list[tuple[float, float]]


@dataclass(slots=True, kw_only=True)
class Answered:
    """A panel with what each of its queries answered, in their order."""

    panel: Json
    queries: list[str] = field(default_factory=list)
    answers: list[list[Series]] = field(default_factory=list)

    def lines(self) -> list[Line]:
        """Return all series of all queries."""
        targets = self.panel["targets"]
        return [
            Line(name=_legend(target.get("legendFormat", ""), each["metric"]), points=_points(each))
            for target, answer in zip(targets, self.answers, strict=True)
            for each in answer
        ]

    def rows(self) -> tuple[list[str], list[list[str | float]]]:
        """Return headings and rows of a table, as its transformations arrange them."""
        organized = next(t for t in self.panel["transformations"] if t["id"] == "organize")
        fields = sorted(places := organized["options"]["indexByName"], key=lambda it: places[it])
        names: dict[str, str] = organized["options"]["renameByName"]
        rows = [[row.get(each, "") for each in fields] for row in self._merged()]
        return [names[each] for each in fields], rows

    def _merged(self) -> list[dict[str, str | float]]:
        shared = set.intersection(*(set(a[0]["metric"]) for a in self.answers if a))
        merged: dict[tuple[str, ...], dict[str, str | float]] = {}
        for letter, answer in zip("ABCDEFGHIJ", self.answers, strict=False):
            for each in answer:
                key = tuple(each["metric"].get(label, "") for label in sorted(shared))
                row = merged.setdefault(key, {})
                row.update(each["metric"])
                row[f"Value #{letter}"] = float(each["value"][1])
        return list(merged.values())


def ask(
    prom: Prometheus, panel: Json, chosen: dict[str, str], *, over: timedelta, step: timedelta
) -> Answered:
    """Ask all queries of a panel, those over time over the last `over`."""
    asked = Answered(panel=panel)
    for target in panel["targets"]:
        expr = with_values(target["expr"], chosen)
        asked.queries.append(target["expr"])
        asked.answers.append(
            prom.now(expr)
            if target["instant"]
            else prom.over_time(expr, seconds=over.total_seconds(), step=step.total_seconds())
        )
    return asked


def _legend(template: str, labels: dict[str, str]) -> str:
    """Fill in a legend as Grafana does: a label that a series has not is empty."""
    return re.sub(r"{{\s*(\w+)\s*}}", lambda each: labels.get(each[1], ""), template).strip()


def _points(series: Series) -> list[tuple[float, float]]:
    pairs = series.get("values") or [series["value"]]
    return [(float(at), float(value)) for at, value in pairs]
