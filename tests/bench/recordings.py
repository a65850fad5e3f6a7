"""How fast recorded polls are imported, and that neither import nor export grows with a file."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from functools import partial
from itertools import accumulate, cycle
from pathlib import Path

from monitor.cli.intake import Intake
from monitor.store import migrate
from monitor.store.engine import Database
from tests.bench.figures import Act, Figure, medians
from tests.bench.market import body, changed, decode_recorded
from tests.bench.speed import INTERVAL, MARKETPLACE, NOON

_HOSTNODES = 300
_BODIES = 6
_PREFIX, _SUFFIX = b'{"data":{"hostnodes":', b"}}"
_LEAST = 100_000
"""Observations of a file that fills every buffer."""
_PEAK = """\
import sys
from monitor.__main__ import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""


def recordings(observations: int) -> list[Figure]:
    """Measure the import of so many observations of offers, and memory against a smaller file."""
    with tempfile.TemporaryDirectory() as name:
        large, small = Path(name) / "large.jsonl", Path(name) / "small.jsonl"
        told = _write(large, observations)
        _write(small, max(observations // 10, _LEAST))
        floor, measured = medians(1, lambda: partial(_floor, large), _Imports(large).next)
        least, most = _memory(small), _memory(large)
        sizes = [file.stat().st_size / 1e6 for file in (large, small)]
    files = "a file of {:.0f} MB, against one of {:.0f} MB".format(*sizes)
    return [
        Figure(
            what=f"import of {told:,} observations of offers, SQLite file",
            unit="ms",
            measured=measured,
            floor=floor,
            at_most=8,
        ),
        *(
            Figure(what=f"memory of {what}, {files}", unit="MB", measured=b, floor=a, at_most=1.2)
            for what, a, b in zip(("import", "export"), least, most, strict=True)
        ),
    ]


def _write(file: Path, observations: int) -> int:
    """Write a recording in which 1 % changes from line to line; return how many offers it tells."""
    told = 0
    with file.open("wb") as out:
        for number, (offers, hostnodes) in enumerate(cycle(_there_and_back())):
            at = (NOON + number * INTERVAL).isoformat().encode()
            out.write(b'{"at":"%b","hostnodes":%b}\n' % (at, hostnodes))
            told += offers
            if told >= observations:
                break
    return told


def _there_and_back() -> list[tuple[int, bytes]]:
    """Return hostnodes and how many offers they have; each is 1 % other than the one before."""
    first = body(_HOSTNODES)
    seeds = range(1, _BODIES)
    answers = list(accumulate(seeds, lambda last, seed: changed(last, seed=seed), initial=first))
    offers = sum(
        len(node["available_resources"]["gpus"]) for node in json.loads(first)["data"]["hostnodes"]
    )
    told = [(offers, each.removeprefix(_PREFIX).removesuffix(_SUFFIX)) for each in answers]
    return [*told, *told[-2:0:-1]]


def _floor(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(len(decode_recorded(line).hostnodes) for line in lines)


class _Imports:
    """Imports of one file, each into a fresh database."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._databases = (file.with_name(f"fresh-{number}.db") for number in range(100))

    def next(self) -> Act:
        fresh = next(self._databases)
        with closing(Database.open(f"sqlite:///{fresh}")) as database:
            migrate.upgrade(database)
        return partial(self._run, fresh)

    def _run(self, fresh: Path) -> None:
        with closing(Database.open(f"sqlite:///{fresh}")) as database:
            done = Intake(str(self._file), database, MARKETPLACE, None, INTERVAL).run()
        if done.bad or not done.new:
            raise AssertionError(done)


def _memory(file: Path) -> tuple[float, float]:
    """Return the most megabytes that the import of a file and the export of it took."""
    config = file.with_suffix(".yaml")
    url = f"sqlite:///{file.with_suffix('.db')}"
    market = {"name": MARKETPLACE, "kind": "tensordock", "token": "made-up"}
    config.write_text(json.dumps({"marketplaces": [market], "database": {"url": url}}))
    return _peak("import", str(file), "-c", str(config)), _peak(
        "export", f"{file}.out", "-c", str(config)
    )


def _peak(*arguments: str) -> float:
    ended = subprocess.run(
        [sys.executable, "-c", _PEAK, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
    )
    return int(ended.stderr.split()[-1]) / 1024
