"""Hours and days that were rolled up in the old form tell the same in the new one."""

from contextlib import closing
from datetime import timedelta
from typing import Any

from alembic import command
from sqlalchemy import text

from monitor.history.selection import Model
from monitor.history.sketch import EXACT_VALUES, Sketch
from monitor.history.summary import Source
from monitor.history.varints import packed
from monitor.history.window import DAY, HOUR, Window
from monitor.market.offer import GpuModel
from monitor.store import migrate, rollups
from monitor.store.engine import Database
from monitor.store.types import UtcDateTime
from tests.contract.samples import NOON

MODEL = Model("tensordock", GpuModel("h100-sxm5-80gb"))
BEFORE = (
    "INSERT INTO marketplaces (id, name, version) VALUES (1, 'tensordock', 0)",
    "INSERT INTO gpus (id, name) VALUES (1, 'h100-sxm5-80gb')",
)
DOLLAR = 1_000_000_000
SECOND = 1_000_000
"""Microseconds."""


def old_sketch(weights: dict[int, int], *, rounded: bool = False) -> bytes:
    numbers = [int(rounded)]
    before = 0
    for value, weight in sorted(weights.items()):
        numbers += [value - before, weight]
        before = value
    return packed(numbers)


def old_row(length: timedelta, number: int, **changes: Any) -> dict[str, Any]:
    """Return a roll-up of the first form: one offer, at 2 $, with three GPUs free all the time."""
    at, seconds = NOON - NOON.hour * HOUR + number * length, length / timedelta(seconds=1)
    prices = ("best_low", "best_high", "best_mean", "best_median")
    return {
        "at": at,
        "low_at": at,
        **dict.fromkeys((*prices, "offers_high", "offers_mean", "offers_median"), 2 * DOLLAR),
        **{f"{of}_seconds": seconds for of in ("covered", "available", "offer", "hostnode")},
        "gpu_seconds": 3 * seconds,
        "marketplace_id": 1,
        "gpu_id": 1,
        "best_sketch": None,
        "offers_sketch": None,
        **changes,
    }


def moved(length: timedelta) -> dict[str, Any]:
    """Return what differs if the price was 3 $ for the first ten seconds."""
    rest = length // timedelta(microseconds=1) - 10 * SECOND
    sketch = old_sketch({2 * DOLLAR: rest, 3 * DOLLAR: 10 * SECOND})
    return {
        "low_at": NOON - NOON.hour * HOUR + length + timedelta(seconds=10),
        "best_high": 3 * DOLLAR,
        "offers_high": 3 * DOLLAR,
        "best_mean": 2 * DOLLAR + 5,
        "offers_mean": 2 * DOLLAR + 5,
        "best_sketch": sketch,
        "offers_sketch": sketch,
    }


def rounded(length: timedelta) -> dict[str, Any]:
    """Return what differs if offers were had at more prices than are kept exactly, and no best."""
    part = length // timedelta(microseconds=1) // (2 * EXACT_VALUES)
    weights = {2 * DOLLAR + 10**7 * index: part for index in range(2 * EXACT_VALUES)}
    sketch = Sketch.of(weights)
    return {
        "offers_high": 3 * DOLLAR,
        "offers_mean": 2 * DOLLAR + 7,
        "offers_sketch": old_sketch(dict(sketch.weights), rounded=True),
    }


def nothing_free(_: timedelta) -> dict[str, Any]:
    prices = ("best_low", "best_high", "best_mean", "best_median")
    none = dict.fromkeys((*prices, "offers_high", "offers_mean", "offers_median", "low_at"))
    seconds = ("available", "offer", "gpu", "hostnode")
    return {**none, **{f"{each}_seconds": 0 for each in seconds}}


def fill(database: Database) -> None:
    """Write, in the first form, hours over two days and as many days; one of each is not listed."""
    with database.transaction() as connection:
        command.upgrade(migrate._config(connection), "0006")
        for statement in BEFORE:
            connection.execute(text(statement))
        stored = UtcDateTime().process_bind_param
        for table, length in (("hourly_rollups", HOUR), ("daily_rollups", DAY)):
            changes = {1: moved(length), 2: rounded(length), 3: nothing_free(length)}
            for number in (*range(30), 31, 32):
                row = old_row(length, number, **changes.get(number, {}))
                for key in ("at", "low_at"):
                    row[key] = stored(row[key], connection.dialect)
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)  # noqa: S608  names of columns


def test_what_was_rolled_up_is_told_as_before(empty_url: str) -> None:
    since = NOON - NOON.hour * HOUR
    with closing(Database.open(empty_url)) as database:
        fill(database)
        migrate.upgrade(database)
        assert migrate.check(database) == ()
        with database.read() as connection:
            told = {
                length: rollups.read(connection, source, [MODEL], Window(since, since + 99 * DAY))
                for source, length in ((Source.HOURLY, HOUR), (Source.DAILY, DAY))
            }
            stretches = connection.scalar(text("SELECT count(*) FROM hourly_stretches"))
            hours = connection.execute(
                text("SELECT best_mean, available_seconds, gpu_seconds FROM hourly_rollups")
            ).all()
    assert stretches == 7
    assert len(hours) == 32
    assert hours.count((2 * DOLLAR, 3600, 3 * 3600)) == 30
    for length, by_model in told.items():
        rows = by_model[MODEL]
        assert [(at - since) // length for at in sorted(rows)] == [*range(30), 31, 32]
        plain, dearer, many, none = (rows[since + number * length] for number in range(4))
        assert plain.best is not None
        assert dearer.best is not None
        assert many.offers is not None
        assert (plain.covered, plain.available, plain.hostnode_time) == (length, length, length)
        assert (plain.gpu_time, plain.best.mean) == (3 * length, 2 * DOLLAR)
        assert (dearer.best.high, dearer.best.low_at) == (
            3 * DOLLAR,
            since + length + 10 * HOUR / 3600,
        )
        assert dearer.best.sketch.weights[3 * DOLLAR] == 10 * SECOND
        assert dearer.best == dearer.offers
        assert (many.offers.high, many.offers.mean) == (3 * DOLLAR, 2 * DOLLAR + 7)
        assert many.offers.sketch.rounded
        assert (none.best, none.offers, none.covered) == (None, None, length)
