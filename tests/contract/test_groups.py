"""What was told about a rule's alerts survives a restart."""

from dataclasses import replace

from monitor.alerting.notice import Group, Withheld
from monitor.market.money import NanoDollars
from monitor.store import groups
from monitor.store.engine import Database
from tests.contract.samples import LABELS, NOON, RULE, at

KEY = (("marketplace", "tensordock"), ("rule", RULE))
ELSEWHERE = (("marketplace", "elsewhere"), ("rule", RULE))
GROUP = Group(key=KEY, wait_until=at(1), due_at=at(1), withheld=Withheld.GROUP_WAIT)
TOLD = replace(
    GROUP,
    due_at=None,
    withheld=None,
    told_at=NOON,
    news_at=NOON,
    repeats=3,
    told={(RULE, LABELS): NanoDollars(2), (RULE, (("marketplace", "東京"),)): None},
    held=frozenset({(RULE, LABELS)}),
    escalate_at=at(2),
    escalated=frozenset({(RULE, LABELS)}),
)


def test_a_group_is_read_back_as_it_was_written_last(database: Database) -> None:
    with database.transaction() as connection:
        for group in (GROUP, TOLD):
            groups.save(connection, group)
    with database.read() as connection:
        assert groups.load(connection, "tensordock") == {KEY: TOLD}


def test_groups_of_another_marketplace_are_not_loaded(database: Database) -> None:
    with database.transaction() as connection:
        groups.save(connection, replace(GROUP, key=ELSEWHERE))
        assert groups.load(connection, "tensordock") == {}


def test_a_removed_group_is_gone(database: Database) -> None:
    with database.transaction() as connection:
        groups.save(connection, GROUP)
        groups.remove(connection, GROUP)
        assert groups.load(connection, "tensordock") == {}


def test_a_group_is_due_when_what_it_waits_for_has_come(database: Database) -> None:
    with database.transaction() as connection:
        groups.save(connection, GROUP)
        groups.save(connection, replace(TOLD, key=ELSEWHERE))
        assert groups.due(connection, NOON) == set()
        assert groups.due(connection, at(1)) == {"tensordock"}
