"""What has been told about the alerts of each rule."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from monitor.alerting.notice import Group
from monitor.rules.alert import RuleName
from monitor.store.encoding import read_told, told_text
from monitor.store.keys import insertion
from monitor.store.schema import alert_groups


def load(connection: Connection, marketplace: str) -> dict[RuleName, Group]:
    """Return the groups of a marketplace."""
    rows = connection.execute(select(alert_groups).where(alert_groups.c.marketplace == marketplace))
    return {group.rule: group for group in map(_group, rows)}


def due(connection: Connection, now: datetime) -> list[Group]:
    """Return the groups that have waited long enough with something to tell."""
    rows = connection.execute(
        select(alert_groups)
        .where(alert_groups.c.waiting, alert_groups.c.wait_until <= now)
        .order_by(alert_groups.c.wait_until)
    )
    return [_group(row) for row in rows]


def marketplaces(connection: Connection) -> set[str]:
    """Return the marketplaces that have groups."""
    return set(connection.scalars(select(alert_groups.c.marketplace).distinct()))


def save(connection: Connection, group: Group) -> None:
    """Write a group, whether it was there or not."""
    insert = insertion(connection, alert_groups)
    values = {
        "wait_until": group.wait_until,
        "waiting": group.waiting,
        "told_at": group.told_at,
        "told": told_text(group.told),
    }
    connection.execute(
        insert.values(
            rule=group.rule, marketplace=group.marketplace, **values
        ).on_conflict_do_update(
            index_elements=[alert_groups.c.rule, alert_groups.c.marketplace], set_=values
        )
    )


def remove(connection: Connection, group: Group) -> None:
    """Delete a group, of which nothing is left to tell."""
    connection.execute(
        delete(alert_groups).where(
            alert_groups.c.rule == group.rule, alert_groups.c.marketplace == group.marketplace
        )
    )


def _group(row: Row[Any]) -> Group:
    return Group(
        rule=row.rule,
        marketplace=row.marketplace,
        wait_until=row.wait_until,
        waiting=row.waiting,
        told_at=row.told_at,
        told=read_told(row.told),
    )
