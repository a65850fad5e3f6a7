"""The life of an alert, to the letter of Prometheus (`rules/alerting.go`, `Eval`).

An alert is pending from the first evaluation that meets its rule, fires at the first one that is
at least `for` later, goes on firing until the rule has not been met for `keep_firing_for`, and is
then resolved. Only evaluations of a good poll are made, so that nothing happens for lack of data;
`thaw` moves both clocks over the time in which nothing was known, as `RestoreForState` moves the
one of `for` over a downtime.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from monitor.rules.alert import (
    FIRING,
    INACTIVE,
    PENDING,
    RESOLVED,
    Alert,
    AlertState,
    Transition,
    TransitionReason,
)
from monitor.rules.match import Match
from monitor.rules.past import OUTAGE_INTERVALS
from monitor.rules.rule import Rule

_NO_TIME = timedelta(0)


class Step(NamedTuple):
    """What one evaluation did to one alert; `transition` is `None` where its state stayed.

    There is one for each alert and poll: a tuple is made in half the time.
    """

    alert: Alert | None
    transition: Transition | None = None


def outage(
    last_good_at: datetime | None, now: datetime, interval: timedelta, *, failed_since: bool
) -> timedelta:
    """Return for how long nothing was known before the good poll at `now`.

    If a poll failed since the last good one, that is the time between them but for one interval,
    which a good poll covers: where each second poll fails, half the time counts, and not none. If
    none was made for longer than three intervals (the program was down), it is all of that time.
    If the clock was set back it is negative, and moves the clocks back with it; otherwise zero.
    """
    if last_good_at is None:
        return _NO_TIME
    since = now - last_good_at
    if failed_since and since > _NO_TIME:
        return max(since - interval, _NO_TIME)
    return _NO_TIME if _NO_TIME <= since <= OUTAGE_INTERVALS * interval else since


def thaw(alert: Alert, unknown: timedelta) -> Alert:
    """Return `alert` with the clocks that run moved on by the time in which nothing was known."""
    if not (unknown and runs(alert)):
        return alert
    keeping = alert.keep_firing_since
    return replace(
        alert,
        pending_since=alert.pending_since + unknown,
        keep_firing_since=None if keeping is None else keeping + unknown,
    )


def step(rule: Rule, alert: Alert | None, match: Match | None, now: datetime) -> Step:
    """Return what the evaluation of a good poll at `now` makes of an alert of `rule`.

    `alert` is the pending or firing alert with the same labels as `match`, if there is one;
    one of the two is given.
    """
    if match is None:
        return Step(None) if alert is None else _not_met(rule, alert, now)
    if alert is None:
        return _waiting(rule, _new(rule, match, now), match, now)
    if alert.state is FIRING:
        return Step(goes_on(alert, match) or _seeing(alert, match, FIRING, alert.firing_at))
    return _waiting(rule, alert, match, now)


def goes_on(alert: Alert, match: Match) -> Alert | None:
    """Return what a firing alert is now that `match` meets it; `None` if more than that happens.

    Nearly all steps are these: they need no rule and no time.
    """
    if alert.state is not FIRING or alert.keep_firing_since is not None:
        return None
    return alert if _tells(alert, match) else _seeing(alert, match, FIRING, alert.firing_at)


def runs(alert: Alert) -> bool:
    """Return whether a clock of an alert runs, so that time alone may change it."""
    return alert.state is PENDING or alert.keep_firing_since is not None


def remove(alert: Alert, now: datetime) -> Step:
    """Return the end of an alert whose rule is no longer configured."""
    return _end(alert, now, TransitionReason.RULE_REMOVED)


def forget(alert: Alert, now: datetime) -> Step:
    """Return the end of a pending alert after an outage longer than its rule puts up with."""
    return _end(alert, now, TransitionReason.OUTAGE)


def _new(rule: Rule, match: Match, now: datetime) -> Alert:
    return Alert(
        rule=rule.name,
        labels=match.labels,
        state=INACTIVE,
        active_at=now,
        pending_since=now,
    )


def _waiting(rule: Rule, alert: Alert, match: Match, now: datetime) -> Step:
    """Return what becomes of an alert that does not fire yet, and is met."""
    is_new = alert.state is INACTIVE
    if now - alert.pending_since >= rule.hold_for:
        fires = _seeing(alert, match, FIRING, now)
        reason = TransitionReason.MATCHED if is_new else TransitionReason.HELD
        return Step(fires, _transition(alert, fires, now, reason))
    if not is_new and alert.keep_firing_since is None and _tells(alert, match):
        return Step(alert)
    waits = _seeing(alert, match, PENDING, None)
    if not is_new:
        return Step(waits)
    return Step(waits, _transition(alert, waits, now, TransitionReason.MATCHED))


def _seeing(alert: Alert, match: Match, state: AlertState, firing_at: datetime | None) -> Alert:
    """Return `alert` as it is met; written out, for nearly all that change only do this."""
    return Alert(
        alert.rule,
        alert.labels,
        state,
        alert.active_at,
        alert.pending_since,
        firing_at,
        None,
        alert.resolved_at,
        match.value,
        match.offers,
        match.best,
        alert.acknowledged,
        match.detail,
    )


def _tells(alert: Alert, match: Match) -> bool:
    return (
        (alert.best is match.best or alert.best == match.best)
        and alert.value == match.value
        and alert.offers == match.offers
        and alert.detail == match.detail
    )


def _not_met(rule: Rule, alert: Alert, now: datetime) -> Step:
    if alert.state is PENDING:
        return _end(alert, now, TransitionReason.LAPSED)
    since = alert.keep_firing_since or now
    if now - since < rule.keep_firing_for:
        begins = alert.keep_firing_since is None
        return Step(alert=replace(alert, keep_firing_since=since) if begins else alert)
    return _end(alert, now, TransitionReason.ENDED)


def _end(alert: Alert, now: datetime, reason: TransitionReason) -> Step:
    """End `alert`: one that never fired leaves no trace but its transition, as in Prometheus."""
    fired = alert.state is FIRING
    after = RESOLVED if fired else INACTIVE
    ended = replace(alert, state=after, resolved_at=now if fired else None)
    return Step(alert=ended, transition=_transition(alert, ended, now, reason))


def _transition(before: Alert, after: Alert, now: datetime, reason: TransitionReason) -> Transition:
    return Transition(
        rule=after.rule,
        labels=after.labels,
        at=now,
        before=before.state,
        after=after.state,
        reason=reason,
        value=after.value,
    )
