"""Times of day, days of the week and time zones, as a configuration writes them."""

import re
from datetime import time
from difflib import get_close_matches
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator

from monitor.config.values import listed

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)


def _time_of_day(value: object) -> time:
    if isinstance(value, time):
        return value
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", str(value), re.ASCII)
    if found is None:
        raise ValueError('must be a time of day such as "22:00", from 00:00 to 23:59')
    return time(int(found[1]), int(found[2]))


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ValueError, OSError, KeyError):  # a bad path, a folder, or not there
        close = get_close_matches(str(value), available_timezones(), n=1)
        hint = f"; did you mean `{close[0]}`?" if close else ""
        raise ValueError(f"must be a time zone such as Europe/Berlin or UTC{hint}") from None


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Days = Annotated[tuple[Day, ...], BeforeValidator(listed)]
