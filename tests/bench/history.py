"""How much room history takes, and how fast a year of it is read."""

import sqlite3
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from random import Random

from monitor.history.selection import Selection
from monitor.history.window import DAY, EPOCH, Window
from monitor.market.hostnode import Hostnode
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.marketplaces.replay import RecordedHostnodes, open_replay
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.store import marketplaces, migrate, polls, retention, rollups, space, statistics
from monitor.store.engine import Database
from monitor.store.observations import Observations
from tests.bench.figures import Figure, medians

REPLAYS = Path(__file__).parents[1] / "fixtures" / "replay"
INTERVAL = timedelta(minutes=1)
MARKETPLACE = "tensordock"
PROMETHEUS = 4320
"""Bytes of an offer and day: 1.5 a sample, price and count each minute."""

_SETTLED = timedelta(days=8)
"""After this time good polls are deleted as fast as new ones come."""
_GPU = "h100-sxm5-80gb"
_YEAR_FROM = datetime(2025, 1, 1, tzinfo=EPOCH.tzinfo)
_MICROSECOND = timedelta(microseconds=1)


def room(days: int) -> list[Figure]:
    """Measure what a day of polling each minute adds to the file, with the recorded changes.

    The two recordings of four weeks are one market: at each minute it looks as it did when last
    recorded. Everything the daemon writes is counted: polls, intervals, coverage, roll-ups.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        with closing(Database.open(f"sqlite:///{file}")) as database:
            migrate.upgrade(database)
            market = _Market(database)
            market.go_on(_SETTLED)
            before = _bytes(database)
            offer_days = market.go_on(timedelta(days=days))
            ours = (_bytes(database) - before) / offer_days
        plain = _plain_rows(Path(folder) / "plain.db", round(offer_days * DAY / INTERVAL))
    per_row = plain / offer_days
    what = "bytes on disk per offer and day, recorded churn, polled each minute"
    return [
        Figure(
            what=f"{what}, against a row per offer and poll",
            unit="B",
            measured=ours,
            floor=per_row,
            at_most=1 / 20,
        ),
        Figure(
            what=f"{what}, against Prometheus' 1.5 B a sample",
            unit="B",
            measured=ours,
            floor=PROMETHEUS,
            at_most=1 / 4,
        ),
    ]


def year(rounds: int, days: int, *, unbounded: bool) -> list[Figure]:
    """Measure daily low, median and availability of one model, against reading the pages once.

    300 hostnodes sell it, and each offer changes 50 times a day. The floor is sqlite3 alone,
    `SELECT count(*), sum(price)` of the table of intervals. What the same comes to from intervals
    alone has no bound: nearly all of the time goes there.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        with closing(Database.open(f"sqlite:///{file}")) as database:
            migrate.upgrade(database)
            _fill(file, days)
            _roll_up(database)
            until = _YEAR_FROM + timedelta(days=days)
            whole, month = Window(_YEAR_FROM, until), Window(until - 30 * DAY, until)
            with closing(sqlite3.connect(file)) as plain:
                asked = (whole, month) if unbounded else (whole,)
                floor, measured, *raw = medians(
                    rounds,
                    lambda: partial(_scan, plain),
                    *(partial(partial, _ask, database, window) for window in asked),
                )
    what = f"daily low, median and availability, 300 hostnodes, {days} days of 50 changes each"
    bounded = Figure(what=what, unit="ms", measured=measured, floor=floor, at_most=10)
    return [
        bounded,
        *(
            Figure(
                what="the same of the last 30 days, from the intervals alone",
                unit="ms",
                measured=taken,
                floor=floor * 30 / days,
            )
            for taken in raw
        ),
    ]


@cache
def _recorded() -> tuple[list[datetime], list[Snapshot]]:
    """Return both recordings as one market, by instant."""
    files = ("h100-pcie-2025-10.jsonl.gz", "a100-sxm4-2025-10.jsonl.gz")
    first, second = ({each.at: each for each in _snapshots(REPLAYS / file)} for file in files)
    instants = sorted(first.keys() & second.keys())
    return instants, [
        replace(
            first[at],
            hostnodes=_distinct(first[at], second[at]),
            offers=first[at].offers + second[at].offers,
        )
        for at in instants
    ]


def _distinct(one: Snapshot, other: Snapshot) -> tuple[Hostnode, ...]:
    return tuple({node.id: node for node in (*one.hostnodes, *other.hostnodes)}.values())


def _snapshots(file: Path) -> Iterator[Snapshot]:
    with open_replay(file) as lines:
        for line in lines:
            if isinstance(line, RecordedHostnodes):
                yield decode_hostnodes(line.body, marketplace=MARKETPLACE, at=line.at)


