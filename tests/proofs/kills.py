"""`make kills`: the daemon killed at each step of a purchase, twenty seeds each.

Each case is a market, rules and faults drawn from its seed, the real daemon in a process of its
own that buys there over HTTP and dies by SIGKILL at the step, and a second one that finds what the
first has left: a database file, and what the marketplace made. Starting Python a few hundred times
would take longest; so the processes are forked from one that has imported everything.
"""

import multiprocessing
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from random import Random

from monitor.grab.grab import COUNTING, GrabStatus
from monitor.simulator.rows import hostnode
from tests.integration import buying_drivers
from tests.integration.daemon import Site, site, until
from tests.integration.forks import Fork
from tests.proofs.promises import DOLLARS_EACH, broken, grabs, sent, steps

AFTER_SEND = "after-send"
STEPS = (*list(buying_drivers.STEPS)[:3], AFTER_SEND, *list(buying_drivers.STEPS)[3:])
SEEDS = range(20)

ANSWERED = (
    *("", "", "no-nodes", "hostnode-unavailable", "deployment-error", "empty-id"),
    *("ports-reassigned", "ports-ignored", "rate-higher", "late", "drop", "error-500", "reset"),
    *("acts-drops", "acts-error-500", "acts-error-504", "acts-unreadable"),
)
"""What may become of the first request to create; by two of them, nothing."""
UNANSWERED = ("acts-hangs", "hang", "late")
"""Likewise where the daemon is to die before there is an answer."""
LISTED = ("", "instances-flat", "instances-wrapped", "status-case", "instances-lag", "error-502")

