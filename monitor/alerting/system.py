"""What is told about the program itself: what is wrong, what it means, and what to do."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from monitor.alerting.notice import Notice, NotifyReason
from monitor.rules.alert import Alert
from monitor.rules.system import System


class _Words(NamedTuple):
    wrong: str
    over: str
    advice: str


_WORDS: Mapping[System, _Words] = {
    System.UNREACHABLE: _Words(
        wrong="{marketplace} cannot be polled",
        over="{marketplace} answers again",
        advice="Nothing is known of its offers meanwhile: no alert about them begins or ends. "
        "Look at its status page, at the network, and at the token.",
    ),
    System.EMPTY: _Words(
        wrong="{marketplace} lists no hostnodes",
        over="{marketplace} lists hostnodes again",
        advice="It has answered so while there were some, so this is not taken for evidence: "
        "no alert about its offers begins or ends. Look at its own page.",
    ),
    System.MALFORMED: _Words(
        wrong="{marketplace} answers in another shape",
        over="{marketplace} answers in its usual shape again",
        advice="Nothing can be read of it: no alert about its offers begins or ends. "
        "If it stays so, its API has changed: look for a newer version of gpu-monitor.",
    ),
    System.LATE: _Words(
        wrong="{marketplace} is not polled",
        over="{marketplace} is polled again",
        advice="The job that polls it hangs or does not begin, or the database is locked: "
        "look at the log, and restart gpu-monitor.",
    ),
    System.CLOCK: _Words(
        wrong="the history of {marketplace} stands still",
        over="the history of {marketplace} goes on",
        advice="A poll was recorded while the clock was ahead. Alerts go on, and history does when "
        "that time has come. Look at the clock; if it is far off, put a backup back.",
    ),
    System.RECEIVER: _Words(
        wrong="the receiver {receiver} takes no messages",
        over="the receiver {receiver} takes messages again",
        advice="What is for it waits and is tried again; `gpu-monitor notifications list` shows "
        "it, and `gpu-monitor notify test {receiver}` tries it.",
    ),
    System.DISK: _Words(
        wrong="the disk is nearly full",
        over="the disk has room again",
        advice="Without room nothing is recorded and nothing is told. "
        "Free some, or shorten `database.retention`.",
    ),
}
_PREFIXES = {NotifyReason.REPEAT: "still: ", NotifyReason.RESOLVED: "over: "}


def system_title(notice: Notice) -> str:
    """Return what a notice about the program says in one line."""
    over = notice.reason is NotifyReason.RESOLVED
    alerts = notice.resolved if over else notice.firing or notice.missed
    said = list(dict.fromkeys(_said(alert, over=over) for alert in alerts))
    more = f", and {len(said) - 1} more" if len(said) > 1 else ""
    return f"gpu-monitor: {_PREFIXES.get(notice.reason, '')}{said[0] if said else 'over'}{more}"


def system_lines(notice: Notice) -> Iterator[str]:
    """Yield what was seen, and what to do about it."""
    for alert in notice.firing:
        labels = dict(alert.labels)
        where = f"{labels['destination']}: " if "destination" in labels else ""
        yield f"{where}{alert.detail}"
    advice = (_words(alert).advice.format_map(dict(alert.labels)) for alert in notice.firing)
    yield from dict.fromkeys(advice)


def _said(alert: Alert, *, over: bool) -> str:
    words = _words(alert)
    return (words.over if over else words.wrong).format_map(dict(alert.labels))


def _words(alert: Alert) -> _Words:
    return _WORDS[next(each for each in System if f"{alert.rule}:".startswith(f"{each}:"))]
