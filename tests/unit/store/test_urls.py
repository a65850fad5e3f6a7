"""A database's URL: what can be opened, and what is told of it."""

import pytest

from monitor.errors import StoreError
from monitor.store.engine import Database

SECRET = "hunter2"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://me:{SECRET}@db.example:5432/market",
        f"postgresql://me:{SECRET}@db.example/market",
        f"postgresql://db.example/market?user=me&password={SECRET}",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    database = Database.open(url)
    assert database.name == "market on db.example"
    assert SECRET not in f"{database!r} {database.name}"
    assert database.file is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "cannot be read"),
        (f"me:{SECRET}@db.example", "cannot be read"),
        (f"postgresql://me:{SECRET}@db.example:port/market", "cannot be read"),
        (f"mysql://me:{SECRET}@db.example/market", "of the kind 'mysql' cannot be used"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_showing_it(url: str, reason: str) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        Database.open(url)
    assert SECRET not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
