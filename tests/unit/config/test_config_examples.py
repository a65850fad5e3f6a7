"""Every file in config/ can be used as it is."""

from pathlib import Path

import pytest

from monitor.config.load import load
from monitor.config.model import Config
from monitor.config.shape import keys_of

FOLDER = Path(__file__).parents[3] / "config"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
CREDENTIALS = {
    "tensordock_token": "tok-0123456789",
    "database_url": "postgresql+psycopg://monitor:passw0rd@db/monitor",
    "email_urls": "mailtos://me:passw0rd@example.com\n",
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    for name, text in CREDENTIALS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {
        "TENSORDOCK_TOKEN": "tok-0123456789",
        "TENSORDOCK_WRITE_TOKEN": "tok-9876543210",
        "CHAT_URL": "json://localhost:9000/",
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "SSH_PUBLIC_KEY": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@here",
    }


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"monitor.yaml", "minimal.yaml"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_has_no_mistake_and_nothing_suspicious(
    path: Path, environ: dict[str, str]
) -> None:
    assert load(path, environ).warnings == ()


def test_the_main_example_shows_every_section(environ: dict[str, str]) -> None:
    assert load(FOLDER / "monitor.yaml", environ).model_fields_set == set(keys_of(Config))
