"""Logging: one stream on standard error, for this program and its libraries, without secrets.

Loggers are made with `structlog.get_logger("monitor.…")`; libraries that use the standard logging
come out in the same form. What is written is redacted last, as a whole line: whatever a secret
came in by (a value, an exception's text, a trace), it does not leave.
"""

import logging
import sys
from contextlib import suppress
from typing import Any

import structlog
from structlog.typing import Processor, WrappedLogger

from monitor.config.secret import Redactor

_OFF = logging.CRITICAL + 1


def configure(*, json: bool, level: str, redactor: Redactor) -> None:
    """Send every log line to standard error, as `key=value` or as one JSON object per line.

    `level` ("debug", "info", "warning", "error") is for this program; libraries are heard from
    WARNING on, because httpx logs URLs and SQLAlchemy values below that, and Apprise never, because
    its warnings hold destinations. Calling again replaces what was configured.
    """
    common: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(json=json),
                _redaction(redactor),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("monitor").setLevel(level.upper())
    logging.getLogger("apprise").setLevel(_OFF)


def _renderers(*, json: bool) -> list[Processor]:
    if json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
            pad_level=False,
            sort_keys=False,
        )
    ]


def _redaction(redactor: Redactor) -> Processor:
    def redact(_: WrappedLogger, __: str, line: Any) -> Any:
        return redactor(line)

    return redact


class _StandardError(logging.StreamHandler[Any]):
    """Writes to standard error; a line that cannot be formatted is replaced, not dumped.

    The standard handler would print the message and its arguments as they are, secrets and all.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        with suppress(OSError, ValueError):
            self.stream.write(f"a log line of {record.name} could not be written\n")
