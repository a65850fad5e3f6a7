"""`python -m tests.bench.firings`: a rule that fires a thousand times in a market that misbehaves.

Of the requests to create 70 % are refused, 10 % time out although they acted, and 5 % time out
without having acted. After each firing it is counted what there is. Time is advanced, not slept.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event

from rich.console import Console
from rich.table import Table

from monitor.alerting.notice import Message
from monitor.config.secret import Redactor
from monitor.grab.grab import COUNTING, NOTHING, GrabStatus, Mode
from monitor.grab.wish import Buying, Limits, Wish
from monitor.log import configure
from monitor.market.money import NanoDollars, nano, show
from monitor.market.offer import Offer
from monitor.provision.base import Shop, Tools
from monitor.provision.decide import decide_all
from monitor.provision.execute import Executor
from monitor.provision.foresight import Firing, Known, foresee
from monitor.provision.reconcile import Reconciler
from monitor.rules.alert import RuleName
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.rows import hostnode
from monitor.simulator.simulation import Simulation
from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.grabs import Books
from tests.bench.in_process import connect
from tests.unit.grab.buying import a_preset

INSTANCES = 3
FATES = (("no-nodes", 0.70), ("acts-hangs", 0.10), ("hang", 0.05))
"""What becomes of a request to create, and how often; the others are answered as they should."""

_NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
_EVERY = timedelta(minutes=2)
_LIVES_FOR = timedelta(minutes=10)
_CREATE_TIMEOUT = timedelta(seconds=120)
_MARKETPLACE = "tensordock"
_RULE = RuleName("cheap")
_PLENTY = nano(1_000_000)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was seen: `fates` of requests, and what must never be.

    `most` is how many instances there were at once; `excess` counts the firings after which there
    were more than allowed, `unknown` those after which one was known to no row.
    """

    firings: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[GrabStatus] = field(default_factory=Counter)
    most: int = 0
    excess: int = 0
    orphans: int = 0
    doubles: int = 0
    left: int = 0
    open: int = 0
    billed: NanoDollars = NOTHING
    reckoned: NanoDollars = NOTHING

    @property
    def well(self) -> bool:
        """Whether nothing was bought twice, in excess, or lost."""
        return not (self.excess or self.orphans or self.doubles or self.left or self.open)


class Firings:
    """A rule, its market, and the program's own way from a firing to the end of an instance."""

    def __init__(self, database: Database, seed: int) -> None:
        self.now = _NOON
        self.tally = Tally()
        self._dice = Random(seed)  # noqa: S311 - dice are no secret
        rows = [hostnode(f"hn-{n:02}", price=1 + n / 100, count=8) for n in range(20)]
        self.market = SimulatedMarket(rows, seed=seed)
        self._simulation = Simulation(self.market, seed=seed, clock=lambda: self.now)
        self._client = connect(self._simulation, self._roll)
        self.books = Books(database)
        self.tools = self._tools()
        self._executor = Executor(self.tools, settled=lambda: None, stopping=Event())
        self._reconciler = Reconciler(
            self.tools, sending=lambda: self._executor.sending, alone=True
        )

    def fire(self) -> None:
        """Poll, decide, send and follow once, as the daemon does when a rule fires."""
        self.tally.firings += 1
        with self.books.reading() as book:
            known = Known.read(book, self.tools.buying(), self.now)
        firing = Firing(marketplace=_MARKETPLACE, at=self.now, offers={_RULE: self._offers()})
        foreseen = foresee(firing, known)
        if foreseen is None:
            decide_all(self.tools, firing)
        else:
            self._executor.buy_ahead(firing, foreseen)
        self.follow()

    def follow(self) -> None:
        """Look after what was bought, and count what there is."""
        self._reconciler.run(self.now, [_MARKETPLACE])
        self._count()
        self.now += _EVERY

    def open(self) -> int:
        """Return how many grabs have not ended."""
        with self.books.reading() as book:
            return len(book.with_status(COUNTING))

    def tell(self, rule: RuleName, message: Message, *, urgent: bool) -> None:
        """Tell nobody."""

    def finish(self) -> Tally:
        """Count what is left when all is over."""
        tally = self.tally
        names = Counter(each.name for each in self.market.all_instances())
        tally.doubles = sum(number - 1 for number in names.values())
        tally.left, tally.open = len(self.market.living()), self.open()
        tally.billed = self.market.spent(self.now)
        with self.books.reading() as book:
            tally.reckoned = NanoDollars(sum(book.spent(_NOON.date()).values()))
            _, reached = book.reached(0)
        tally.outcomes.update({status: number for (_, status), number in reached.items()})
        return tally

    def _offers(self) -> tuple[Offer, ...]:
        snapshot = self._client.poll(self.now).snapshot
        assert snapshot is not None
        return snapshot.offers

    def _roll(self) -> None:
        """Decide what becomes of the request that comes next."""
        drawn = self._dice.random()
        for name, share in FATES:
            drawn -= share
            if drawn < 0:
                self._simulation.faults.on(name, endpoint="create", times=1)
                self.tally.fates[name] += 1
                return
        self.tally.fates["answered"] += 1

    def _count(self) -> None:
        living = self.market.living()
        with self.books.reading() as book:
            known = book.named([each.name for each in living])
        self.tally.most = max(self.tally.most, len(living))
        self.tally.excess += len(living) > INSTANCES
        self.tally.orphans += any(
            each.name not in known or known[each.name].status not in COUNTING for each in living
        )

    def _tools(self) -> Tools:
        buying = _buying()
        digits = (f"{number:010x}" for number in range(10**9))
        shop = Shop(market=self._client, create_timeout=_CREATE_TIMEOUT)
        return Tools(
            books=self.books,
            buying=lambda: buying,
            shop=lambda _: shop,
            stopped=lambda: None,
            teller=self,
            clock=lambda: self.now,
            digits=lambda: next(digits),
        )


