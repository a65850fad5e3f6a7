"""Every poll leaves a row, and moves what is known of its marketplace."""

from dataclasses import replace

from sqlalchemy import select

from monitor.market.snapshot import Issue, IssueReason, Outcome, Poll
from monitor.store import marketplaces, polls
from monitor.store.engine import Database
from monitor.store.schema import polls as polls_table
from tests.contract.samples import NOON, a_failure, a_poll, at, selling


def make(database: Database, *made: Poll) -> marketplaces.Marketplace:
    for poll in made:
        with database.transaction() as connection:
            polls.record(connection, marketplaces.lock(connection, "tensordock"), poll)
    with database.read() as connection:
        found = marketplaces.find(connection, "tensordock")
    assert found is not None
    return found


def test_a_good_poll_is_counted_whole(database: Database) -> None:
    issue = Issue(reason=IssueReason.UNPRICED, path="$.data", detail="нет цены")
    snapshot = replace(
        selling(NOON, 2, None), issues=(issue,), issues_left_out={IssueReason.UNPRICED: 4}
    )
    make(database, a_poll(snapshot))
    with database.read() as connection:
        (row,) = connection.execute(select(polls_table)).all()
    assert (row.at, row.outcome, row.duration) == (NOON, "ok", 0.25)
    assert (row.hostnodes, row.offers, row.issues, row.detail) == (1, 2, 5, "")


def test_a_failed_poll_says_why(database: Database) -> None:
    make(database, a_failure(NOON, Outcome.MALFORMED))
    with database.read() as connection:
        (row,) = connection.execute(select(polls_table)).all()
    assert (row.outcome, row.detail, row.offers) == ("malformed", "no answer", 0)


def test_two_polls_of_one_instant_are_two_rows(database: Database) -> None:
    make(database, a_poll(selling(NOON, 2)), a_poll(selling(NOON, 2)))
    with database.read() as connection:
        assert polls.counts(connection, "tensordock", NOON) == {Outcome.OK: 2}


def test_polls_are_counted_by_outcome_since_an_instant(database: Database) -> None:
    make(database, a_poll(selling(NOON, 2)), a_failure(at(1)), a_failure(at(2)))
    with database.read() as connection:
        assert polls.counts(connection, "tensordock", at(1)) == {Outcome.UNREACHABLE: 2}
        assert polls.counts(connection, "elsewhere", NOON) == {}


def test_a_marketplace_knows_its_last_good_poll_and_whether_one_failed_since(
    database: Database,
) -> None:
    good = make(database, a_poll(selling(NOON, 2)))
    failed = make(database, a_failure(at(1)))
    assert (good.last_good_at, good.failed_since) == (NOON, False)
    assert (failed.last_good_at, failed.failed_since) == (NOON, True)
    assert (failed.last_poll_at, failed.last_outcome) == (at(1), Outcome.UNREACHABLE)


def test_the_last_good_poll_goes_back_with_the_clock(database: Database) -> None:
    found = make(database, a_poll(selling(NOON, 2)), a_poll(selling(at(-60), 2)))
    assert found.last_good_at == at(-60)


def test_a_marketplace_never_polled_is_not_found(database: Database) -> None:
    with database.read() as connection:
        assert marketplaces.find(connection, "tensordock") is None