_AT_ONCE = 8
_SETTLED_WITHIN = 60.0
_BOUGHT = {GrabStatus.CREATED, GrabStatus.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is drawn for one death."""

    step: str
    seed: int
    hostnodes: int
    rules: int
    instances: int
    nth: int
    create: str
    listing: str
    delay: float

    @property
    def name(self) -> str:
        """Tell it from the others."""
        return f"{self.step}-{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What there was in the end; `wrong` has a sentence for each promise that was broken."""

    case: Case
    instances: int
    requests: int
    unclear: int
    failed: int
    wrong: Sequence[str]


def draw(step: str, seed: int) -> Case:
    """Return the case of a seed."""
    dice = Random(f"{step} {seed}")  # noqa: S311 - dice are no secret
    rules, instances = dice.choice(((1, 1), (2, 1), (2, 2), (2, 2)))
    again = instances == 2 and step not in {"after-intent", AFTER_SEND}
    return Case(
        step=step,
        seed=seed,
        hostnodes=dice.randint(3, 6),
        rules=rules,
        instances=instances,
        nth=dice.randint(1, 2) if again else 1,
        create=dice.choice(UNANSWERED if step == AFTER_SEND else ANSWERED),
        listing=dice.choice(LISTED),
        delay=dice.uniform(0, 0.05),
    )


def live(folder: Path, case: Case) -> Result:
    """Let a daemon die and another one go on; return what is left. There are no threads yet."""
    with (
        closing(Fork(buying_drivers.live)) as dying,
        closing(Fork(buying_drivers.live)) as living,
        site(folder) as place,
    ):
        set_up(place, case)
        return _lived(place, case, dying, living)


def _lived(place: Site, case: Case, dying: Fork, living: Fork) -> Result:
    given = {"file": str(place.file), "log": str(place.folder / "log")}
    if case.step == AFTER_SEND:
        dying.go(**given)
        until(lambda: sent(place))
        threading.Event().wait(case.delay)
        dying.send_signal(signal.SIGKILL)
    else:
        dying.go(**given, step=case.step, nth=case.nth)
    assert dying.wait() == -signal.SIGKILL
    wrong = broken(place, case.instances)
    place.let_claims_end()  # of messages: what is told must not wait a minute
    living.go(**given)
    until(lambda: _is_settled(place, case), _SETTLED_WITHIN)
    wrong += broken(place, case.instances)
    found = grabs(place)
    if unclear := [grab for grab, history in found if GrabStatus.UNKNOWN in steps(history)]:
        until(lambda: _is_told(place))
    living.send_signal(signal.SIGTERM)
    assert living.wait() == 0
    return Result(
        case=case,
        instances=len(place.market.market.living()),
        requests=len(sent(place)),
        unclear=len(unclear),
        failed=sum(grab.status is GrabStatus.FAILED for grab, _ in found),
        wrong=wrong,
    )


def set_up(place: Site, case: Case) -> None:
    """Write the configuration, stock the market, and switch the faults on."""
    for number in range(case.hostnodes):
        row = hostnode(f"hn-{number}", "b200-sxm6-180gb", price=1 + number / 10)
        place.market.market.add(row)
    if case.create:
        place.market.faults.on(case.create, endpoint="create", times=1, seconds=1)
    if case.listing:
        times = 1 if case.listing == "error-502" else None
        place.market.faults.on(case.listing, endpoint="instances", times=times, seconds=2)
    cheap = {"gpu": "b200-*", "max_price_per_gpu_hour": 2}
    wish = {"preset": "box", "cooldown": "0s", "time_to_live": "1h", "max_instances": 1}
    resources = {"vcpu_count": 2, "ram_gb": 4, "storage_gb": 100}
    place.write(
        marketplaces=[place.marketplace(poll_interval="1s")],
        rules=[
            {"name": f"buys-{n}", "match": cheap, "per": "rule", "grab": wish}
            for n in range(case.rules)
        ],
        presets=[
            {"name": "box", "image": "ubuntu2404", "resources": resources, "ssh_key_id": "key"}
        ],
        grab={
            "mode": "live",
            "max_instances": case.instances,
            "max_total_per_hour": DOLLARS_EACH * case.instances,
            "max_spend_per_day": 90,
            "max_spend_per_month": 900,
            "max_creates_per_hour": 9,
            "host_cooldown": "1s",
            "stop_file": str(place.folder / "STOP"),
        },
    )


def _is_settled(place: Site, case: Case) -> bool:
    """Say whether all that can be had was bought, and nothing is unclear.

    A person, who was told, says of a request that made nothing that it has failed: the daemon
    would wait a quarter of an hour.
    """
    found = [grab for grab, _ in grabs(place)]
    made = {each.name for each in place.market.market.all_instances()}
    for grab in found:
        if grab.status is GrabStatus.UNKNOWN and grab.instance_name not in made and _is_told(place):
            place.ask("grabs", "resolve", str(grab.id), "--as", "failed", "--force")
    counting = [grab.status for grab in found if grab.status in COUNTING]
    return len(counting) == case.instances and _BOUGHT.issuperset(counting)


def _is_told(place: Site) -> bool:
    return any(title.startswith("unclear") for title in place.titles())


def _course(log: Path) -> list[str]:
    """Return what a daemon's log says of purchases."""
    steps = re.findall(r'"status": "(\w+)", "reason": "([^"]*)', log.read_text(encoding="utf-8"))
    return [f"{status} ({why})" for status, why in steps]


def run(
    folder: Path,
    cases: Sequence[Case],
    shown: Callable[[Iterator[Result]], Iterable[Result]] = iter,
) -> list[Result]:
    """Live through all cases, some at once, each in a process that has no threads at first."""
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(_AT_ONCE, mp_context=forked) as pool:
        return list(shown(pool.map(_live_or_tell, repeat(folder), cases)))


def _live_or_tell(folder: Path, case: Case) -> Result:
    own = folder / case.name
    own.mkdir()
    try:
        return live(own, case)
    except AssertionError as error:
        wrong = [f"{error}: {', '.join(_course(own / 'log'))}"]
        return Result(case=case, instances=0, requests=0, unclear=0, failed=0, wrong=wrong)
