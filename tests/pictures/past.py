"""A month of a simulated market as the monitor's own metrics tell it, in Prometheus' database.

The market is the simulator's, moved minute by minute as the recorded one did, with a sale of H100s
each few days and one outage. What is exported at each step is written with its time and packed into
blocks by promtool; the recording rules are evaluated over it by promtool too.
"""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client.samples import Sample

from monitor.alerting.outbox import NotificationStatus
from monitor.grab.figures import ALL_RULES, Figures, Hindrance, LimitFigure, Period
from monitor.grab.grab import GrabStatus
from monitor.market.money import nano
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.marketplaces.tensordock.decode import decode_hostnodes
from monitor.rules.alert import AlertState, RuleName
from monitor.simulator.drift import Drift
from monitor.simulator.generate import generate
from monitor.simulator.market import SimulatedMarket
from monitor.web.market_collector import MarketCollector
from monitor.web.metrics import Metrics
from tests.integration.prometheus import JOB, installed
from tests.unit.grafana.boards import FOLDER

LASTS = timedelta(days=31)
STEP = timedelta(minutes=10)
MARKETPLACE = "tensordock"
RULE = "h100-under-1.90"
PACKED = timedelta(days=32)
_MINUTE = timedelta(minutes=1)
_SALE_EVERY, _SALE_LASTS = timedelta(days=4), timedelta(hours=31)
_OUTAGE = (timedelta(days=27), timedelta(days=27, hours=5))
_PER_STEP = STEP // _MINUTE
_PRICE = 1.99


@dataclass(slots=True, kw_only=True)
class _Course:
    """What has happened so far, and the metrics that tell of it."""

    market: SimulatedMarket
    metrics: Metrics
    on_sale: bool = False
    told: bool = False
    spent: dict[Period, float] = field(default_factory=lambda: dict.fromkeys(Period, 0.0))


