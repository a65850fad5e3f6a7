"""What is promised of purchases, whatever dies: asked of the market and of the database.

Each function yields a sentence for each promise that is broken at this moment.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from monitor.grab.grab import BILLED, Grab, GrabEvent, GrabStatus
from monitor.market.money import nano
from monitor.store.grabs import Books
from tests.integration.daemon import Site

DOLLARS_EACH = 2.0
"""The limit per hour is so much for each instance that is allowed; none costs as much."""


def sent(place: Site) -> list[str]:
    """Return the name in each request to create that arrived."""
    posts = [each for each in place.market.requests.last() if each.method == "POST"]
    return [json.loads(each.body)["data"]["attributes"]["name"] for each in posts]


def grabs(place: Site) -> list[tuple[Grab, tuple[GrabEvent, ...]]]:
    """Return every grab that was ever to be sent, with its history, oldest first."""
    with place.opened() as database, Books(database).reading() as book:
        found = [grab for grab in book.with_status(tuple(GrabStatus)) if grab.instance_name]
        return [(grab, book.history(grab.id)) for grab in found]


def steps(history: Sequence[GrabEvent]) -> list[GrabStatus]:
    """Return what a grab came to, one after the other."""
    return [event.after for event in history]


def broken(place: Site, instances: int) -> list[str]:
    """Return which promises are broken, where so many instances are allowed."""
    return [
        *_beyond_limits(place, instances),
        *_sent_twice(place),
        *_lost(place),
        *_untrue(place),
    ]


def _beyond_limits(place: Site, instances: int) -> Iterator[str]:
    living = place.market.market.living()  # nothing is deleted here, so it never was more
    if len(living) > instances:
        yield f"{len(living)} instances, {instances} allowed"
    if sum(each.rate for each in living) > nano(DOLLARS_EACH * instances):
        yield "more per hour than allowed"


def _sent_twice(place: Site) -> Iterator[str]:
    yield from (f"{name} was sent {n} times" for name, n in Counter(sent(place)).items() if n > 1)


def _lost(place: Site) -> Iterator[str]:
    """Every instance is known to a row that counts as one that costs money."""
    known = {grab.instance_name for grab, _ in grabs(place) if grab.status in BILLED}
    for each in place.market.market.living():
        if each.name not in known:
            yield f"{each.name} is known to no row"


def _untrue(place: Site) -> Iterator[str]:
    """A history goes from its first step to where the grab is, and knows of every request."""
    requests = set(sent(place))
    for grab, history in grabs(place):
        came = steps(history)
        if not came or (history[0].before, came[0]) != (None, GrabStatus.PLANNED):
            yield f"{grab.instance_name} does not begin with the intent: {came}"
        if any(event.before is not before.after for before, event in pairwise(history)):
            yield f"{grab.instance_name} has a step missing: {history}"
        if any(event.at < before.at for before, event in pairwise(history)):
            yield f"{grab.instance_name} goes back in time: {history}"
        if came[-1:] != [grab.status]:
            yield f"{grab.instance_name} is {grab.status}, its history says {came}"
        if came.count(GrabStatus.SUBMITTED) > 1:
            yield f"{grab.instance_name} was submitted twice: {came}"
        if grab.instance_name in requests and GrabStatus.SUBMITTED not in came:
            yield f"{grab.instance_name} was sent and its history does not say so: {came}"
    unknown = requests - {grab.instance_name for grab, _ in grabs(place)}
    yield from (f"{name} was sent without an intent" for name in unknown)
