"""Secrets that stand in files of their own: `token_file` for `token`, and so on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitor.config.document import UNREAD, Document
from monitor.config.place import Finding, Place
from monitor.config.shape import keys_of, tables


def read_secret_files(document: Document, folder: Path) -> Iterator[Finding]:
    """Put into `document` what its `…_file` keys point to, and yield what is wrong with them.

    A relative path starts at `folder`. The file is stripped; for a list it holds one per line.
    """
    for place, table, raw in tables(document.root):
        for name, key in keys_of(table).items():
            if key.secret and f"{name}_file" in raw:
                yield from _replace(document, folder, place, raw, name, many=key.many)


def _replace(
    document: Document, folder: Path, table: Place, raw: dict[str, Any], name: str, *, many: bool
) -> Iterator[Finding]:
    """Turn one `…_file` into the key it stands for, which takes over its position."""
    file, place = (*table, f"{name}_file"), (*table, name)
    path = raw.pop(f"{name}_file")
    if path is None:
        return
    if raw.get(name) is not None:
        yield file, f"stands beside `{name}`: give one of them"
        return
    document.keys[place], document.values[place] = document.keys[file], document.values[file]
    try:
        text = _read(folder, path)
    except ValueError as error:
        raw[name] = UNREAD
        document.unread.add(place)
        if path is not UNREAD:
            yield file, str(error)
        return
    raw[name] = [line.strip() for line in text.splitlines() if line.strip()] if many else text


def _read(folder: Path, path: object) -> str:
    """Return what the file holds; the path stays out of messages, it may be the secret itself."""
    if not isinstance(path, str):
        raise ValueError("must be the path of a file")  # noqa: TRY004 - told like the others
    try:
        text = (folder / path).read_text("utf-8").strip()
    except OSError as error:
        raise ValueError(
            f"cannot be read: {error.strerror} (a relative path starts at this file's folder)"
        ) from None
    except ValueError:
        raise ValueError("must be the path of a text file in UTF-8") from None
    if not text:
        raise ValueError("the file is empty")
    return text
