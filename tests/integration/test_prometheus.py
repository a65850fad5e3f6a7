"""A real Prometheus scrapes the running daemon on a market that moves; everything asked is found.

Every query of every panel, annotation, variable and rule is asked there, and must find something.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from monitor.simulator.drift import Drift
from monitor.simulator.rows import hostnode
from monitor.web.exposition import Format, negotiate
from tests.integration.daemon import CHEAP_H100, Site, site
from tests.integration.prometheus import CHOSEN, Prometheus, Series, prometheus, with_values
from tests.integration.receivers import Answer, http_receiver
from tests.unit.grafana.boards import UIDS, Asked, Json, asked, loaded, rules, selectors, variables
from tests.unit.web.test_exposition import PROMETHEUS_2

pytestmark = pytest.mark.slow

H100 = "h100-sxm5-80gb"
ODD = 'back\\slash "quoted" {brace} – 東京'
LOWEST = "job_marketplace_gpu:gpu_market_price_min_usd_per_hour:min"
BUYING = {**CHEAP_H100, "grab": {"preset": "box", "time_to_live": "1h"}}
PRESET = {
    "name": "box",
    "image": "ubuntu2404",
    "resources": {"vcpu_count": 2, "ram_gb": 8, "storage_gb": 100},
    "ssh_key_id": "made-up",
}
LIMITS = {"mode": "dry_run", "max_instances": 1, "max_spend_per_month": 500}
AN_EXPOSITION = Answer(headers={"content-type": Format.TEXT.value}, body=b"x 1\n")
STEP = timedelta(seconds=0.05)
ALERTS = [rule for rule in rules() if "alert" in rule]
RECORDINGS = [rule for rule in rules() if "record" in rule]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A daemon on a market that moves, and the Prometheus that watches it."""

    prom: Prometheus
    accepted: str
    """What Prometheus says that it accepts when it scrapes."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with site(folder) as place, http_receiver(AN_EXPOSITION) as other:
        market = place.market.market
        market.add(hostnode("odd", H100, price=1.99, city=ODD))
        place.market.simulation.follow(Drift(market, step=STEP))
        place.write(rules=[BUYING], presets=[PRESET], grab=LIMITS)
        with place.daemon() as daemon:
            daemon.wait_for("polled", outcome="ok")
            with prometheus(
                folder,
                targets=[daemon.url.removeprefix("http://")],
                others=[f"127.0.0.1:{other.port}"],
            ) as prom:
                _let_things_happen(place, prom)
                (request, *_) = other.wait_for(1)
                yield Watched(prom=prom, accepted=request.headers["Accept"])


def _let_things_happen(place: Site, prom: Prometheus) -> None:
    """Wait until the price has moved, the alert fires, and the rules have seen both."""
    lowest = f'{LOWEST}{{gpu="{H100}"}}'
    (before,) = prom.wait_for(lowest)
    place.market.market.set_offer("h100-*", price=1.6, count=4)
    prom.wait_for(f"{lowest} != {before['value'][1]}")
    prom.wait_for('gpu_monitor_alerts{rule="cheap-h100",state="firing"} > 0')
    prom.wait_for('rate(gpu_monitor_polls_total{outcome="ok"}[5s]) > 0')
    for rule in RECORDINGS:
        prom.wait_for(rule["record"])
    place.market.simulation._courses.clear()  # what is asked by two queries must be one market
    time = prom.wait_for("vector(time())")[0]["value"][1]
    prom.wait_for(f"min(gpu_monitor_last_successful_poll_timestamp_seconds) > {time}")
    prom.wait_for(f"vector(time()) > {time} + 3")


def chosen(uid: str) -> dict[str, str]:
    return {**CHOSEN, "model": H100} if uid == "gpu-model" else dict(CHOSEN)


def found(prom: Prometheus, one: Asked) -> list[Series]:
    expr = with_values(one.target["expr"], chosen(one.uid))
    return prom.now(expr) if one.target["instant"] else prom.over_time(expr)


def values(series: list[Series]) -> list[str]:
    pairs = [pair for each in series for pair in each.get("values", [each.get("value")])]
    return [value for _, value in pairs if value != "NaN"]


@pytest.mark.parametrize("one", asked(), ids=lambda one: one.where)
def test_every_query_of_every_panel_finds_something(watched: Watched, one: Asked) -> None:
    assert values(found(watched.prom, one)) != []


@pytest.mark.parametrize("uid", UIDS)
def test_every_variable_has_values(watched: Watched, uid: str) -> None:
    for name, one in variables(uid).items():
        if one["type"] == "query" and one["datasource"]["type"] == "prometheus":
            asks = re.fullmatch(r"label_values\((.+), (\w+)\)", one["query"])
            assert asks is not None
            assert watched.prom.values_of(asks[2], with_values(asks[1])), name


def marks() -> list[Json]:
    found = [mark for uid in UIDS for mark in loaded(uid)["annotations"]["list"]]
    return [mark for mark in found if mark["datasource"]["type"] == "prometheus"]


def test_every_annotation_asks_for_what_is_there(watched: Watched) -> None:
    """What it marks are the values over 0."""
    for mark in marks():
        expr, over, nothing = with_values(mark["expr"]).rpartition(" > 0")
        assert (over, nothing) == (" > 0", "")
        assert values(watched.prom.over_time(expr)) != [], mark["name"]


def test_an_alert_that_fires_is_marked(watched: Watched) -> None:
    marked = {
        series["metric"].get("rule")
        for mark in marks()
        for series in watched.prom.over_time(with_values(mark["expr"]))
    }
    assert BUYING["name"] in marked


@pytest.mark.parametrize("rule", RECORDINGS, ids=lambda rule: rule["record"])
def test_every_recording_rule_records(watched: Watched, rule: Json) -> None:
    assert values(watched.prom.now(rule["expr"])) != []
    assert values(watched.prom.now(rule["record"])) != []


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_asks_for_what_is_there(watched: Watched, rule: Json) -> None:
    """The alert is silent here; each metric that it asks for has series with those labels."""
    for name, matchers in selectors(rule["expr"]):
        assert watched.prom.now(f"{name}{{{matchers}}}"), name
    assert watched.prom.now(rule["expr"]) == []


def test_a_monitor_that_is_well_has_no_alert(watched: Watched) -> None:
    assert watched.prom.now("ALERTS") == []


def test_any_text_of_the_marketplace_comes_through_as_it_is(watched: Watched) -> None:
    (one,) = watched.prom.now('gpu_market_hostnode_info{hostnode="odd"}')
    assert one["metric"]["city"] == ODD


def tables() -> list[tuple[str, Json]]:
    return [
        (uid, panel)
        for uid in UIDS
        for panel in loaded(uid)["panels"]
        if panel["type"] == "table" and panel["datasource"]["type"] == "prometheus"
    ]


def keys(rows: list[Series], labels: set[str]) -> set[tuple[str, ...]]:
    return {tuple(row["metric"].get(label, "") for label in sorted(labels)) for row in rows}


@pytest.mark.parametrize(
    ("uid", "panel"), tables(), ids=lambda it: it if isinstance(it, str) else it["title"]
)
def test_the_rows_of_a_table_can_be_merged(watched: Watched, uid: str, panel: Json) -> None:
    """Grafana merges rows by the labels that all queries share: these must name each row alone."""
    first, *others = [
        found(watched.prom, Asked(uid=uid, panel=panel, target=target))
        for target in panel["targets"]
    ]
    shared = set.intersection(*(set(rows[0]["metric"]) for rows in (first, *others)))
    for rows in (first, *others):
        assert len(keys(rows, shared)) == len(rows)
        assert keys(rows, shared) <= keys(first, shared)


def test_prometheus_likes_openmetrics_best(watched: Watched) -> None:
    """What it sends is what the tests of `negotiate` take for the header of Prometheus 2."""
    assert watched.accepted == PROMETHEUS_2
    assert negotiate(watched.accepted) is Format.OPENMETRICS


def test_prometheus_has_nothing_to_complain_of(watched: Watched) -> None:
    """It warns of samples that are there twice, out of order, or cannot be read."""
    assert watched.prom.log.read_text(encoding="utf-8") == ""
