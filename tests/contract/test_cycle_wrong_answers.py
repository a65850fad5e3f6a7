"""Ten wrong answers in a row: absence of evidence resolves nothing, and freezes the clocks."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import httpx
import pytest

from monitor.market.money import NanoDollars
from monitor.market.offer import Offer
from monitor.market.snapshot import Outcome
from monitor.marketplaces.tensordock.client import TensorDock
from monitor.marketplaces.tensordock.http import Http
from monitor.rules.alert import AlertState, RuleName
from monitor.store import polls
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from tests.contract.cycles import (
    LONG_AGO,
    a_plan,
    a_rule,
    cycle,
    stages,
    written,
)
from tests.contract.samples import (
    MINUTE,
    NOON,
    a_failure,
    a_hostnode,
    a_poll,
    a_snapshot,
    an_offer,
    at,
    selling,
)

TEN = range(10)


def _broken(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("broken", request=request)

    return fail


WRONG: dict[str, tuple[Outcome, Callable[[httpx.Request], httpx.Response]]] = {
    "no hostnodes": (
        Outcome.EMPTY,
        lambda _: httpx.Response(200, json={"data": {"hostnodes": []}}),
    ),
    "a web page": (Outcome.MALFORMED, lambda _: httpx.Response(200, html="<html></html>")),
    "null": (Outcome.MALFORMED, lambda _: httpx.Response(200, json=None)),
    "another shape": (
        Outcome.MALFORMED,
        lambda _: httpx.Response(200, json={"data": {"hosts": [{"id": "hn-1"}]}}),
    ),
    "no row to be read": (
        Outcome.MALFORMED,
        lambda _: httpx.Response(200, json={"data": {"hostnodes": [None, "x", {}]}}),
    ),
    "a failure in a 200": (
        Outcome.MALFORMED,
        lambda _: httpx.Response(200, json={"status": 400, "error": "No available nodes found"}),
    ),
    "no connection": (Outcome.UNREACHABLE, _broken(httpx.ConnectError)),
    "a time-out": (Outcome.UNREACHABLE, _broken(httpx.ReadTimeout)),
    "a body cut off": (Outcome.UNREACHABLE, _broken(httpx.RemoteProtocolError)),
    "an error of the server": (Outcome.UNREACHABLE, lambda _: httpx.Response(502, text="Bad")),
    "no right to": (Outcome.REFUSED, lambda _: httpx.Response(401, text="Unauthorized")),
    "too often": (Outcome.THROTTLED, lambda _: httpx.Response(429, headers={"Retry-After": "1"})),
}


@pytest.fixture(params=WRONG)
def wrong(request: pytest.FixtureRequest) -> Iterator[tuple[Outcome, TensorDock]]:
    """Connect to a marketplace whose every answer is wrong in the same way."""
    outcome, answer = WRONG[request.param]
    http = Http(
        base_url="https://market.invalid/api/v2",
        token="tok-0123456789",
        timeout=timedelta(seconds=20),
        version="0",
        transport=httpx.MockTransport(answer),
        sleep=lambda _: None,
    )
    with closing(TensorDock(name="tensordock", http=http)) as client:
        yield outcome, client


def outcomes(database: Database) -> dict[Outcome, int]:
    with database.read() as connection:
        return dict(polls.counts(connection, "tensordock", since=LONG_AGO))


def test_ten_wrong_answers_in_a_row_change_nothing_but_the_count(
    database: Database, wrong: tuple[Outcome, TensorDock]
) -> None:
    """What fires goes on firing, what is pending waits, what was offered is still on offer."""
    expected, client = wrong
    held = a_rule(RuleName("held"), hold_for=timedelta(hours=1))
    ending = a_rule(RuleName("ending"), NanoDollars(1), keep_firing_for=timedelta(hours=1))
    plan = a_plan(a_rule(), held, ending)
    ledgers = Ledgers(database)
    cycle(ledgers, a_poll(a_snapshot(NOON, [a_hostnode()], [_nearly_free()])), plan)
    cycle(ledgers, a_poll(selling(at(1), 2)), plan)
    before = written(database)
    assert {alert.state for alert in before.alerts} == {AlertState.PENDING, AlertState.FIRING}

    for minute in TEN:
        report = cycle(ledgers, client.poll(at(2 + minute)), plan)
        assert (report.transitions, report.queued, report.changed) == ((), 0, 0)

    after = written(database)
    assert outcomes(database) == {Outcome.OK: 2, expected: 10}
    assert after.polls == 12
    assert after.latest == before.latest
    assert after.open_intervals == before.open_intervals
    assert (after.alerts, after.transitions) == (before.alerts, before.transitions)
    assert after.notifications == before.notifications


def _nearly_free() -> Offer:
    return an_offer(a_hostnode(), "gpu-0", price=0)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_for_stands_still_without_evidence_and_goes_on_after_it(
    database: Database, outcome: Outcome
) -> None:
    """A minute of three had passed before ten wrong answers, and the poll after them covers one."""
    plan = a_plan(a_rule(hold_for=3 * MINUTE))
    ledgers = Ledgers(database)
    for minute in (0, 1):
        cycle(ledgers, a_poll(selling(at(minute), 2)), plan)
    for minute in TEN:
        cycle(ledgers, a_failure(at(2 + minute), outcome), plan)
    after = [stages(cycle(ledgers, a_poll(selling(at(m), 2)), plan).transitions) for m in (12, 13)]
    assert after == [[], ["pending → firing: held"]]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_keep_firing_for_stands_still_without_evidence_and_goes_on_after_it(
    database: Database, outcome: Outcome
) -> None:
    """A minute of three had passed before ten wrong answers, and the poll after them covers one."""
    plan = a_plan(a_rule(keep_firing_for=3 * MINUTE))
    ledgers = Ledgers(database)
    for minute, price in enumerate([2, 3, 3]):
        cycle(ledgers, a_poll(selling(at(minute), price)), plan)
    for minute in TEN:
        cycle(ledgers, a_failure(at(3 + minute), outcome), plan)
    after = [stages(cycle(ledgers, a_poll(selling(at(m), 3)), plan).transitions) for m in (13, 14)]
    assert after == [[], ["firing → resolved: ended"]]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
def test_one_wrong_answer_between_two_good_ones_stops_the_clocks_for_its_minute(
    database: Database, outcome: Outcome
) -> None:
    """Of the two minutes between the good polls around it, the later one covers one."""
    held = a_rule(RuleName("held"), hold_for=3 * MINUTE)
    plan = a_plan(held, a_rule(RuleName("kept"), NanoDollars(0), keep_firing_for=3 * MINUTE))
    ledgers = Ledgers(database)

    cycle(ledgers, a_poll(a_snapshot(at(-1), [a_hostnode()], [_nearly_free()])), plan)
    cycle(ledgers, a_poll(selling(NOON, 2)), plan)
    cycle(ledgers, a_failure(at(1), outcome), plan)
    made = {
        minute: sorted(stages(cycle(ledgers, a_poll(selling(at(minute), 2)), plan).transitions))
        for minute in (2, 3, 4)
    }
    assert made == {
        2: [],
        3: ["pending → firing: held"],
        4: ["firing → resolved: ended"],
    }
