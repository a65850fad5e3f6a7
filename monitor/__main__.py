"""`gpu-monitor`, and `python -m monitor`."""

import errno
import os
import sys
from pathlib import Path

from monitor.cli import app
from monitor.errors import ConfigError, MonitorError


def main() -> None:
    """Run the command line; the exit status is 0, 1 (it failed) or 2 (it was asked wrongly)."""
    _open_what_is_closed()
    try:
        app()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - what a person asked for
        print(_count(len(error.problems)), file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(2)
    except MonitorError as error:
        print(f"gpu-monitor: {error}", file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        where = error.filename or "standard output"
        print(f"gpu-monitor: {where} cannot be written: {error.strerror}", file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(1)


def _open_what_is_closed() -> None:
    """Let `>&-` mean `>/dev/null`: else the first file that is opened would take the number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for as long as the program lives


def _count(mistakes: int) -> str:
    return f"gpu-monitor: {mistakes} {'mistake' if mistakes == 1 else 'mistakes'} to mend first"


if __name__ == "__main__":
    main()
