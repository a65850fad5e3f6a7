"""How fast the way through the house is on a large market, against msgspec's typed decoding."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from random import Random

from monitor.cycle import CycleReport, run_cycle
from monitor.market.money import NanoDollars
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.marketplaces.tensordock.rows import Reader
from monitor.rules.evaluate import Evaluation, evaluate, look
from monitor.rules.past import Past
from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from tests.bench import rules as bench_rules
from tests.bench.figures import Act, Figure, medians
from tests.bench.market import body, changed, decode_documented

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
INTERVAL = timedelta(seconds=60)
MARKETPLACE = "tensordock"


def decode(rounds: int) -> list[Figure]:
    """Measure tolerant decoding to a snapshot."""
    floor, measured = medians(rounds, _floor, lambda: partial(_snapshot, market_body()))
    what = "decode, tolerant, to a Snapshot"
    return [Figure(what=what, unit="ms", measured=measured, floor=floor, at_most=4)]


def cycle(rounds: int) -> list[Figure]:
    """Measure decoding, recording, 100 rules and queueing, on a SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            migrate.upgrade(database)
            cycles = _Cycles(database)
            cycles.next()()  # everything is new to the first one
            floor, measured = medians(rounds, _floor, cycles.next)
        finally:
            database.close()
    what = "a whole cycle, 1 % of offers changed, 100 rules, SQLite file"
    return [Figure(what=what, unit="ms", measured=measured, floor=floor, at_most=10)]


def rules(rounds: int) -> list[Figure]:
    """Measure 1,000 rules, with the alerts that the polls before have left."""
    documents = bench_rules.documents(market(), 1000)
    looking_back = _Evaluations(bench_rules.with_history(documents, 100))
    looking_back.live_through(timedelta(days=30))
    floor, plain, against = medians(rounds, _floor, _Evaluations(documents).next, looking_back.next)
    what = f"1,000 rules on {len(market().offers):,} offers"
    history = f"{what}, 100 of them against 30 days of history"
    return [
        Figure(what=what, unit="ms", measured=plain, floor=floor, at_most=6),
        Figure(what=history, unit="ms", measured=against, floor=floor, at_most=10),
    ]


@cache
def market_body() -> bytes:
    """Return the answer that everything here begins with."""
    return body()


@cache
def market() -> Snapshot:
    """Return the snapshot that everything here begins with."""
    return _snapshot(market_body())


def _snapshot(answer: bytes, at: datetime = NOON, reader: Reader | None = None) -> Snapshot:
    return decode_hostnodes(answer, marketplace=MARKETPLACE, at=at, reader=reader)


def _floor() -> Act:
    return partial(decode_documented, market_body())


def _answers() -> Iterator[tuple[datetime, bytes]]:
    """Yield answers an interval apart; in each one 1 % of the offers are not as before."""
    at, answer = NOON, market_body()
    for seed in range(1_000_000):
        yield at, answer
        at, answer = at + INTERVAL, changed(answer, seed=seed)


class _Answered:
    """A marketplace whose answer is there already, and has only to be decoded.

    `reader` has read the one before, as the daemon's has.
    """

    def __init__(self, answer: bytes, reader: Reader) -> None:
        self._answer = answer
        self._reader = reader
        self.name = MARKETPLACE

    def poll(self, now: datetime) -> Poll:
        return Poll(
            marketplace=MARKETPLACE,
            at=now,
            outcome=Outcome.OK,
            duration=0,
            snapshot=_snapshot(self._answer, now, self._reader),
        )


class _Cycles:
    """One cycle after the other, as the daemon has them."""

    def __init__(self, database: Database) -> None:
        self._store = Ledgers(database)
        self._plan = bench_rules.plan(bench_rules.documents(market(), 100))
        self._answers = _answers()
        self._reader = Reader()

    def next(self) -> Callable[[], CycleReport]:
        now, answer = next(self._answers)
        polled = _Answered(answer, self._reader)
        return partial(run_cycle, polled, self._plan, self._store, interval=INTERVAL, now=now)


class _Evaluations:
    """One evaluation of all rules after the other; alerts are what the one before made of them."""

    def __init__(self, documents: Sequence[bench_rules.RuleDocument]) -> None:
        plan = bench_rules.plan(documents)
        self._rules = plan.rules.values()
        self._past = Past(plan.needs)
        self._answers = _answers()
        self._last = Evaluation(changed=(), transitions=(), active={})

    def live_through(self, span: timedelta) -> None:
        """Let a past go by in which the best price of each model moves every five minutes."""
        rng = Random(5)  # noqa: S311  repeatable, not secret
        models = {offer.gpu: offer for offer in market().offers}
        at = NOON - span
        while at < NOON:
            offers = tuple(
                replace(offer, price=NanoDollars(rng.randint(10**8, 3 * 10**9)))
                for offer in models.values()
            )
            self._past.feed(replace(market(), at=at, offers=offers), 5 * INTERVAL)
            at += 5 * INTERVAL

    def next(self) -> Act:
        now, answer = next(self._answers)
        return partial(self._evaluate, _snapshot(answer, now))

    def _evaluate(self, snapshot: Snapshot) -> None:
        self._past.feed(snapshot, INTERVAL)
        seen = look(self._rules, snapshot, self._past)
        self._last = evaluate(
            self._rules, seen, self._last.active, now=snapshot.at, unknown=timedelta(0)
        )
