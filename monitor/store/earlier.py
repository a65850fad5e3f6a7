"""Roll-ups in the form that revision 0006 of the tables had, as revision 0007 takes them over."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate, groupby
from typing import Any

from sqlalchemy import RowMapping

from monitor.history.sketch import Sketch
from monitor.history.varints import packed, unpacked
from monitor.history.window import DAY, floor
from monitor.store.hours import Held, Hour, stretches


def stretches_of(rows: Iterable[RowMapping]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `hourly_stretches` for hours, which come by model in the order of time."""
    for (marketplace, gpu, _), each in groupby(rows, _day):
        for values in stretches(map(_hour, each)):
            yield {"marketplace_id": marketplace, "gpu_id": gpu, **values}


def _day(row: RowMapping) -> tuple[int, int, datetime]:
    return row["marketplace_id"], row["gpu_id"], floor(row["at"], DAY)


def _hour(row: RowMapping) -> Hour:
    return Hour(
        at=row["at"],
        held=Held(
            row["low_at"] and row["low_at"] - row["at"], *(row[each] for each in Held._fields[1:])
        ),
        gpu_seconds=row["gpu_seconds"],
        rest=tuple(_rest(row)),
    )


def _rest(row: RowMapping) -> Iterator[int]:
    yield round(1e6 * row["hostnode_seconds"]) - round(1e6 * row["offer_seconds"])
    if row["best_low"] is None:
        return
    if row["best_low"] != row["best_high"]:
        yield from _read(row["best_sketch"]).numbers()
    sketch = (
        Sketch({row["best_low"]: round(1e6 * row["offer_seconds"])})
        if row["offers_sketch"] is None
        else _read(row["offers_sketch"])
    )
    yield from sketch.numbers()
    if sketch.rounded:
        yield from (row["offers_high"], row["offers_mean"])


def shortened(old: bytes) -> bytes:
    """Return a sketch as it is written now."""
    return packed(_read(old).numbers())


def _read(old: bytes) -> Sketch:
    """Return the sketch as it was written: whether it is rounded, then values and weights."""
    rounded, *numbers = unpacked(old)
    values = accumulate(numbers[::2])
    return Sketch(dict(zip(values, numbers[1::2], strict=True)), rounded=bool(rounded))
