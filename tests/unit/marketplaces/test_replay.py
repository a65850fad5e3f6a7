"""Reading recorded polls."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.market.snapshot import Outcome
from monitor.marketplaces.replay import (
    BadLine,
    RecordedError,
    RecordedHostnodes,
    open_replay,
    read_replay,
)
from monitor.marketplaces.tensordock.decode import decode_hostnodes

RECORDINGS = sorted((Path(__file__).parents[2] / "fixtures" / "replay").glob("*.jsonl.gz"))
AT = datetime(2026, 3, 21, 6, 9, 11, tzinfo=UTC)


def test_hostnodes_are_kept_as_the_bytes_they_were() -> None:
    line = b'{"at": "2026-03-21T06:09:11Z", "hostnodes": [ {"id":  5e-05} ]}\n'
    (read,) = read_replay([line])
    assert read == RecordedHostnodes(line=1, at=AT, hostnodes=b'[ {"id":  5e-05} ]')
    assert read.body == b'{"data":{"hostnodes":[ {"id":  5e-05} ]}}'


def test_an_error_is_one_of_the_outcomes() -> None:
    (read,) = read_replay([b'{"at": "2026-03-21T07:09:11+01:00", "error": "unreachable"}'])
    assert read == RecordedError(line=1, at=AT, error=Outcome.UNREACHABLE)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"at": "yesterday", "hostnodes": []}',
        b'{"at": "2026-03-21T06:09:11", "hostnodes": []}',
        b'{"at": "0001-01-01T00:00:00+10:00", "hostnodes": []}',
        b'{"at": "2026-03-21T06:09:11Z"}',
        b'{"at": "2026-03-21T06:09:11Z", "hostnodes": {}}',
        b'{"at": "2026-03-21T06:09:11Z", "hostnodes": null}',
        b'{"at": "2026-03-21T06:09:11Z", "hostnodes": [], "error": "empty"}',
        b'{"at": "2026-03-21T06:09:11Z", "error": "ok"}',
        b'{"at": "2026-03-21T06:09:11Z", "error": "sulking"}',
        b'{"at": "2026-03-21T06:09:11Z", "error": "\xff"}',
    ],
)
def test_a_bad_line_is_told_by_its_number_and_reading_goes_on(line: bytes) -> None:
    good = b'{"at": "2026-03-21T06:09:11Z", "hostnodes": []}'
    first, bad, third = read_replay([good, line, good])
    assert isinstance(first, RecordedHostnodes)
    assert isinstance(bad, BadLine)
    assert (bad.line, bool(bad.reason)) == (2, True)
    assert isinstance(third, RecordedHostnodes)


def test_blank_lines_are_passed_over_but_counted() -> None:
    (bad,) = read_replay([b"\n", b"  \n", b"x\n"])
    assert isinstance(bad, BadLine)
    assert bad.line == 3


def test_lines_are_read_one_at_a_time() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b'{"at": "2026-03-21T06:09:11Z", "hostnodes": []}'

    assert next(read_replay(endless())) is not None


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_a_recording_is_read_whole_and_its_hostnodes_can_be_decoded(path: Path) -> None:
    with open_replay(path) as lines:
        polls = [line for line in lines if isinstance(line, RecordedHostnodes)]
    with gzip.open(path) as file:
        recorded = [json.loads(line) for line in file]
    assert [json.loads(poll.hostnodes) for poll in polls] == [it["hostnodes"] for it in recorded]
    for poll in polls[:5]:
        snapshot = decode_hostnodes(poll.body, marketplace="m", at=poll.at)
        assert len(snapshot.hostnodes) == len(json.loads(poll.hostnodes))


def test_a_plain_file_is_read_as_a_gzipped_one(tmp_path: Path) -> None:
    packed = RECORDINGS[-1]
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    with open_replay(plain) as one, open_replay(packed) as other:
        assert list(one) == list(other)


def test_damaged_compression_is_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(RECORDINGS[-1].read_bytes()[:-40])
    with open_replay(path) as lines:
        *_, last = lines
    assert isinstance(last, BadLine)
    assert "damaged" in last.reason
