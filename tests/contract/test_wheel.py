"""The wheel carries the migrations, and they run from any folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from monitor.store import migrate

ROOT = Path(__file__).parents[2]

MIGRATE = """
import sys
from monitor.store import migrate
from monitor.store.engine import Database
database = Database.open("sqlite:///data/monitor.db")
print(migrate.upgrade(database)[-1], migrate.check(database), migrate.__file__)
database.close()
"""


def run(*arguments: str, folder: Path, path: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PATH": "", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_folder_of_the_migrations_does_not_shadow_the_library() -> None:
    found = run("-c", "import alembic.command; print(alembic.__file__)", folder=ROOT)
    assert "site-packages" in found


def test_the_checkout_migrates_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere % 東京").mkdir()
    out = run("-c", MIGRATE, folder=tmp_path / "elsewhere % 東京", path=str(ROOT))
    assert out.startswith(f"{migrate.head()} ()")


@pytest.mark.slow
def test_an_installed_wheel_migrates_from_any_folder(tmp_path: Path) -> None:
    run("-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path), folder=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    install = ("--no-deps", "--no-index", "--disable-pip-version-check", "--target", str(site))
    run("-m", "pip", "install", "--quiet", *install, str(wheel), folder=tmp_path)
    assert "monitor/store/migrations/env.py" in names
    assert "monitor/store/migrations/versions/0001_first_tables.py" in names
    assert not [name for name in names if name.startswith("alembic") or ".pyc" in name]
    out = run("-c", MIGRATE, folder=tmp_path, path=str(site))
    assert out.startswith(f"{migrate.head()} ()")
    assert str(site) in out
