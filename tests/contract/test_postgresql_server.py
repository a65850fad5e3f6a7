"""What only a server can do wrong: not there, gone in between."""

from contextlib import closing

import pytest
from sqlalchemy import text

from monitor.errors import StoreBusyError
from monitor.store import claims, migrate, outbox
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from tests.contract.samples import MINUTE, NOON, a_draft


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:1/market"
    with (
        closing(Database.open(url)) as database,
        pytest.raises(StoreBusyError, match="look whether the server runs") as caught,
    ):
        migrate.upgrade(database)
    assert "market on 127.0.0.1" in str(caught.value)
    assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"


def test_a_connection_that_broke_is_busy_and_the_next_one_works(postgresql_url: str) -> None:
    """As when the server is started again."""
    with (
        closing(Database.open(postgresql_url)) as database,
        closing(Database.open(postgresql_url)) as operator,
    ):
        with pytest.raises(StoreBusyError, match="broke the connection off"):
            be_cut_off(database, operator)
        assert migrate.current(database) == migrate.head()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_claim_does_not_wait_for_another_one(database: Database) -> None:
    with database.transaction() as connection:
        outbox.enqueue(connection, [a_draft("a#1"), a_draft("b#2")], NOON)
    with database.transaction() as slow:
        first = claims.claim(slow, NOON, token="slow", lease_for=MINUTE, limit=1)
        other = Outbox(database).claim(NOON, token="t", lease_for=MINUTE, limit=2)
    assert [each.destination for each in (*first, *other)] == ["a#1", "b#2"]


def be_cut_off(database: Database, operator: Database) -> None:
    with database.read() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with operator.transaction() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        connection.execute(text("SELECT 1"))
