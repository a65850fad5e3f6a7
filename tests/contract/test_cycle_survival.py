"""What goes wrong around a cycle: clocks, gaps, restarts, a busy database."""

from contextlib import AbstractContextManager, closing
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from monitor.errors import StoreBusyError
from monitor.ledger import Recalled
from monitor.market.money import NanoDollars
from monitor.market.snapshot import Poll
from monitor.rules.against import Against, Yardstick
from monitor.rules.alert import RuleName
from monitor.rules.conditions import AtLeast, Attribute
from monitor.rules.past import Needs
from monitor.rules.rule import Per, Rule
from monitor.store import groups, history, marketplaces, migrate
from monitor.store.engine import Database
from monitor.store.ledger import Ledger, Ledgers
from tests.contract.cycles import (
    a_plan,
    a_rule,
    cycle,
    of_marketplace,
    stages,
    written,
)
from tests.contract.samples import (
    MINUTE,
    NOON,
    a_failure,
    a_poll,
    a_snapshot,
    at,
    looks,
    selling,
)

SHORT = timedelta(milliseconds=100)


def test_a_gap_longer_than_three_intervals_counts_for_nobody(database: Database) -> None:
    """The program was down: intervals end where they were seen last, and clocks stood still."""
    plan = a_plan(a_rule(hold_for=3 * MINUTE))
    ledgers = Ledgers(database)
    for minute in (0, 1):
        cycle(ledgers, a_poll(selling(at(minute), 2)), plan)
    fired = {
        minute: stages(cycle(ledgers, a_poll(selling(at(minute), 2)), plan).transitions)
        for minute in (60, 61, 62)
    }
    assert fired == {60: [], 61: [], 62: ["pending → firing: held"]}
    assert written(database).open_intervals == 1
    with database.read() as connection:
        assert history.at_instant(connection, "tensordock", at(30)) is None


def test_three_intervals_without_a_poll_are_no_gap(database: Database) -> None:
    plan = a_plan(a_rule(hold_for=3 * MINUTE))
    ledgers = Ledgers(database)
    cycle(ledgers, a_poll(selling(NOON, 2)), plan)
    report = cycle(ledgers, a_poll(selling(at(3), 2)), plan)
    assert stages(report.transitions) == ["pending → firing: held"]


def test_two_polls_of_one_instant_are_one_look_at_the_market(database: Database) -> None:
    ledgers = Ledgers(database)
    for _ in range(2):
        cycle(ledgers, a_poll(selling(NOON, 2)))
    after = written(database)
    assert (after.polls, after.open_intervals) == (2, 1)
    assert (len(after.transitions), len(after.notifications)) == (1, 1)


def test_a_clock_set_back_an_hour_breaks_nothing(database: Database) -> None:
    """Alerts keep what had passed of their clocks, and go on by the new time."""
    held = a_rule(RuleName("held"), hold_for=3 * MINUTE)
    plan = a_plan(a_rule(keep_firing_for=3 * MINUTE), held)
    ledgers = Ledgers(database)
    for minute in (0, 1):
        cycle(ledgers, a_poll(selling(at(minute), 2)), plan)
    before = written(database)
    report = cycle(ledgers, a_poll(selling(at(-59), 2)), plan)
    after = written(database)
    assert report.transitions == ()
    assert (after.polls, after.open_intervals) == (3, before.open_intervals)
    assert after.latest == before.latest
    fired = {
        minute: stages(cycle(ledgers, a_poll(selling(at(minute), 2)), plan).transitions)
        for minute in (-58, -57)
    }
    assert fired == {-58: [], -57: ["pending → firing: held"]}


