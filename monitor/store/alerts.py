"""Alerts, one row for each life of one, and their transitions."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, union_all, update

from monitor.errors import StoreError
from monitor.rules.alert import (
    Acknowledgement,
    Alert,
    AlertState,
    Labels,
    RuleName,
    Transition,
    TransitionReason,
)
from monitor.rules.evaluate import AlertKey
from monitor.store.encoding import best_text, labels_text, read_best, read_labels
from monitor.store.keys import insertion
from monitor.store.schema import ACTIVE_ALERT, alerts, transitions

_ACTIVE = (
    select(alerts)
    .where(ACTIVE_ALERT, alerts.c.marketplace == bindparam("marketplace"))
    .order_by(alerts.c.rule, alerts.c.labels)
)


def load(connection: Connection, marketplace: str) -> dict[AlertKey, Alert]:
    """Return the pending and firing alerts of a marketplace."""
    rows = connection.execute(_ACTIVE, {"marketplace": marketplace})
    return {(alert.rule, alert.labels): alert for alert in map(_alert, rows)}


def save(connection: Connection, changed: Iterable[Alert], made: Iterable[Transition]) -> None:
    """Write alerts that changed, and the transitions that were made.

    Pending and firing alerts are inserted or updated, resolved ones end their row, and inactive
    ones (they lapsed before they fired) leave no row.

    Raises:
        StoreError: an alert that ended is not there: another process has written meanwhile.
    """
    kept: list[dict[str, Any]] = []
    resolved: list[dict[str, Any]] = []
    lapsed: list[dict[str, Any]] = []
    for alert in changed:
        match alert.state:
            case AlertState.PENDING | AlertState.FIRING:
                kept.append(_values(alert))
            case AlertState.RESOLVED:
                resolved.append(_values(alert))
            case AlertState.INACTIVE:
                lapsed.append(_key(alert))
    _keep(connection, kept)
    _resolve(connection, resolved)
    _forget(connection, lapsed)
    if rows := [_transition_values(each) for each in made]:
        connection.execute(insert(transitions), rows)


def acknowledge(
    connection: Connection,
    rule: RuleName,
    labels: Iterable[tuple[str, str]],
    acknowledgement: Acknowledgement,
) -> list[Labels]:
    """Acknowledge the firing alerts of a rule that have all of `labels`; return which they are.

    The next evaluation that changes an alert does not touch it, and the next life has none.
    """
    wanted = set(labels)
    rows = connection.execute(
        select(alerts.c.id, alerts.c.labels).where(
            ACTIVE_ALERT, alerts.c.rule == rule, alerts.c.state == AlertState.FIRING.value
        )
    )
    found = {row.id: read_labels(row.labels) for row in rows}
    chosen = {key: each for key, each in found.items() if wanted <= set(each)}
    acknowledged = connection.execute(
        update(alerts)
        .where(alerts.c.id.in_(chosen), alerts.c.state == AlertState.FIRING.value)
        .values(
            acknowledged_at=acknowledgement.at,
            acknowledged_by=acknowledgement.by,
            acknowledged_comment=acknowledgement.comment,
        )
        .returning(alerts.c.id)
    )
    return [chosen[key] for key in sorted(acknowledged.scalars())]


def recent(connection: Connection, since: datetime) -> list[Alert]:
    """Return the alerts that are pending or firing, or were resolved since an instant.

    The newest come first.
    """
    # Not OR: each half has its own index.
    both = union_all(
        select(alerts).where(ACTIVE_ALERT), select(alerts).where(alerts.c.resolved_at >= since)
    ).subquery()
    rows = connection.execute(select(both).order_by(both.c.active_at.desc(), both.c.id.desc()))
    return [_alert(row) for row in rows]


def last_resolved(
    connection: Connection, rule: RuleName, labels: Iterable[Labels]
) -> tuple[Alert, ...]:
    """Return, for each of `labels`, the alert of `rule` that was resolved last, if there is one."""
    found = (connection.execute(_last_resolved(rule, each)).one_or_none() for each in labels)
    return tuple(_alert(row) for row in found if row is not None)


def history(
    connection: Connection,
    since: datetime,
    *,
    rule: RuleName | None = None,
    labels: Labels | None = None,
) -> list[Transition]:
    """Return the transitions since an instant, of one rule or one alert if asked for.

    The earliest come first.
    """
    order = (transitions.c.at, transitions.c.id)
    statement = select(transitions).where(transitions.c.at >= since).order_by(*order)
    if rule is not None:
        statement = statement.where(transitions.c.rule == rule)
    if labels is not None:
        statement = statement.where(transitions.c.labels == labels_text(labels))
    return [_transition(row) for row in connection.execute(statement)]


def _keep(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    insertion_ = insertion(connection, alerts)
    connection.execute(
        insertion_.on_conflict_do_update(
            index_elements=[alerts.c.rule, alerts.c.labels],
            index_where=ACTIVE_ALERT,
            set_={name: insertion_.excluded[name] for name in rows[0]},
        ),
        rows,
    )


def _resolve(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    keys = [{"of_rule": row.pop("rule"), "of_labels": row.pop("labels"), **row} for row in rows]
    changed = connection.execute(
        update(alerts)
        .where(
            ACTIVE_ALERT,
            alerts.c.rule == bindparam("of_rule"),
            alerts.c.labels == bindparam("of_labels"),
        )
        .values({name: bindparam(name) for name in rows[0]}),
        keys,
    )
    _demand_all(changed.rowcount, keys)


def _forget(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    removed = connection.execute(
        delete(alerts).where(
            ACTIVE_ALERT,
            alerts.c.rule == bindparam("rule"),
            alerts.c.labels == bindparam("labels"),
        ),
        rows,
    )
    _demand_all(removed.rowcount, rows)


def _demand_all(changed: int, rows: list[dict[str, Any]]) -> None:
    if changed != len(rows):
        raise StoreError(
            f"{len(rows) - changed} alerts were ended by somebody else meanwhile: "
            "the next poll reads them again"
        )


def _last_resolved(rule: RuleName, labels: Labels) -> Select[Any]:
    return (
        select(alerts)
        .where(
            alerts.c.rule == rule,
            alerts.c.labels == labels_text(labels),
            alerts.c.state == AlertState.RESOLVED.value,
        )
        .order_by(alerts.c.id.desc())
        .limit(1)
    )


def _key(alert: Alert) -> dict[str, Any]:
    return {"rule": alert.rule, "labels": labels_text(alert.labels)}


def _values(alert: Alert) -> dict[str, Any]:
    return {
        **_key(alert),
        "marketplace": alert.marketplace,
        "state": alert.state.value,
        "active_at": alert.active_at,
        "pending_since": alert.pending_since,
        "firing_at": alert.firing_at,
        "keep_firing_since": alert.keep_firing_since,
        "resolved_at": alert.resolved_at,
        "value": alert.value,
        "offers": alert.offers,
        "best": best_text(alert.best),
        "detail": alert.detail,
    }


def _transition_values(transition: Transition) -> dict[str, Any]:
    return {
        "at": transition.at,
        "rule": transition.rule,
        "labels": labels_text(transition.labels),
        "before": transition.before.value,
        "after": transition.after.value,
        "reason": transition.reason.value,
        "value": transition.value,
    }


def _alert(row: Row[Any]) -> Alert:
    return Alert(
        rule=row.rule,
        labels=read_labels(row.labels),
        state=AlertState(row.state),
        active_at=row.active_at,
        pending_since=row.pending_since,
        firing_at=row.firing_at,
        keep_firing_since=row.keep_firing_since,
        resolved_at=row.resolved_at,
        value=row.value,
        offers=row.offers,
        best=read_best(row.best),
        acknowledged=_acknowledgement(row),
        detail=row.detail,
    )


def _acknowledgement(row: Row[Any]) -> Acknowledgement | None:
    if row.acknowledged_at is None:
        return None
    return Acknowledgement(
        at=row.acknowledged_at, by=row.acknowledged_by, comment=row.acknowledged_comment
    )


def _transition(row: Row[Any]) -> Transition:
    return Transition(
        rule=row.rule,
        labels=read_labels(row.labels),
        at=row.at,
        before=AlertState(row.before),
        after=AlertState(row.after),
        reason=TransitionReason(row.reason),
        value=row.value,
    )
