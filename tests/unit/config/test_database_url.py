"""Of a database's URL that is let through, the store tells no part of a password."""

from hypothesis import assume, example, given
from hypothesis import strategies as st
from sqlalchemy import make_url

from monitor.config.database_url import database_url
from monitor.config.secret import Secret


@given(st.text("u1:/@?[]", max_size=20))
@example("u:p@ss@h/db")
@example("u:p@s/s@h/db")
@example(":@[@]")
def test_what_is_let_through_holds_no_at_sign_where_it_is_told(rest: str) -> None:
    """Where SQLAlchemy sees a server and a database, there is nothing from before the last `@`."""
    text = f"postgresql://{rest}"
    try:
        database_url(Secret(text))
    except ValueError:
        assume(False)  # noqa: FBT003 - Hypothesis' own way to pass over an example
    url = make_url(text)
    assert "@" not in f"{url.host} {url.database}"