def run(firings: int, seed: int) -> Tally:
    """Let a rule fire, and then wait until everything has ended."""
    with _database() as database:
        course = Firings(database, seed)
        for _ in range(firings):
            course.fire()
        for _ in range(1000):
            if not course.open():
                break
            course.follow()
        return course.finish()


def main() -> int:
    """Run a thousand firings, or as many as asked for; print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.firings", description=__doc__)
    parser.add_argument("--firings", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    configure(json=False, level="error", redactor=Redactor())
    tally = run(asked.firings, asked.seed)
    Console().print(_table(tally))
    return 0 if tally.well else 1


def _table(tally: Tally) -> Table:
    table = Table("what", title=f"{tally.firings:,} firings, at most {INSTANCES} instances")
    table.add_column("number", justify="right")
    for name, number in _rows(tally):
        table.add_row(name, number)
    return table


def _rows(tally: Tally) -> Iterator[tuple[str, str]]:
    yield "requests to create", str(tally.fates.total())
    for name, told in (
        ("no-nodes", "refused"),
        ("acts-hangs", "timed out and acted"),
        ("hang", "timed out and did not act"),
        ("answered", "answered"),
    ):
        yield f"  {told}", str(tally.fates[name])
    for status in GrabStatus:
        if tally.outcomes[status]:
            yield f"grabs that came to be {status}", str(tally.outcomes[status])
    yield "most instances at once", str(tally.most)
    yield "firings with more than allowed", str(tally.excess)
    yield "firings with an instance in no open grab", str(tally.orphans)
    yield "instances bought twice", str(tally.doubles)
    yield "instances, and grabs, left at the end", f"{tally.left}, {tally.open}"
    yield "billed by the marketplace", f"{show(tally.billed)} $"
    yield "reckoned here", f"{show(tally.reckoned)} $"


def _buying() -> Buying:
    limits = Limits(
        max_instances=INSTANCES,
        max_total_per_hour=_PLENTY,
        max_spend_per_day=_PLENTY,
        max_spend_per_month=_PLENTY,
        max_creates_per_hour=1_000_000,
    )
    wish = Wish(
        rule=_RULE,
        preset=a_preset(),
        mode=Mode.LIVE,
        limits=Limits(),
        cooldown=timedelta(0),
        time_to_live=_LIVES_FOR,
    )
    return Buying(
        mode=Mode.LIVE, wishes={_RULE: wish}, limits=limits, host_cooldown=timedelta(minutes=2)
    )


@contextmanager
def _database() -> Iterator[Database]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = Database.open(f"sqlite:///{Path(folder) / 'firings.db'}")
        stack.callback(database.close)
        migrate.upgrade(database)
        yield database


if __name__ == "__main__":
    sys.exit(main())
