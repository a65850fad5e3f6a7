"""What had been told before groups could hold several rules is still known after."""

from contextlib import closing

from alembic import command
from sqlalchemy import text

from monitor.market.money import NanoDollars
from monitor.rules.alert import RuleName
from monitor.store import groups, migrate
from monitor.store.engine import Database
from monitor.store.types import UtcDateTime
from tests.contract.samples import LABELS, NOON, at

OLD = text(
    "INSERT INTO alert_groups (rule, marketplace, wait_until, waiting, told_at, told) "
    "VALUES (:rule, 'tensordock', :wait_until, :waiting, :told_at, :told)"
)
TOLD = '[[{"gpu":"h100-sxm5-80gb","marketplace":"tensordock"},2100000000]]'


def test_groups_are_carried_over_with_what_was_told_of_them(empty_url: str) -> None:
    with closing(Database.open(empty_url)) as database:
        with database.transaction() as connection:
            command.upgrade(migrate._config(connection), "0002")
            instant = UtcDateTime().process_bind_param
            for rule, waiting, told in (("cheap", False, TOLD), ("waits", True, "[]")):
                row = {
                    "rule": rule,
                    "wait_until": instant(at(1), connection.dialect),
                    "waiting": waiting,
                    "told_at": instant(NOON, connection.dialect) if told == TOLD else None,
                    "told": told,
                }
                connection.execute(OLD, row)
        migrate.upgrade(database)
        with database.read() as connection:
            cheap, waits = sorted(
                groups.load(connection, "tensordock").values(), key=lambda group: group.key
            )
    assert cheap.key == (("marketplace", "tensordock"), ("rule", "cheap"))
    assert cheap.told == {(RuleName("cheap"), LABELS): NanoDollars(2_100_000_000)}
    assert (cheap.told_at, cheap.news_at, cheap.due_at) == (NOON, NOON, None)
    assert (waits.told, waits.told_at, waits.due_at) == ({}, None, at(1))