def test_alerts_end_although_the_clock_was_set_back(database: Database) -> None:
    plan = a_plan(a_rule(keep_firing_for=3 * MINUTE))
    ledgers = Ledgers(database)
    for minute, price in enumerate([2, 3]):
        cycle(ledgers, a_poll(selling(at(minute), price)), plan)
    ended = {
        minute: stages(cycle(ledgers, a_poll(selling(at(minute), 3)), plan).transitions)
        for minute in (-59, -58, -57, -56)
    }
    assert ended == {-59: [], -58: [], -57: [], -56: ["firing → resolved: ended"]}
    # A notice told in the future is told once more, for it cannot be known how old it is.
    told = [each.reason for each in written(database).notifications]
    assert told == ["first", "repeat", "resolved"]


def test_a_failure_after_the_clock_was_set_back_changes_nothing(database: Database) -> None:
    plan = a_plan(a_rule(hold_for=3 * MINUTE))
    ledgers = Ledgers(database)
    cycle(ledgers, a_poll(selling(NOON, 2)), plan)
    cycle(ledgers, a_failure(at(-59)), plan)
    fired = {
        minute: stages(cycle(ledgers, a_poll(selling(at(minute), 2)), plan).transitions)
        for minute in (-58, -57, -56, -55)
    }
    assert fired == {-58: [], -57: [], -56: [], -55: ["pending → firing: held"]}


def test_the_clock_may_go_forward_again(database: Database) -> None:
    """History goes on where it stood, and a group that waits is told once its time comes."""
    plan = a_plan(a_rule(), group_wait=10 * MINUTE)
    ledgers = Ledgers(database)
    cycle(ledgers, a_poll(selling(NOON, 2)), plan)
    for minute in (-59, -58, 1, 2):
        cycle(ledgers, a_poll(selling(at(minute), 2)), plan)
    after = written(database)
    assert len(after.notifications) == 1
    assert after.open_intervals == 1
    assert after.latest is not None
    assert after.latest.at == at(2)


def test_a_locked_database_loses_one_cycle_and_no_more(database: Database, url: str) -> None:
    cycle(Ledgers(database), a_poll(selling(NOON, 3)))
    before = written(database)
    with closing(Database.open(url, busy_timeout=SHORT)) as ours:
        ledgers = Ledgers(ours)
        cycle(ledgers, a_poll(selling(at(1), 3)))
        with database.transaction() as held:
            marketplaces.lock(held, "tensordock")
            with pytest.raises(StoreBusyError, match="is locked by another process"):
                cycle(ledgers, a_poll(selling(at(2), 2)))
        assert written(database).polls == before.polls + 1
        assert written(database).transitions == ()
        report = cycle(ledgers, a_poll(selling(at(3), 2)))
    assert (report.changed, report.queued) == (1, 1)
    assert stages(report.transitions) == ["inactive → firing: matched"]


def test_a_full_database_loses_one_cycle_and_no_more(tmp_path: Path) -> None:
    with closing(Database.open(f"sqlite:///{tmp_path / 'monitor.db'}")) as database:
        migrate.upgrade(database)
        ledgers = Ledgers(database)
        cycle(ledgers, a_poll(selling(NOON, 3)))
        before = written(database)
        _limit_pages(database, 0)  # as many as there are
        with pytest.raises(StoreBusyError, match="is full"):
            cycle(ledgers, a_poll(selling(at(1), *[2] * 2_000)))
        assert written(database) == before
        _limit_pages(database, 1_000_000)
        report = cycle(ledgers, a_poll(selling(at(2), *[2] * 2_000)))
        assert (report.changed, report.queued) == (2_000, 1)
        assert written(database).open_intervals == 2_000


def _limit_pages(database: Database, pages: int) -> None:
    with database.transaction() as connection:  # the pool gives the same connection again
        connection.execute(text(f"PRAGMA max_page_count = {pages or 1}"))


