"""A whole world to buy in, in one thread, with a clock of its own and a crash at any seam.

The client, its decoding, the simulator's market and all its faults are the real ones; only the
sockets between them and the database are left out. A seam is where a program can die and it
matters: before and after each commit, before each request and after each answer.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import httpx

from monitor.alerting.notice import Message
from monitor.grab.book import Book
from monitor.grab.grab import Grab, GrabStatus
from monitor.grab.names import preset_of
from monitor.grab.reasons import Cause, Refusal
from monitor.grab.spending import Stretch, midnight
from monitor.grab.wish import Buying
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.marketplaces.tensordock.http import Http
from monitor.provision.base import Shop, Tools
from monitor.provision.decide import decide_all
from monitor.provision.execute import Executor
from monitor.provision.foresight import Firing, Known, foresee
from monitor.provision.reconcile import Reconciler
from monitor.rules.alert import RuleName
from monitor.rules.conditions import lack
from monitor.simulator import app as served
from monitor.simulator.answers import Answer, Delivery
from monitor.simulator.faults import Endpoint
from monitor.simulator.instances import Instance
from monitor.simulator.market import SimulatedMarket
from monitor.simulator.orders import Order, read_order
from monitor.simulator.requests import Request as Kept
from monitor.simulator.rows import hostnode
from monitor.simulator.simulation import Simulation
from tests.unit.grab.books import INSTALLATION, MemoryBooks
from tests.unit.grab.buying import MARKET, NOON, a_buying

CREATE_TIMEOUT = timedelta(minutes=2)
SECOND = timedelta(seconds=1)


class CrashError(BaseException):
    """The program died here; no `except Exception` sees it."""


class SeamedBooks(MemoryBooks):
    """A book whose commits are seams."""

    def __init__(self, seam: Callable[[], None]) -> None:
        super().__init__()
        self._seam = seam

    @contextmanager
    def book(self, *, durable: bool = True) -> Iterator[Book]:
        """Open a transaction; dying before its end undoes it, dying after does not."""
        with super().book(durable=durable) as book:
            yield book
            self._seam()
        self._seam()


class Alone(Executor):
    """Begins no thread while it runs: what is planned waits for `World.send`."""

    def begin(self, decided: Iterable[Grab]) -> None:
        if self._stopping.is_set():
            super().begin(decided)


class World:
    """A market of three cheap hostnodes, a program that buys on it, and its memory on disk."""

    def __init__(
        self, buying: Buying | None = None, *, now: datetime = NOON, seed: int = 0
    ) -> None:
        self.now = now
        self.buying = buying or a_buying()
        market = SimulatedMarket(seed=seed)
        for number, price in enumerate((2.0, 2.1, 2.2, 2.3), start=1):
            market.add(hostnode(f"hn-{number}", price=price, count=8))
        self.simulation = Simulation(market, seed=seed, clock=lambda: self.now)
        self.market = market
        self.faults = self.simulation.faults
        self.books = SeamedBooks(self.seam)
        self.told: list[Message] = []
        self.stop_file = False
        self.seams = 0
        self.dies_at: int | None = None
        self.sent: list[str] = []
        self._digits = count(1)
        self.restart()

    def seam(self) -> None:
        """Die here if it is time to."""
        self.seams += 1
        if self.seams == self.dies_at:
            raise CrashError

    def restart(self) -> None:
        """Begin anew with nothing but what is on disk, and what the marketplace has."""
        self.dies_at = None
        http = Http(
            base_url="http://sim.test/api/v2",
            token="tok-0123456789",
            timeout=20 * SECOND,
            version="0",
            transport=httpx.MockTransport(self._serve),
            monotonic=self._monotonic,
            sleep=lambda _: None,
        )
        self.client = TensorDock(
            name=MARKET, http=http, create_timeout=CREATE_TIMEOUT, monotonic=self._monotonic
        )
        self.tools = Tools(
            books=self.books,
            buying=lambda: self.buying,
            shop=lambda name: self._shop() if name == MARKET else None,
            stopped=self._stopped,
            teller=self,
            clock=lambda: self.now,
            digits=lambda: f"{next(self._digits):010x}",
        )
        self.known: Known | None = None
        self.stopping = threading.Event()
        self.executor = Alone(self.tools, settled=lambda: None, stopping=self.stopping)
        self.reconciler = Reconciler(self.tools, sending=lambda: self.executor.sending, alone=True)

    def tell(self, rule: RuleName, message: Message, *, urgent: bool) -> None:
        """Take a message as told."""
        del rule, urgent
        self.told.append(message)

    def poll(self) -> None:
        """Poll, let every rule fire that is met, and plan what is decided."""
        firing = self.firing()
        if firing is not None:
            decide_all(self.tools, firing)

    def firing(self) -> Firing | None:
        """Poll, and let every rule fire that is met."""
        snapshot = self.client.poll(self.now).snapshot
        if snapshot is None:
            return None
        offers = {
            rule: [o for o in snapshot.offers if all(lack(c, o) is None for c in wish.conditions)]
            for rule, wish in self.buying.wishes.items()
        }
        return Firing(marketplace=MARKET, at=self.now, offers=offers)

    def ready(self) -> Known:
        """Return what is known before a poll; what was known before the last one is kept."""
        with self.books.reading() as book:
            self.known = Known.read(book, self.buying, self.now, self.known)
        return self.known

    def send(self) -> list[Grab | None]:
        """Send all that is planned."""
        with self.books.reading() as book:
            planned = book.with_status({GrabStatus.PLANNED})
        return [self.executor.execute(grab) for grab in planned]

    def follow(self) -> None:
        """Look after what was bought, once."""
        self.reconciler.run(self.now, [MARKET])

    def buy(self, known: Known | None = None) -> None:
        """Poll and buy as the daemon does: ahead what is foreseen by what is `known`."""
        known = known or self.ready()
        firing = self.firing()
        foreseen = None if firing is None else foresee(firing, known)
        if firing is not None and foreseen is not None:
            self.executor.buy_ahead(firing, foreseen)
        elif firing is not None:
            decide_all(self.tools, firing)
        self.send()

    def plan_and_send(self) -> None:
        """Poll and buy as the daemon does what it did not foresee."""
        self.poll()
        self.send()

    def advance(self, by: timedelta, step: timedelta = 20 * SECOND) -> None:
        """Let time pass, in which the program follows what it has."""
        end = self.now + by
        while self.now < end:
            self.now = min(self.now + step, end)
            self.follow()

    def dying(self, act: Callable[[], object], at: int) -> bool:
        """Do something, die at the seam that comes as the `at`th from now, and begin anew.

        Return whether it came to that.
        """
        self.dies_at = self.seams + at
        try:
            act()
        except CrashError:
            return True
        finally:
            self.restart()
        return False

    @property
    def grabs(self) -> list[Grab]:
        """All that is in the book, oldest first, refusals left out."""
        return [g for g in self.books.all() if g.status is not GrabStatus.REFUSED]

    @property
    def statuses(self) -> list[str]:
        """Where each of them stands."""
        return [grab.status.value for grab in self.grabs]

    @property
    def titles(self) -> list[str]:
        """The first words of what was told."""
        return [message.title.partition(":")[0] for message in self.told]

    @property
    def ours(self) -> list[Instance]:
        """The living instances on the market that carry our name."""
        return [each for each in self.market.living() if preset_of(each.name, INSTALLATION)]

    def spent(self, day: date) -> int:
        """Return what the marketplace bills for one day."""
        window = (midnight(day), midnight(day) + timedelta(days=1))
        return sum(
            Stretch(rate=e.rate, start=e.created_at, end=e.deleted_at or self.now).within(*window)
            for e in self.market.all_instances()
        )

    def _shop(self) -> Shop:
        return Shop(market=self.client, create_timeout=CREATE_TIMEOUT)

    def _stopped(self) -> Refusal | None:
        return Refusal(cause=Cause.STOP_FILE, detail="it exists") if self.stop_file else None

    def _monotonic(self) -> float:
        return (self.now - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds()

    def _serve(self, request: httpx.Request) -> httpx.Response:
        """Answer one request as the simulator's server does, faults and all."""
        self.seam()
        answer = self._answer(request)
        self.seam()
        match answer.delivery:
            case Delivery.WHOLE | Delivery.DRIP | Delivery.LATE:
                return httpx.Response(answer.status, content=answer.body, headers=answer.headers)
            case Delivery.HANG:
                raise httpx.ReadTimeout("timed out", request=request)
            case Delivery.CUT_OFF | Delivery.DROP:
                raise httpx.RemoteProtocolError("closed", request=request)
            case Delivery.RESET:
                raise httpx.ReadError("reset", request=request)

    def _answer(self, request: httpx.Request) -> Answer:
        endpoint, act, about = self._act(request)
        now = self.simulation.catch_up()
        path = request.url.path
        self.simulation.requests.add(
            Kept(at=now, method=request.method, path=path, body="", authorized=True)
        )
        struck = self.faults.strike(endpoint, now=now, hostnode=about)
        return served._spoilt(act, served._met(self.simulation, struck, now), now)

    def _act(self, request: httpx.Request) -> tuple[Endpoint, Any, str]:
        market = self.market
        *_, kind, last = ["", *request.url.path.split("/")]
        match request.method, kind, last:
            case "GET", _, "hostnodes":
                return Endpoint.HOSTNODES, lambda t, _: Answer(body=market.list_body(t)), ""
            case "GET", "hostnodes", about:
                return Endpoint.HOSTNODE, lambda _t, _n: served._hostnode(market, about), about
            case "GET", _, "instances":
                return Endpoint.INSTANCES, partial(served._instances, market), ""
            case "GET", "instances", about:
                return Endpoint.INSTANCE, partial(served._instance, market, about), ""
            case "DELETE", _, about:
                return Endpoint.DELETE, partial(served._delete, market, about), ""
            case _:
                order = read_order(request.content)
                assert isinstance(order, Order), order
                self.sent.append(order.name)
                return Endpoint.CREATE, partial(served._create, market, order), order.hostnode_id
