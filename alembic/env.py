"""Runs migrations on the connection that `monitor.store.migrate` hands over.

For `alembic revision --autogenerate` on the command line the database's URL comes with `-x`:
`alembic -x url=sqlite:///data/monitor.db revision --autogenerate -m "what it does"`.
"""

from alembic import context
from sqlalchemy import Connection

from monitor.store.engine import Database
from monitor.store.schema import metadata


def _run(connection: Connection) -> None:
    # SQLite cannot change a column in place: in a batch Alembic copies the table.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def _run_from_command_line() -> None:
    database = Database.open(context.get_x_argument(as_dictionary=True)["url"])
    with database.transaction() as connection:
        _run(connection)
    database.close()


_given = context.config.attributes.get("connection")
if _given is None:
    _run_from_command_line()
else:
    _run(_given)