_RULES = (
    a_rule(RuleName("now"), NanoDollars(1), per=Per.HOSTNODE),
    a_rule(RuleName("held"), NanoDollars(2), hold_for=2 * MINUTE, keep_firing_for=2 * MINUTE),
    a_rule(RuleName("patient"), NanoDollars(3), hold_for=2 * MINUTE, outage_tolerance=5 * MINUTE),
    a_rule(RuleName("gone"), NanoDollars(2), gone=True, keep_firing_for=MINUTE),
    *(
        Rule(
            name=RuleName(yardstick),
            conditions=(
                AtLeast(attribute=Attribute.AVAILABLE, limit=1),
                Against(yardstick=yardstick, window=5 * MINUTE, milli=30_000, min_coverage=0.2),
            ),
        )
        for yardstick in Yardstick
    ),
)
_PLAN = a_plan(*_RULES, group_wait=MINUTE)
_numbers = count()


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[Poll, bool]]:
    """Draw polls in a row, good and failed, and before which of them the program is restarted."""
    now, life = NOON, []
    for _ in range(draw(st.integers(2, 8))):
        now += draw(st.sampled_from([1, 1, 1, 0, 2, 10, -60])) * MINUTE
        hostnodes, offers = draw(looks())
        good = draw(st.sampled_from([True, True, False]))
        answer = a_poll(a_snapshot(now, hostnodes, offers)) if good else a_failure(now)
        life.append((answer, draw(st.booleans())))
    return life


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lives())
def test_a_restart_at_any_moment_changes_nothing(
    database: Database, life: list[tuple[Poll, bool]]
) -> None:
    """All state is in the database: transitions, queue and history are those of a long life."""
    number = next(_numbers)
    steady, restarted = f"steady-{number}", f"restarted-{number}"
    staying = Ledgers(database)
    current = Ledgers(database)
    for answer, restart in life:
        current = Ledgers(database) if restart else current
        one = cycle(staying, of_marketplace(answer, steady), _PLAN)
        other = cycle(current, of_marketplace(answer, restarted), _PLAN)
        assert stages(one.transitions) == stages(other.transitions)
        assert (one.changed, one.queued) == (other.changed, other.queued)
    assert _remembered(database, steady) == _remembered(database, restarted)


def _remembered(database: Database, marketplace: str) -> object:
    found = written(database, marketplace)
    with database.read() as connection:
        told = groups.load(connection, marketplace).values()
    latest = found.latest
    return (
        None if latest is None else (latest.at, latest.hostnodes, latest.offers),
        [(each.rule, each.state, each.pending_since, each.value) for each in found.alerts],
        sorted((str(each.withheld), each.due_at, each.wait_until, len(each.told)) for each in told),
    )


class Overtaken:
    """A store in which another process records a later look while ours is on its way."""

    def __init__(self, database: Database, other: Poll) -> None:
        self._ours, self._theirs = Ledgers(database), Ledgers(database)
        self._other = other

    def recall(self, marketplace: str, needs: Needs) -> Recalled:
        recalled = self._ours.recall(marketplace, needs)
        cycle(self._theirs, self._other)
        return recalled

    def ledger(self, marketplace: str) -> AbstractContextManager[Ledger]:
        return self._ours.ledger(marketplace)


def test_what_another_process_made_of_the_alerts_is_what_a_buyer_is_shown(
    database: Database,
) -> None:
    """It ended what this one left pending; `cycle` compares what is shown with what comes about."""
    ours, theirs = Ledgers(database), Ledgers(database)
    patient = a_plan(a_rule(hold_for=2 * MINUTE))
    for minute, (store, price) in enumerate([(ours, 1), (theirs, 3), (ours, 1), (ours, 1)]):
        cycle(store, a_poll(selling(at(minute), price)), patient)
    assert stages(written(database).transitions)[-1] == "inactive → pending: matched"


def test_a_look_that_was_overtaken_by_a_later_one_changes_nothing(database: Database) -> None:
    """Ours saw no offer yet when theirs already did: evaluated late, it would end the alert."""
    cycle(Ledgers(database), a_poll(selling(NOON, 3)))
    store = Overtaken(database, a_poll(selling(at(1.1), 1)))
    report = cycle(store, a_poll(selling(at(1), 3)))
    assert report.overtaken
    assert (report.changed, report.transitions, report.queued) == (0, (), 0)
    after = written(database)
    assert stages(after.transitions) == ["inactive → firing: matched"]