class _Market:
    """The recorded market, polled each minute into a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = Observations()
        self._now = _recorded()[0][0]

    def go_on(self, time: timedelta) -> float:
        """Poll for `time`, and do each day what the daemon does; return the days of all offers."""
        offer_days, until = 0.0, self._now + time
        while self._now < until:
            with self._database.transaction() as connection:
                for _ in range(60):
                    self._now += INTERVAL
                    seen = self._look()
                    offer_days += len(seen.offers) * (INTERVAL / DAY)
                    marketplace = marketplaces.lock(connection, MARKETPLACE)
                    polls.record(connection, marketplace, _poll(seen))
                    self._known.record(connection, marketplace, seen, interval=INTERVAL)
            _roll_up(self._database)
            self._tidy_up()
        return offer_days

    def _look(self) -> Snapshot:
        instants, seen = _recorded()
        return replace(seen[bisect_right(instants, self._now) - 1], at=self._now)

    def _tidy_up(self) -> None:
        with self._database.transaction() as connection:
            retention.prune(connection, keep=400 * DAY, limit=500)
        with self._database.transaction() as connection:
            space.give_back(connection, pages=500)


def _poll(seen: Snapshot) -> Poll:
    return Poll(
        marketplace=MARKETPLACE, at=seen.at, outcome=Outcome.OK, duration=0.25, snapshot=seen
    )


def _roll_up(database: Database) -> None:
    with database.transaction() as connection:
        rollups.begin(connection)
    while True:
        with database.read() as connection:
            batch = rollups.due(connection, MARKETPLACE)
            if batch is None:
                return
            made = rollups.make(connection, batch)
        with database.transaction() as connection:
            rollups.write(connection, batch, made)


def _bytes(database: Database) -> int:
    """Return the bytes in use of a SQLite file: its pages but the empty ones."""
    with database.read() as connection:
        pages, empty, size = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - empty) * size)


def _plain_rows(file: Path, rows: int) -> int:
    """Return the bytes of a table with a row per offer and poll, and no index."""
    with closing(sqlite3.connect(file)) as plain:
        plain.execute("CREATE TABLE samples (at INTEGER, offer INTEGER, price INTEGER, n INTEGER)")
        plain.executemany(
            "INSERT INTO samples VALUES (?, ?, ?, ?)",
            ((1_760_000_000 + 60 * (n // 8), n % 8, 2_100_000_000, 3) for n in range(rows)),
        )
        plain.commit()
    return file.stat().st_size


def _fill(file: Path, days: int) -> None:
    """Write the history of a model on 300 hostnodes, each of which changes 50 times a day."""
    since, until = _YEAR_FROM, _YEAR_FROM + timedelta(days=days)
    with closing(sqlite3.connect(file)) as plain:
        plain.execute(
            "INSERT INTO marketplaces (id, name, version, history_token, recorded_until)"
            " VALUES (1, ?, 1, 'x', ?)",
            (MARKETPLACE, _stored(until)),
        )
        plain.execute("INSERT INTO coverage VALUES (1, ?, ?)", (_stored(since), _stored(until)))
        plain.execute("INSERT INTO gpus VALUES (1, ?)", (_GPU,))
        numbers = range(1, 301)
        plain.executemany(
            "INSERT INTO hostnodes VALUES (?, 1, ?)", [(n, f"hostnode-{n}") for n in numbers]
        )
        plain.executemany("INSERT INTO offers VALUES (?, ?, 1)", [(n, n) for n in numbers])
        plain.executemany(
            "INSERT INTO offer_intervals (offer_id, valid_from, valid_to, price, available, gap)"
            " VALUES (?, ?, ?, ?, ?, 0)",
            (row for n in numbers for row in _intervals(n, days)),
        )
        plain.commit()


def _intervals(offer: int, days: int) -> Iterator[tuple[int, ...]]:
    rng = Random(offer)  # noqa: S311  repeatable, not secret
    changes = 50 * days
    length = _stored(EPOCH + days * DAY) // changes
    since = _stored(_YEAR_FROM)
    for index in range(changes):
        until = since + length
        price = 2_000_000_000 + 10_000_000 * rng.randrange(100)
        yield offer, since, until, price, index % 4
        since = until


def _stored(at: datetime) -> int:
    return (at - EPOCH) // _MICROSECOND


def _scan(plain: sqlite3.Connection) -> object:
    return plain.execute("SELECT count(*), sum(price) FROM offer_intervals").fetchone()


def _ask(database: Database, window: Window) -> object:
    with database.read() as connection:
        ((*days,),) = statistics.summaries(
            connection, Selection(gpu=_GPU), window, step=DAY
        ).values()
    return [(day.best and (day.best.low, day.best.median), day.availability) for day in days]
