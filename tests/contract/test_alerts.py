"""An alert has one row for each of its lives, and is read back as it was written."""

from dataclasses import replace
from datetime import datetime

import pytest

from monitor.errors import StoreError
from monitor.rules.alert import (
    Alert,
    AlertState,
    RuleName,
    Transition,
    TransitionReason,
)
from monitor.store import alerts
from monitor.store.engine import Database
from tests.contract.samples import LABELS, NOON, RULE, an_alert, at

PENDING = an_alert(state=AlertState.PENDING, firing_at=None)
OTHER = (("gpu", "l4-pcie-24gb"), ("marketplace", "другой"))


def save(database: Database, *changed: Alert, made: tuple[Transition, ...] = ()) -> None:
    with database.transaction() as connection:
        alerts.save(connection, changed, made)


def load(database: Database, marketplace: str = "tensordock") -> list[Alert]:
    with database.read() as connection:
        return list(alerts.load(connection, marketplace).values())


def recent(database: Database, since: datetime) -> list[Alert]:
    with database.read() as connection:
        return alerts.recent(connection, since)


def resolved(alert: Alert, minute: float = 10) -> Alert:
    return replace(alert, state=AlertState.RESOLVED, resolved_at=at(minute))


def a_transition(minute: float, rule: RuleName = RULE) -> Transition:
    return Transition(
        rule=rule,
        labels=LABELS,
        at=at(minute),
        before=AlertState.PENDING,
        after=AlertState.FIRING,
        reason=TransitionReason.HELD,
        value=None,
    )


def test_an_alert_is_read_back_as_it_was_written(database: Database) -> None:
    save(database, an_alert(keep_firing_since=at(5)))
    with database.read() as connection:
        assert alerts.load(connection, "tensordock") == {
            (RULE, LABELS): an_alert(keep_firing_since=at(5))
        }


def test_a_life_is_one_row(database: Database) -> None:
    for each in (PENDING, an_alert(), an_alert(offers=3), resolved(an_alert())):
        save(database, each)
    assert recent(database, NOON) == [resolved(an_alert())]


def test_the_next_life_is_another_row(database: Database) -> None:
    later = an_alert(active_at=at(20))
    save(database, an_alert())
    save(database, resolved(an_alert()))
    save(database, later)
    assert load(database) == [later]
    assert recent(database, NOON) == [later, resolved(an_alert())]


def test_a_pending_alert_that_lapsed_leaves_no_row(database: Database) -> None:
    save(database, PENDING)
    save(database, replace(PENDING, state=AlertState.INACTIVE))
    assert recent(database, NOON) == []


@pytest.mark.parametrize(
    "ended", [resolved(an_alert()), replace(PENDING, state=AlertState.INACTIVE)]
)
def test_an_alert_that_another_process_ended_is_not_ended_twice(
    database: Database, ended: Alert
) -> None:
    with pytest.raises(StoreError, match="ended by somebody else"):
        save(database, ended)


def test_many_alerts_are_saved_at_once(database: Database) -> None:
    many = [an_alert(rule=RuleName(f"rule {number}")) for number in range(50)]
    save(database, *many)
    save(database, *(resolved(each) for each in many[:20]), *many[20:])
    assert sorted(each.rule for each in load(database)) == sorted(each.rule for each in many[20:])


def test_alerts_of_another_marketplace_are_not_loaded(database: Database) -> None:
    save(database, an_alert(), an_alert(labels=OTHER))
    assert load(database, "другой") == [an_alert(labels=OTHER)]


def test_recent_leaves_out_what_was_resolved_before(database: Database) -> None:
    save(database, an_alert())
    save(database, resolved(an_alert(), minute=10))
    assert recent(database, at(10)) == [resolved(an_alert(), minute=10)]
    assert recent(database, at(11)) == []


def test_the_last_life_of_an_alert_is_told_as_resolved(database: Database) -> None:
    for minute in (10, 20):
        save(database, an_alert())
        save(database, resolved(an_alert(), minute))
    with database.read() as connection:
        assert alerts.last_resolved(connection, RULE, [LABELS, OTHER]) == (
            resolved(an_alert(), 20),
        )


def test_transitions_are_kept_in_their_order(database: Database) -> None:
    made = (a_transition(0), a_transition(1), a_transition(2, RuleName("other")))
    save(database, made=made)
    with database.read() as connection:
        assert alerts.history(connection, NOON) == list(made)
        assert alerts.history(connection, at(1)) == list(made[1:])
        assert alerts.history(connection, NOON, rule=RULE) == [made[0], made[1]]
        assert alerts.history(connection, NOON, labels=OTHER) == []
