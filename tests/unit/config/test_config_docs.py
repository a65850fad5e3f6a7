"""docs/configuration.md lists the keys there are, with the defaults they have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import TypeAdapter

from monitor.config.model import Config, Table
from monitor.config.shape import keys_of

TEXT = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")
DOCUMENTED = dict(re.findall(r"^\| `([\w.\[\]]+)` \| (.+?) \|", TEXT, re.MULTILINE))
REQUIRED = object()


def model_keys(table: type[Table] = Config, prefix: str = "") -> Iterator[tuple[str, Any, object]]:
    """Yield each key that holds a value, the type of the value, and its default."""
    for name, key in keys_of(table).items():
        path = f"{prefix}{name}"
        if key.table:
            yield from model_keys(key.table, f"{path}[]." if key.many else f"{path}.")
            continue
        field = key.field
        default = REQUIRED if field.is_required() else field.get_default()
        yield path, Annotated[field.annotation, name, *field.metadata], default
        if key.secret:
            yield f"{path}_file", str | None, None


KEYS = {path: (kind, default) for path, kind, default in model_keys()}


def test_every_key_is_documented_and_no_other() -> None:
    assert set(DOCUMENTED) == set(KEYS)


@pytest.mark.parametrize("path", sorted(KEYS))
def test_the_documented_default_is_the_real_one(path: str) -> None:
    kind, default = KEYS[path]
    documented = DOCUMENTED.get(path, "")
    if documented == "required":
        assert default is REQUIRED
    elif documented == "—":
        assert default is None
    else:
        assert TypeAdapter(kind).validate_python(yaml.safe_load(documented.strip("`"))) == default


def test_the_documented_messages_are_what_is_told() -> None:
    told = (Path(__file__).parent / "twenty.txt").read_text(encoding="utf-8")
    shown = re.findall(r"^config/monitor\.yaml:(.+)$", TEXT, re.MULTILINE)
    assert shown
    assert all(line in told for line in shown)
