"""One line in the log for each cycle, and one for each transition."""

from collections.abc import Iterable

import structlog

from monitor.cycle import CycleReport
from monitor.letter import TemplateFault
from monitor.market.money import dollars
from monitor.market.snapshot import Outcome, Poll
from monitor.rules.alert import Transition

log = structlog.get_logger("monitor.cycle")


def log_cycle(report: CycleReport) -> None:
    """Log what one cycle came to; a poll that failed is a warning that says why."""
    log_transitions(report.transitions)
    log_faults(report.faults)
    poll = report.poll
    if poll.outcome is not Outcome.OK:
        log.warning("polled", **_poll(poll), detail=poll.detail)
        return
    log.info("polled", **_poll(poll), **_snapshot(report))
    if report.overtaken:
        log.info(
            "not evaluated: another process recorded a later poll", marketplace=poll.marketplace
        )
    if report.behind is not None:
        log.warning(
            "not recorded: the clock was ahead, and history goes on when that time has come",
            marketplace=poll.marketplace,
            history_until=f"{report.behind:%Y-%m-%d %H:%M:%SZ}",
        )


def log_transitions(transitions: Iterable[Transition]) -> None:
    """Log each change of an alert's state."""
    for each in transitions:
        log.info(
            "alert changed",
            rule=each.rule,
            **dict(each.labels),
            before=each.before.value,
            after=each.after.value,
            reason=each.reason.value,
            value=None if each.value is None else dollars(each.value),
        )


def log_faults(faults: Iterable[TemplateFault]) -> None:
    """Log which templates failed, and why; their messages were told plainly."""
    for each in faults:
        log.error(
            "template failed, told plainly",
            rules=", ".join(each.rules),
            receiver=each.receiver,
            error=each.what,
        )


def _poll(poll: Poll) -> dict[str, object]:
    return {
        "marketplace": poll.marketplace,
        "outcome": poll.outcome.value,
        "seconds": round(poll.duration, 3),
    }


def _snapshot(report: CycleReport) -> dict[str, object]:
    snapshot = report.poll.snapshot
    if snapshot is None:
        return {}
    issues = {reason.value: count for reason, count in snapshot.issue_counts.items()}
    return {
        "hostnodes": len(snapshot.hostnodes),
        "offers": len(snapshot.offers),
        "changed": report.changed,
        "queued": report.queued,
        **({"issues": issues} if issues else {}),
    }