def write_past(file: Path, *, until: datetime) -> int:
    """Write what was exported in the month before `until`; return the number of samples."""
    metrics = Metrics(version="0.1.0")
    metrics.configure(
        marketplaces={MARKETPLACE: _MINUTE},
        rules=[RULE, "any-4090"],
        buying_rules=[RULE],
        receivers=["chat"],
        jobs=[f"poll:{MARKETPLACE}", "tell", "upkeep"],
    )
    course = _Course(market=SimulatedMarket(generate(hostnodes=40, seed=7)), metrics=metrics)
    drift = Drift(course.market, step=_MINUTE, seed=11)
    begun, samples = until - LASTS, 0
    with file.open("w", encoding="utf-8") as stream:
        for number in range(LASTS // STEP + 1):
            at = begun + number * STEP
            drift.catch_up(at - begun, at)
            shown = _live(course, at - begun, at)
            for line in _lines(metrics, shown, at.timestamp()):
                stream.write(line)
                samples += 1
        stream.write("# EOF\n")
    return samples


def pack(file: Path, tsdb: Path) -> None:
    """Make blocks of what `write_past` wrote: few and long ones, as each takes a whole reading."""
    longest = f"--max-block-duration={PACKED // timedelta(hours=1)}h"
    _promtool("tsdb", "create-blocks-from", longest, "openmetrics", "-q", str(file), str(tsdb))


def evaluate_rules(url: str, tsdb: Path, *, group: str, since: datetime, until: datetime) -> None:
    """Record one group of the recording rules over the past."""
    import yaml  # noqa: PLC0415  only here

    document = yaml.safe_load((FOLDER / "prometheus" / "recording.yaml").read_text("utf-8"))
    rules = [each for each in document["groups"] if each["name"] == group]
    for each in rules:
        each["interval"] = f"{STEP // _MINUTE}m"
    file = tsdb.parent / f"{group}.yaml"
    file.write_text(yaml.safe_dump({"groups": rules}), encoding="utf-8")
    times = [f"--{name}={at.timestamp():.0f}" for name, at in (("start", since), ("end", until))]
    where = [f"--url={url}", f"--output-dir={tsdb}"]
    _promtool("tsdb", "create-blocks-from", "rules", "-q", *times, *where, str(file))


def _promtool(*arguments: str) -> None:
    subprocess.run([installed("promtool"), *arguments], check=True, stdout=subprocess.DEVNULL)


def _live(course: _Course, age: timedelta, at: datetime) -> Snapshot | None:
    """Let one step happen; return the market as a good poll shows it, or nothing in the outage."""
    _sell(course, age)
    metrics = course.metrics
    for job in (f"poll:{MARKETPLACE}", "tell", "upkeep"):
        metrics.job_ran(job, at - timedelta(seconds=20))
    if _OUTAGE[0] <= age < _OUTAGE[1]:
        for _ in range(_PER_STEP):
            metrics.observe_poll(_poll(Outcome.UNREACHABLE, at, None))
        return None
    snapshot = decode_hostnodes(course.market.list_body(), marketplace=MARKETPLACE, at=at)
    for _ in range(_PER_STEP):
        metrics.observe_poll(_poll(Outcome.OK, at, snapshot))
    _tell(course, at)
    return snapshot


def _poll(outcome: Outcome, at: datetime, snapshot: Snapshot | None) -> Poll:
    seconds = 0.2 + (at.minute % 7) / 10 if snapshot else 20.0
    at -= timedelta(seconds=25)
    return Poll(
        marketplace=MARKETPLACE, at=at, outcome=outcome, duration=seconds, snapshot=snapshot
    )


def _sell(course: _Course, age: timedelta) -> None:
    """Put the H100s of one hostnode on sale, and end the sale."""
    on_sale = age % _SALE_EVERY > _SALE_EVERY - _SALE_LASTS
    if on_sale != course.on_sale:
        course.on_sale = on_sale
        course.market.set_offer("h100-*", price=1.85 if on_sale else 2.09)


def _tell(course: _Course, at: datetime) -> None:
    firing, metrics = course.on_sale, course.metrics
    rule = RuleName(RULE)
    metrics.set_alerts({(rule, AlertState.FIRING): 1} if firing else {})
    if firing and not course.told:
        metrics.count_notification("chat", NotificationStatus.SENT)
        metrics.buying.count({(rule, GrabStatus.CREATED): 1, (rule, GrabStatus.RUNNING): 1})
    course.told = firing
    _spend(course, at)
    metrics.buying.show(_figures(rule, course))


def _spend(course: _Course, at: datetime) -> None:
    """Let what was bought cost one step; each day and each month begins anew."""
    before = at - STEP
    if before.date() != at.date():
        course.spent[Period.DAY] = 0
    if before.month != at.month:
        course.spent[Period.MONTH] = 0
    for period in Period:
        course.spent[period] += _PRICE * course.told * (STEP / timedelta(hours=1))


def _figures(rule: RuleName, course: _Course) -> Figures:
    bought, today = course.told, course.spent[Period.DAY]
    limits = (
        LimitFigure(rule=ALL_RULES, limit="max_instances", at_most=2, used=int(bought)),
        LimitFigure(rule=ALL_RULES, limit="max_total_per_hour", at_most=5, used=_PRICE * bought),
        LimitFigure(rule=ALL_RULES, limit="max_spend_per_day", at_most=50, used=today),
    )
    return Figures(
        per_hour=nano(_PRICE if bought else 0),
        grabs={(rule, GrabStatus.RUNNING): int(bought)},
        overdue={},
        spent={(rule, period): nano(spent) for period, spent in course.spent.items()},
        limits=limits,
        hindrances=frozenset[Hindrance](),
    )


def _lines(metrics: Metrics, shown: Snapshot | None, at: float) -> Iterator[str]:
    """Yield each sample as a scrape would add it, with the labels that Prometheus gives."""
    for family in metrics._registry.collect():
        yield from (
            _line(each, at) for each in family.samples if not each.name.endswith("_created")
        )
    for family in MarketCollector((shown,) if shown else ()).collect():
        yield from (_line(each, at) for each in family.samples)
    for name in ("up", "scrape_samples_scraped", "scrape_duration_seconds"):
        value = {"up": 1, "scrape_samples_scraped": 340}.get(name, 0.006)
        yield _line(Sample(name, {}, value), at)


def _line(sample: Sample, at: float) -> str:
    labels: Mapping[str, str] = {"job": JOB, "instance": "127.0.0.1:9470", **sample.labels}
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{sample.name}{{{told}}} {sample.value} {at:.0f}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
