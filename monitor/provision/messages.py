"""What people are told about purchases: what happened, what it costs, and what to do next.

What a marketplace named is made harmless before it is shown: one line, no markup, bounded.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from monitor.alerting.notice import Message
from monitor.alerting.render import instant
from monitor.grab.ending import cost
from monitor.grab.grab import Grab
from monitor.grab.reasons import Cause
from monitor.market.instance import Instance
from monitor.market.money import show

SSH = 22
_LENGTH = 200
_MARKUP = frozenset("*`~|<>[]@#\\")


def asks(grab: Grab) -> Message:
    """Ask a person to approve a purchase."""
    until = "" if grab.valid_until is None else f", until {instant(grab.valid_until)}"
    return _message(
        f"to approve: {_what(grab)}",
        f"Nothing is bought before somebody says so{until}:",
        f"gpu-monitor grabs approve {grab.id}",
        *_offer(grab),
        *_others(grab),
    )


def would_buy(grab: Grab) -> Message:
    """Tell what would have been bought if `grab.mode` were live."""
    return _message(
        f"would buy: {_what(grab)}", "This is a dry run: nothing was sent.", *_offer(grab)
    )


def bought(grab: Grab) -> Message:
    """Tell that an instance was created, or is there after all."""
    name = f"instance {_plain(grab.instance_id or '')}"
    found = Cause.of(grab.reason) is Cause.FOUND
    return _message(
        f"bought: {_what(grab)}",
        f"The list shows {name} after all; it costs money, and is followed."
        if found
        else f"The marketplace has made {name}; it is starting.",
        *_offer(grab),
        _end_of_it(grab),
    )


def runs(grab: Grab) -> Message:
    """Tell how the instance is reached."""
    return _message(
        f"runs: {_what(grab)}", *reached(grab), *_offer(grab), *_billed(grab), _end_of_it(grab)
    )


def unclear(grab: Grab) -> Message:
    """Tell that nobody knows whether an instance was made."""
    return _message(
        f"unclear whether it was bought: {_what(grab)}",
        _plain(grab.reason),
        "It is not sent again. The list of instances is watched for its name, and until that is "
        "settled it counts as bought.",
        f"If you know more: gpu-monitor grabs resolve {grab.id} --as created --instance ID, or "
        "--as failed",
        *_offer(grab),
    )


def bought_nothing(grab: Grab) -> Message:
    """Tell that a rule wanted to buy and could not."""
    tried = "" if grab.attempt == 1 else f"{grab.attempt} hostnodes were tried. "
    return _message(
        f"not bought: {_what(grab)}",
        f"{tried}The last one: {_plain(grab.reason)}",
        f"The whole story: gpu-monitor grabs show {grab.id}",
    )


def dearer(grab: Grab) -> Message:
    """Tell that the bill is higher than the quote, or than what was allowed."""
    return _message(
        f"billed dearer than quoted: {_what(grab)}",
        *_billed(grab),
        "" if grab.cap is None else f"At most {show(grab.cap)} $/h were allowed.",
        f"To end it: gpu-monitor grabs delete {grab.id}",
    )


def stopped(grab: Grab) -> Message:
    """Tell that an instance does not run, and may be billed all the same."""
    return _message(
        f"stopped, and may still be billed: {_what(grab)}",
        "The marketplace shows it as stopped or failed; nobody here did that.",
        f"To end it: gpu-monitor grabs delete {grab.id}",
    )


def missing(grab: Grab) -> Message:
    """Tell that lists do not show an instance, and nothing says for sure that it is gone."""
    return _message(
        f"cannot be found: {_what(grab)}",
        f"{grab.checks} lists in a row do not show instance {_plain(grab.instance_id or '')}, and "
        "the marketplace does not answer when it is asked for alone. It counts as there, and as "
        "costing money.",
        _if_gone(grab),
    )


def renamed(grab: Grab, instance: Instance) -> Message:
    """Tell that an instance has another name now, and is left to who gave it."""
    return _message(
        f"renamed, and not ended by itself any more: {_what(grab)}",
        f"Instance {_plain(instance.id)} is called {_plain(instance.name)} now. What does not have "
        "our name is never deleted. It goes on costing money, and counts as before.",
        f"Delete it by hand, or name it {_plain(grab.instance_name)} again.",
    )


def lost(grab: Grab) -> Message:
    """Tell that nobody can follow an instance, or end it, any more."""
    return _message(
        f"nobody follows it any more: {_what(grab)}",
        f"The marketplace {_plain(grab.marketplace)} is no longer configured, so that nothing can "
        "be asked there or deleted. It goes on costing money.",
        "Put the marketplace back into the configuration, or delete it by hand:",
        f"instance {_plain(grab.instance_id or grab.instance_name)}",
    )


def blind(marketplace: str, living: Sequence[Grab], since: datetime, error: str) -> Message:
    """Tell that nothing can be seen of what was bought, for the list of instances fails."""
    ids = ", ".join(str(grab.id) for grab in living)
    return _message(
        f"what was bought cannot be seen: {len(living)} at {_plain(marketplace)}",
        f"The list of instances has failed since {instant(since)}: {_plain(error)}",
        "Nothing is taken for gone, and what has to end is asked to, but nobody sees whether it "
        f"did. It may cost money: see to it by hand if this goes on. Grabs: {ids}",
    )


def is_deleted(grab: Grab) -> Message:
    """Tell that an instance is being deleted, and why."""
    return _message(f"deleting: {_what(grab)}", f"Why: {_plain(grab.reason)}")


def still_billing(grab: Grab, now: datetime) -> Message:
    """Tell that an instance was to be deleted and is still there."""
    return _message(
        f"still billing: {_what(grab)}",
        f"It was to be deleted, and {grab.checks} looks at the marketplace have not shown it gone.",
        f"It has cost {show(cost(grab, now))} $ so far. Delete instance "
        f"{_plain(grab.instance_id or '')} by hand if this goes on.",
        _if_gone(grab),
    )


def ended(grab: Grab) -> Message:
    """Tell that an instance is gone, and what it has cost."""
    return _message(
        f"ended: {_what(grab)}",
        f"Why: {_plain(grab.reason)}",
        f"It has cost {show(grab.spent)} $.",
    )


def never_made(grab: Grab) -> Message:
    """Tell that what was unclear was not bought."""
    return _message(
        f"was not bought after all: {_what(grab)}",
        _plain(grab.reason),
        "Should it turn up later, it is followed and told.",
    )


def orphan(instance: Instance, fate: str) -> Message:
    """Tell of an instance that carries our name and is in no row."""
    return _message(
        f"an instance that no row knows: {_plain(instance.name)}",
        f"The marketplace lists {_plain(instance.id)} under a name of this installation.",
        fate,
    )


def double(grab: Grab, instance: Instance) -> Message:
    """Tell of a second instance with the name of one that is known."""
    return _message(
        f"two instances with one name: {_plain(instance.name)}",
        f"Beside {_plain(grab.instance_id or 'the one sought')}, the marketplace lists "
        f"{_plain(instance.id)}. It is left alone: delete it by hand if it is yours.",
    )


def _what(grab: Grab) -> str:
    price = "" if grab.quoted is None else f", {show(grab.quoted)} $/h"
    gpu = _plain(grab.gpu or "an unknown GPU")
    return f"{_plain(grab.preset)} on {gpu}{price} ({_plain(grab.rule)})"


def _offer(grab: Grab) -> Iterator[str]:
    if grab.quoted is not None:
        yield f"{show(grab.quoted)} $/h for all parts, as quoted"
    if grab.hostnode is not None:
        yield f"hostnode {_plain(grab.hostnode)} at {_plain(grab.marketplace)}"
    if grab.instance_name:
        yield f"name {_plain(grab.instance_name)}"


def _others(grab: Grab) -> Iterator[str]:
    if grab.rest:
        dearest = show(max(each.quoted for each in grab.rest))
        yield (
            f"If this hostnode refuses, {len(grab.rest)} others are tried, at up to {dearest} $/h "
            "and within the same limits."
        )


def _billed(grab: Grab) -> Iterator[str]:
    if grab.billed is None:
        yield "what is billed is not told"
    else:
        yield f"billed at {show(grab.billed)} $/h"


def reached(grab: Grab) -> Iterator[str]:
    """Yield how an instance is reached, a line for each port: by ssh first."""
    address = _plain(grab.address or "")
    if not address:
        yield "Its address is not told yet."
        return
    ports = {each.internal_port: each.external_port for each in grab.forwards}
    if SSH in ports:
        yield f"ssh -p {ports[SSH]} user@{address}"
    else:
        yield f"At {address}; no port is forwarded to {SSH}."
    for inner, outer in sorted(ports.items()):
        if inner != SSH:
            yield f"{address}:{outer} is its port {inner}"


def _end_of_it(grab: Grab) -> str:
    if grab.is_to_end:
        return "It is being deleted, as a person asked."
    if grab.ends_at is not None:
        return f"It is deleted at {instant(grab.ends_at)}."
    if grab.stop_when_spent is not None:
        return f"It is deleted when it has cost {show(grab.stop_when_spent)} $."
    return f"Nothing ends it by itself: gpu-monitor grabs delete {grab.id}"


def _if_gone(grab: Grab) -> str:
    return f"If you know that it is gone: gpu-monitor grabs resolve {grab.id} --as gone"


def _message(title: str, *lines: str) -> Message:
    return Message(title=title, body="\n".join(line for line in lines if line))


def _plain(text: str) -> str:
    shown = "".join(c if c.isprintable() and c not in _MARKUP else " " for c in text)
    return " ".join(shown.replace("://", " ").split())[:_LENGTH]
