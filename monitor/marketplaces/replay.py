"""Recorded polls: JSON Lines, plain or gzipped, read one line at a time.

A line is `{"at": "<RFC 3339>", "hostnodes": [<as GET /hostnodes lists them>]}` or
`{"at": …, "error": "unreachable"}`; the error is one of the outcomes a poll can have. Hostnodes
stay the bytes they were recorded as: an adapter decodes them as it does a fresh answer.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from monitor.market.snapshot import Outcome

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHostnodes:
    """A poll that was answered: `hostnodes` is the JSON array as recorded; lines count from 1."""

    line: int
    at: datetime
    hostnodes: bytes

    @property
    def body(self) -> bytes:
        """The answer of `GET /hostnodes` that was recorded."""
        return b'{"data":{"hostnodes":' + self.hostnodes + b"}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedError:
    """A poll that failed, and how."""

    line: int
    at: datetime
    error: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line that is no recorded poll, and why."""

    line: int
    reason: str


ReplayLine = RecordedHostnodes | RecordedError | BadLine


class _Line(msgspec.Struct):
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    hostnodes: msgspec.Raw = msgspec.Raw()
    error: Outcome | None = None


_decoder = msgspec.json.Decoder(_Line)


@contextmanager
def open_replay(path: Path) -> Iterator[Iterator[ReplayLine]]:
    """Open a replay file, gzipped or not, and read it line by line while the block lasts.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        if file.peek(len(_GZIP)).startswith(_GZIP):
            with gzip.open(file) as unpacked:
                yield read_replay(unpacked)
        else:
            yield read_replay(file)


def read_replay(lines: Iterable[bytes]) -> Iterator[ReplayLine]:
    """Read recorded polls; blank lines are passed over.

    Compressed data that ends early or is damaged makes one last `BadLine`.
    """
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            if not line.isspace():
                yield _read(number, line)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        yield BadLine(line=number + 1, reason=f"the compressed data is damaged: {error}")


def _read(number: int, line: bytes) -> ReplayLine:
    try:
        read = _decoder.decode(line)
        at = read.at.astimezone(UTC)
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
        return BadLine(line=number, reason=str(error))
    hostnodes = bytes(read.hostnodes)
    if read.error is None and hostnodes.startswith(b"["):
        return RecordedHostnodes(line=number, at=at, hostnodes=hostnodes)
    if read.error is not None and read.error is not Outcome.OK and not hostnodes:
        return RecordedError(line=number, at=at, error=read.error)
    return BadLine(line=number, reason="needs either `hostnodes`, a list, or `error`")
