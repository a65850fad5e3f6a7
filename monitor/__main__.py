"""`gpu-monitor`, and `python -m monitor`."""

import sys

from monitor.cli import app
from monitor.errors import ConfigError, MonitorError


def main() -> None:
    """Run the command line; the exit status is 0, 1 (it failed) or 2 (it was asked wrongly)."""
    try:
        app()
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - what a person asked for
        print(_count(len(error.problems)), file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(2)
    except MonitorError as error:
        print(f"gpu-monitor: {error}", file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(1)


def _count(mistakes: int) -> str:
    return f"gpu-monitor: {mistakes} {'mistake' if mistakes == 1 else 'mistakes'} to mend first"


if __name__ == "__main__":
    main()
