"""Every error this program raises on purpose.

    MonitorError
    ├── ConfigError              the configuration is wrong; carries every problem found
    ├── RestartNeededError       it changes what a reload cannot
    ├── StoreError               the database cannot do what was asked
    │   ├── StoreBusyError       locked, full, or gone for the moment: the next try may work
    │   ├── StoreInUseError      another process owns this database file
    │   └── StoreMissingError    there is no database yet, or it has no tables
    ├── MarketError              a call to the marketplace gave no usable answer
    │   ├── MalformedError       a 200 that is not the documented shape
    │   ├── UnreachableError     network, time-out, cut-off body, 5xx
    │   │   └── UnsentError      no connection came about: nothing was sent
    │   ├── RefusedError         401, 403 and the other 4xx
    │   └── ThrottledError       429; knows how long to wait if the marketplace said so
    ├── PlotError                a picture cannot be drawn or written
    ├── TemplateFailedError      a template of a message is wrong, or failed
    ├── ListenError              the address to serve HTTP on cannot be used
    └── DeliveryError            a notification was not accepted
        ├── DeliveryRefusedError the receiver said no, or cannot be reached or used as configured
        └── DeliveryUnknownError it may or may not have arrived

A message is one sentence for the person who runs the program: what failed, and what to do next.
It never carries a token or a receiver's URL.
"""

from dataclasses import dataclass
from datetime import timedelta


class MonitorError(Exception):
    """The root of all errors raised on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a configuration file; line and column count from 1."""

    file: str
    line: int
    column: int
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.where}: {self.what}"


class ConfigError(MonitorError):
    """The configuration cannot be used; `problems` holds every mistake, in file order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class RestartNeededError(MonitorError):
    """The configuration is good, and changes what cannot change while the program runs."""


class StoreError(MonitorError):
    """The database cannot do what was asked."""


class StoreBusyError(StoreError):
    """The database is locked, full or gone for the moment; the next try may work."""


class StoreInUseError(StoreError):
    """Another process owns this database file."""


class StoreMissingError(StoreError):
    """There is no database yet, or it has no tables, and whoever asks does not make them."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: run `gpu-monitor run` or `poll` first, "
            "or name another configuration with -c FILE"
        )


class TemplateFailedError(MonitorError):
    """A template of a message is wrong, or failed; the message is told plainly instead."""


class MarketError(MonitorError):
    """A call to the marketplace gave no usable answer."""


class MalformedError(MarketError):
    """The marketplace answered 200 with something other than the documented shape."""


class UnreachableError(MarketError):
    """No whole answer: network, time-out, cut-off body, or a 5xx."""


class UnsentError(UnreachableError):
    """No connection to the marketplace came about, so that nothing was sent."""


class RefusedError(MarketError):
    """The marketplace said no: 401, 403 and the other 4xx; `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ThrottledError(MarketError):
    """Too many requests (429); `retry_after` is the pause asked for, if one was given."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PlotError(MonitorError):
    """A picture cannot be drawn or written."""


class ListenError(MonitorError):
    """The address to serve HTTP on cannot be used: taken, not this machine's, or not allowed."""


class DeliveryError(MonitorError):
    """A notification was not accepted by its destination."""


class DeliveryRefusedError(DeliveryError):
    """The receiver said no, could not be reached, or cannot be used as configured.

    `status` is the HTTP or SMTP status it answered with, if it answered at all; `retry_after` is
    the pause it asked for, if it did.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class DeliveryUnknownError(DeliveryError):
    """The notification may or may not have arrived: a time-out or a connection lost on the way."""
