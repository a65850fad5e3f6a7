"""What was told about a rule's alerts survives a restart."""

from dataclasses import replace

from monitor.alerting.notice import Group
from monitor.market.money import NanoDollars
from monitor.store import groups
from monitor.store.engine import Database
from tests.contract.samples import LABELS, NOON, RULE, at

GROUP = Group(rule=RULE, marketplace="tensordock", wait_until=at(1), waiting=True)
TOLD = replace(
    GROUP,
    waiting=False,
    told_at=NOON,
    told={LABELS: NanoDollars(2), (("marketplace", "東京"),): None},
)


def test_a_group_is_read_back_as_it_was_written_last(database: Database) -> None:
    with database.transaction() as connection:
        for group in (GROUP, TOLD):
            groups.save(connection, group)
    with database.read() as connection:
        assert groups.load(connection, "tensordock") == {RULE: TOLD}


def test_groups_of_another_marketplace_are_not_loaded(database: Database) -> None:
    with database.transaction() as connection:
        groups.save(connection, replace(GROUP, marketplace="elsewhere"))
        assert groups.load(connection, "tensordock") == {}


def test_a_removed_group_is_gone(database: Database) -> None:
    with database.transaction() as connection:
        groups.save(connection, GROUP)
        groups.remove(connection, GROUP)
        assert groups.load(connection, "tensordock") == {}


def test_a_group_is_due_when_it_has_waited_with_something_to_tell(database: Database) -> None:
    with database.transaction() as connection:
        groups.save(connection, GROUP)
        groups.save(connection, replace(TOLD, marketplace="elsewhere"))
        assert groups.due(connection, NOON) == []
        assert groups.due(connection, at(1)) == [GROUP]
