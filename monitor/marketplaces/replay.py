"""Recorded polls: JSON Lines, plain or gzipped, read one line at a time.

A line is `{"at": "<RFC 3339>", "hostnodes": [<as GET /hostnodes lists them>]}` or
`{"at": …, "error": "unreachable"}`; the error is one of the outcomes a poll can have. Hostnodes
stay the bytes they were recorded as: an adapter decodes them as it does a fresh answer.

An export writes one line for each change, and adds `"unbroken_since"`: the instant of the line
before, if what that one saw held until this one, else the line's own.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Annotated

import msgspec

from monitor.market.snapshot import Outcome
from monitor.market.value import value

LONGEST_LINE = 2**28
"""Bytes of a line that are read: a large market has 8 MB, and a file without lines no end."""

_GZIP = b"\x1f\x8b"


@value
class RecordedHostnodes:
    """A poll that was answered: `hostnodes` is the JSON array as recorded; lines count from 1.

    `unbroken_since` is the instant from which on nothing is missing before this poll, if told.
    """

    line: int
    at: datetime
    hostnodes: bytes
    unbroken_since: datetime | None = None

    @property
    def body(self) -> bytes:
        """The answer of `GET /hostnodes` that was recorded."""
        return b'{"data":{"hostnodes":' + self.hostnodes + b"}}"


@value
class RecordedError:
    """A poll that failed, and how."""

    line: int
    at: datetime
    error: Outcome


@value
class BadLine:
    """A line that is no recorded poll, and why."""

    line: int
    reason: str


ReplayLine = RecordedHostnodes | RecordedError | BadLine


_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class _Line(msgspec.Struct):
    at: _Instant
    hostnodes: msgspec.Raw = msgspec.Raw()
    error: Outcome | None = None
    unbroken_since: _Instant | None = None


_decoder = msgspec.json.Decoder(_Line)


@contextmanager
def open_replay(path: Path) -> Iterator[Iterator[ReplayLine]]:
    """Open a replay file, gzipped or not, and read it line by line while the block lasts.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file, unpacked(file) as lines:
        yield read_replay(lines)


@contextmanager
def unpacked(file: BufferedReader) -> Iterator[Iterator[bytes]]:
    """Read the lines of a file, gzipped or not, while the block lasts.

    Of a line that is longer than `LONGEST_LINE`, its beginning is read and the rest passed over.
    """
    if file.peek(len(_GZIP)).startswith(_GZIP):
        with gzip.open(file) as inner:
            yield _bounded(inner)
    else:
        yield _bounded(file)


def _bounded(file: BufferedReader | gzip.GzipFile) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)


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


def replay_line(at: datetime, hostnodes: bytes, *, unbroken_since: datetime) -> bytes:
    """Return a recorded poll as a line, with its end; `hostnodes` is a JSON array."""
    told = b'{"at":"%b","unbroken_since":"%b","hostnodes":%b}\n'
    return told % (_instant(at), _instant(unbroken_since), hostnodes)


def _instant(at: datetime) -> bytes:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z").encode()


def _read(number: int, line: bytes) -> ReplayLine:
    try:
        read = _decoder.decode(line)
        at = read.at.astimezone(UTC)
        since = None if read.unbroken_since is None else read.unbroken_since.astimezone(UTC)
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError) as error:
        return BadLine(line=number, reason=str(error))
    hostnodes = bytes(read.hostnodes)
    if read.error is None and hostnodes.startswith(b"["):
        return RecordedHostnodes(line=number, at=at, hostnodes=hostnodes, unbroken_since=since)
    if read.error is not None and read.error is not Outcome.OK and not hostnodes:
        return RecordedError(line=number, at=at, error=read.error)
    return BadLine(line=number, reason="needs either `hostnodes`, a list, or `error`")
