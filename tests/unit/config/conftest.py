"""A configuration written to a temporary folder and read back, for the tests of this folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from monitor.config.load import load
from monitor.config.model import Config
from monitor.errors import ConfigError

MARKETPLACE = """\
marketplaces:
  - {name: tensordock, kind: tensordock, token: tok-0123456789}
"""
"""The least there must be; a test adds its own lines below, from line 3 on."""

Load = Callable[..., Config]
Mistakes = Callable[..., list[str]]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Read `text` below a marketplace that is fine (`whole=True`: as it is)."""

    def read(text: str, environ: Mapping[str, str] | None = None, *, whole: bool = False) -> Config:
        path = tmp_path / "monitor.yaml"
        path.write_text(("" if whole else MARKETPLACE) + dedent(text), encoding="utf-8")
        return load(path, environ or {})

    return read


@pytest.fixture
def mistakes(load_text: Load) -> Mistakes:
    """Read a text with mistakes; tell them as `line:column: where: what`."""

    def read(
        text: str, environ: Mapping[str, str] | None = None, *, whole: bool = False
    ) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, environ, whole=whole)
        return [str(problem).partition("monitor.yaml:")[2] for problem in caught.value.problems]

    return read
