"""The daemon's threads share one heap: of polls that wander between them, no trace is kept."""

import platform
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.daemon import Site, site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has several heaps"),
]
_HEAP = 64 << 20
"""Bytes of address space that glibc reserves for each further heap, at a multiple of as much."""
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (....) .* 0 *$", re.MULTILINE)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def further_heaps(pid: int) -> int:
    """Count the heaps of a process beside its first one: used in front, reserved behind."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="ascii")
    found = [(int(a, 16), int(b, 16), how) for a, b, how in _MAPPING.findall(maps)]
    return sum(
        start % _HEAP == 0
        and end == rest
        and (how, after) == ("rw-p", "---p")
        and rest_end == start + _HEAP
        for (start, end, how), (rest, rest_end, after) in pairwise(found)
    )


def test_however_many_threads_poll_there_is_one_heap(place: Site) -> None:
    place.write(marketplaces=[place.marketplace(poll_interval="200ms")])
    with place.daemon() as daemon:
        daemon.wait_for("polled", 8)
        assert further_heaps(daemon.pid) == 0
