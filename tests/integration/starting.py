"""Programs of their own, forked from a process that has imported everything: a start is cheap.

`python -m MODULE` spends more than a second of its processor's time on imports alone, and tests
start a hundred of them. The parent of these forks has no threads, so it can be forked safely. That
the program also starts from nothing is seen where commands run, and in the benches.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", "monitor.cli"])


def start(module: str, arguments: Sequence[str], folder: Path) -> tuple[ForkServerProcess, TextIO]:
    """Run a module as `python -m` does, in a folder; return its process, and all it will say."""
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_become, args=(theirs, module, arguments, folder))
    process.start()
    theirs.close()
    said = os.fdopen(os.dup(ours.fileno()), encoding="utf-8")
    ours.close()
    return process, said


def _become(output: Connection, module: str, arguments: Sequence[str], folder: Path) -> None:
    for number in (1, 2):
        os.dup2(output.fileno(), number)
    output.close()
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as it lives
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115 - likewise
    os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
