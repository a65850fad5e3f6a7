"""The stop file: while something has its name, nothing is bought."""

from pathlib import Path

from monitor.grab.reasons import Cause, Refusal


def stopped_by(stop_file: str) -> Refusal | None:
    """Return why nothing may be bought: the file exists, or nobody can tell.

    A link counts wherever it leads: somebody has put it there.
    """
    path = Path(stop_file)
    try:
        path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Refusal(cause=Cause.STOP_FILE, detail=f"{path}: {error.strerror}")
    return Refusal(cause=Cause.STOP_FILE, detail=f"{path} exists")
