"""`run`: the daemon."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from monitor.app import Monitor
from monitor.cli.common import DEFAULT_CONFIG, ConfigPath, log_to_stderr, read_config, redactor


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def run(
    config: ConfigPath = DEFAULT_CONFIG,
    log_format: Annotated[LogFormat, typer.Option(help="How to log.")] = LogFormat.TEXT,
    log_level: Annotated[LogLevel, typer.Option(help="What to log.")] = LogLevel.INFO,
) -> None:
    """Poll, record, evaluate, notify and export, until SIGTERM; SIGHUP reloads."""
    log_to_stderr(json_lines=log_format is LogFormat.JSON, level=log_level)
    monitor = Monitor(read_config(config), reread=lambda: read_config(config), redactor=redactor)
    if not monitor.run():
        # A thread still waits for an answer that may never come, and nothing is claimed by it:
        # an ordinary exit would wait for that thread.
        sys.stderr.flush()
        os._exit(0)
