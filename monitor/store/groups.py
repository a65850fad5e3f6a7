"""What has been told about the alerts of each group."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select

from monitor.alerting.notice import Group, Withheld
from monitor.rules.alert import Labels
from monitor.store.encoding import (
    alert_keys_text,
    labels_text,
    read_alert_keys,
    read_labels,
    read_told,
    told_text,
)
from monitor.store.keys import insertion
from monitor.store.schema import alert_groups

_OF_MARKETPLACE = select(alert_groups).where(alert_groups.c.marketplace == bindparam("marketplace"))


def load(connection: Connection, marketplace: str) -> dict[Labels, Group]:
    """Return the groups of a marketplace by their keys."""
    rows = connection.execute(_OF_MARKETPLACE, {"marketplace": marketplace})
    return {group.key: group for group in map(_group, rows)}


def due(connection: Connection, now: datetime) -> set[str]:
    """Return the marketplaces with a group to look at now, though no poll came."""
    return set(
        connection.scalars(
            select(alert_groups.c.marketplace).where(alert_groups.c.due_at <= now).distinct()
        )
    )


def marketplaces(connection: Connection) -> set[str]:
    """Return the marketplaces that have groups."""
    return set(connection.scalars(select(alert_groups.c.marketplace).distinct()))


def save(connection: Connection, group: Group) -> None:
    """Write a group, whether it was there or not."""
    insert = insertion(connection, alert_groups)
    values = {
        "wait_until": group.wait_until,
        "due_at": group.due_at,
        "withheld": group.withheld and group.withheld.value,
        "told_at": group.told_at,
        "news_at": group.news_at,
        "repeats": group.repeats,
        "told": told_text(group.told),
        "held": alert_keys_text(group.held),
        "escalate_at": group.escalate_at,
        "escalated": alert_keys_text(group.escalated),
    }
    connection.execute(
        insert.values(
            key=labels_text(group.key), marketplace=group.marketplace, **values
        ).on_conflict_do_update(index_elements=[alert_groups.c.key], set_=values)
    )


def remove(connection: Connection, group: Group) -> None:
    """Delete a group, of which nothing is left to tell."""
    connection.execute(delete(alert_groups).where(alert_groups.c.key == labels_text(group.key)))


def _group(row: Row[Any]) -> Group:
    return Group(
        key=read_labels(row.key),
        wait_until=row.wait_until,
        due_at=row.due_at,
        withheld=row.withheld and Withheld(row.withheld),
        told_at=row.told_at,
        news_at=row.news_at,
        repeats=row.repeats,
        told=read_told(row.told),
        held=read_alert_keys(row.held),
        escalate_at=row.escalate_at,
        escalated=read_alert_keys(row.escalated),
    )
