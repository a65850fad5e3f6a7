"""Who gives a command."""

import getpass
import os
import socket


def whoami() -> str:
    """Return who gives a command, for the record: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
