"""No order of claims, sends, settlings, deaths and restarts loses or repeats a notification."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.alerting.outbox import Claimed, NotificationStatus, Settlement
from monitor.store import outbox
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from monitor.store.schema import notifications
from tests.contract.samples import NOON, a_draft

LEASE = timedelta(seconds=60)
SENT, REFUSED = NotificationStatus.SENT, NotificationStatus.QUEUED

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["queue", "claim", "send", "refuse", "settle", "release", "die", "wait"]),
        st.integers(0, 1),
    ),
    max_size=40,
)


@dataclass
class Dispatching:
    """A dispatcher, what it holds in memory, and what two receivers were sent."""

    database: Database
    now: datetime = NOON
    lives: int = 0
    claimed: dict[str, list[Claimed]] = field(default_factory=dict)
    ended: list[tuple[Claimed, Settlement]] = field(default_factory=list)
    sent: list[Claimed] = field(default_factory=list)
    may_repeat: Counter[int] = field(default_factory=Counter)

    def queue(self, which: int) -> None:
        with self.database.transaction() as connection:
            outbox.enqueue(connection, [a_draft(f"chat#{which}")], self.now)

    def claim(self, which: int) -> None:
        found = Outbox(self.database).claim(
            self.now, token=f"life {self.lives}", lease_for=LEASE, limit=2, run=1 + 2 * which
        )
        for each in found:
            self.claimed.setdefault(each.destination, []).append(each)

    def send(self, which: int, status: NotificationStatus = SENT) -> None:
        """Send the next of a run; after a failure nothing more of it is sent."""
        run = self.claimed.get(f"chat#{which}")
        if not run:
            return
        each = run.pop(0)
        self.ended.append((each, Settlement(status=status, at=self.now)))
        if status is SENT:
            self.sent.append(each)
        else:
            self.give_back(run)

    def refuse(self, which: int) -> None:
        self.send(which, REFUSED)

    def settle(self, _: int = 0) -> None:
        assert Outbox(self.database).settle(self.ended) == len(self.ended)
        self.ended.clear()

    def release(self, which: int) -> None:
        self.give_back(self.claimed.get(f"chat#{which}", []))

    def give_back(self, run: list[Claimed]) -> None:
        assert Outbox(self.database).release(run) == len(run)
        run.clear()

    def die(self, _: int) -> None:
        """Forget all that is in memory, as a process that is killed; what was sent stays sent."""
        self.may_repeat.update(each.id for each, how in self.ended if how.status is SENT)
        self.lives += 1
        self.claimed.clear()
        self.ended.clear()

    def wait(self, _: int) -> None:
        """Let a lease end, but only of a process that is dead: the living settle in time."""
        self.settle()
        for run in self.claimed.values():
            self.give_back(run)
        self.now += LEASE

    def finish(self) -> None:
        """Go on until nothing is left, as a process that is not killed any more."""
        while True:
            self.wait(0)
            self.claim(1)
            if not any(self.claimed.values()):
                return
            for which in (0, 1):
                while self.claimed.get(f"chat#{which}"):
                    self.send(which)
            self.settle()


def first_arrivals(sent: list[Claimed], destination: str) -> Iterator[int]:
    seen: set[int] = set()
    for each in sent:
        if each.destination == destination and each.id not in seen:
            seen.add(each.id)
            yield each.id


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_each_is_sent_in_order_and_again_only_if_a_process_died_before_it_settled(
    database: Database, steps: list[tuple[str, int]]
) -> None:
    with database.transaction() as connection:
        connection.execute(notifications.delete())
    world = Dispatching(database)
    for step, which in steps:
        getattr(world, step)(which)
    world.finish()
    with database.read() as connection:
        found = outbox.listed(connection, limit=1_000)
    assert {each.status for each in found} <= {SENT}
    times = Counter(each.id for each in world.sent)
    assert times.keys() == {each.id for each in found}
    assert all(count <= 1 + world.may_repeat[key] for key, count in times.items())
    for destination in ("chat#0", "chat#1"):
        arrived = list(first_arrivals(world.sent, destination))
        assert arrived == sorted(arrived)
