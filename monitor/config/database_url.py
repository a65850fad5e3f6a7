"""The URL of a database: what the store would misread, or tell a part of, is refused."""

import re

from monitor.config.secret import Secret

_HIGHEST_PORT = 65_535
_SERVER = re.compile(
    r"(?:[^:/]*(?::[^@]*)?@)?"  # user and password, cut as SQLAlchemy cuts them
    r"(?:\[[^/?@]+\]|(?P<host>[^/:?]+))?"
    r"(?::(?P<port>[^/?]*))?"
    r"(?:/(?P<name>[^?]*))?"
    r"(?:\?.*)?"
)


def database_url(secret: Secret) -> Secret:
    """Return the URL of a SQLite file or a PostgreSQL database.

    Raises:
        ValueError: with a sentence that holds nothing of it.
    """
    scheme, _, rest = secret.reveal().partition("://")
    if scheme == "sqlite":
        path = rest.partition("?")[0]
        if not path.startswith("/") or path.endswith("/") or path == "/:memory:":
            raise ValueError("must name a file: sqlite:///data/monitor.db, or sqlite:////absolute")
    elif scheme in {"postgresql", "postgresql+psycopg"}:
        _check_server(rest)
    else:
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
    return secret


def _check_server(rest: str) -> None:
    found = _SERVER.fullmatch(rest)
    if found and any("@" in (part or "") for part in found.groups()):
        # The rest of the password would be a part of the host, which errors and logs tell.
        raise ValueError("holds a second `@`: in a user or password, write it as %40")
    if not found or not _is_port(found["port"]):
        raise ValueError(
            "must be like postgresql+psycopg://user:password@host:5432/database; in a password, "
            "write `:` `/` `?` `#` `@` `%` as %3A %2F %3F %23 %40 %25"
        )


def _is_port(text: str | None) -> bool:
    return text is None or (
        re.fullmatch(r"\d{1,5}", text, re.ASCII) is not None and 0 < int(text) <= _HIGHEST_PORT
    )
