"""The dashboards keep the rules of Grafana's dashboard linter, and some of this house.

Each rule is a function that yields what breaks it; the last test breaks them all, one by one.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import get_args, get_type_hints

import pytest
from grafana_foundation_sdk.models import units

from grafana.dashboards import ALL, document
from tests.unit.grafana.boards import FOLDER, METRIC, UIDS, Json, loaded, metrics, selectors

UNITS = {value for hint in get_type_hints(units).values() for value in get_args(hint)} | {"none"}
DEPRECATED = {"graph", "singlestat", "table-old", "grafana-piechart-panel", "heatmap-old"}
COLUMNS = 24
NOT_BY_INSTANCE = {"gpu-market", "gpu-model"}
"""The market is the same whoever polled it, so these have no variable `instance`."""
SOURCES = {"gpu-history": "grafana-postgresql-datasource"}
"""Which kind of data source a dashboard asks; Prometheus unless it is named here."""


def of_prometheus(board: Json) -> bool:
    return board["uid"] not in SOURCES


def shown(board: Json) -> list[Json]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries(board: Json) -> Iterator[tuple[str, str]]:
    """Yield where each PromQL query of panels and annotations stands, and the query."""
    if not of_prometheus(board):
        return
    for panel in shown(board):
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    for mark in board["annotations"]["list"]:
        yield mark["name"], mark["expr"]


def template_datasource(board: Json) -> Iterator[str]:
    kind = SOURCES.get(board["uid"], "prometheus")
    found = [
        (each["name"], each["label"], each["query"])
        for each in board["templating"]["list"]
        if each["type"] == "datasource"
    ]
    if found != [("datasource", "Data source", kind)]:
        yield f"data source variables are {found}"


def template_job_and_instance(board: Json) -> Iterator[str]:
    found = {each["name"]: each for each in board["templating"]["list"]}
    wanted = {"job"} if board["uid"] in NOT_BY_INSTANCE else {"job", "instance"}
    for name in sorted(wanted) if of_prometheus(board) else ():
        one = found.get(name, {})
        asked = (one.get("label"), one.get("multi"), one.get("includeAll"), one.get("allValue"))
        if asked != (name.capitalize(), True, True, ".+"):
            yield f"variable {name} is {asked}"


def template_query(board: Json) -> Iterator[str]:
    for each in board["templating"]["list"]:
        if each["type"] == "query":
            if each["refresh"] != 2:
                yield f"variable {each['name']} is not renewed when the time changes"
            if not each["label"]:
                yield f"variable {each['name']} has no label"
            if each["datasource"]["uid"] != "${datasource}":
                yield f"variable {each['name']} asks a fixed data source"
            if of_prometheus(board) and not re.fullmatch(
                r"label_values\(\w+(\{[^}]*\})?, \w+\)", each["query"]
            ):
                yield f"variable {each['name']} asks {each['query']}"


def panel_datasource(board: Json) -> Iterator[str]:
    kind = SOURCES.get(board["uid"], "prometheus")
    wanted = {"type": kind, "uid": "${datasource}"}
    for panel in shown(board):
        for place in (panel, *panel["targets"]):
            if place["datasource"] != wanted:
                yield f"{panel['title']} asks {place['datasource']}"
    yield from (
        f"annotation {mark['name']} asks {mark['datasource']}"
        for mark in board["annotations"]["list"]
        if mark["datasource"] != wanted
    )


def panel_title_description(board: Json) -> Iterator[str]:
    for panel in board["panels"]:
        if not panel.get("title"):
            yield f"panel {panel['id']} has no title"
    for panel in shown(board):
        if not panel.get("description", "").endswith("."):
            yield f"{panel['title']} has no description"


def panel_units(board: Json) -> Iterator[str]:
    for panel in shown(board):
        config = panel["fieldConfig"]
        found = [config["defaults"].get("unit")]
        found += [
            each["value"]
            for override in config["overrides"]
            for each in override["properties"]
            if each["id"] == "unit"
        ]
        yield from (f"{panel['title']} has the unit {unit}" for unit in found if unit not in UNITS)


def panel_targets(board: Json) -> Iterator[str]:
    for panel in shown(board):
        refs = [target["refId"] for target in panel["targets"]]
        if not refs or len(set(refs)) < len(refs):
            yield f"{panel['title']} has the targets {refs}"


def target_matchers(board: Json) -> Iterator[str]:
    wanted = ['job=~"$job"']
    wanted += [] if board["uid"] in NOT_BY_INSTANCE else ['instance=~"$instance"']
    marks = {mark["name"] for mark in board["annotations"]["list"]}
    for where, expr in queries(board):
        picked = selectors(expr)
        if {name for name, _ in picked} != metrics(expr):
            yield f"{where} asks for a metric without matchers"
        for name, matchers in picked:
            missing = [each for each in wanted if each not in matchers.split(",")]
            if missing and not (where in marks and missing == wanted[1:]):
                yield f"{where} asks {name} without {missing}"


def target_variables(board: Json) -> Iterator[str]:
    known = {each["name"] for each in board["templating"]["list"]}
    known |= {"__rate_interval", "__interval", "__range"}
    for where, expr in queries(board):
        unknown = set(re.findall(r"\$(\w+)", expr)) - known
        if unknown:
            yield f"{where} asks for variables that are not there: {unknown}"


def target_counters(board: Json) -> Iterator[str]:
    """Counters and histograms are asked for by rates, over what Grafana finds fitting."""
    marks = {mark["name"] for mark in board["annotations"]["list"]}
    for where, expr in queries(board):
        for found in re.finditer(r"(\w+)\((\w+(?:_total|_bucket|_sum|_count))\{", expr):
            if found[1] not in {"rate", "increase"}:
                yield f"{where} shows the counter {found[2]} as it is"
        for interval in re.findall(r"\b(?:rate|increase)\(\w+\{[^}]*\}\[([^\]]+)\]", expr):
            if interval != "$__rate_interval" and where not in marks:
                yield f"{where} has a rate over {interval}"
        for counter in re.findall(r"\b\w+_total\b", expr):
            if not re.search(rf"(rate|increase)\({counter}\{{", expr):
                yield f"{where} shows the counter {counter} as it is"


def no_value(board: Json) -> Iterator[str]:
    """Nothing says "No data": where nothing is found, the panel says what that means."""
    for panel in shown(board):
        if not panel["fieldConfig"]["defaults"].get("noValue"):
            yield f"{panel['title']} says No data"


def whole(board: Json) -> Iterator[str]:
    if board["editable"]:
        yield "it can be edited in place"
    if not board["description"]:
        yield "it has no description"
    if board.get("id") is not None:
        yield "it has the id of some database"


def ids(board: Json) -> Iterator[str]:
    found = [panel["id"] for panel in board["panels"]]
    if len(set(found)) < len(found):
        yield f"panels share ids: {found}"


def deprecated(board: Json) -> Iterator[str]:
    yield from (
        f"{panel['title']} is of the old type {panel['type']}"
        for panel in shown(board)
        if panel["type"] in DEPRECATED
    )


def layout(board: Json) -> Iterator[str]:
    places = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]
    for title, at in places:
        if at["x"] + at["w"] > COLUMNS:
            yield f"{title} is beyond the right edge"
    for (title, one), (other, at) in combinations(places, 2):
        aside = one["x"] + one["w"] <= at["x"] or at["x"] + at["w"] <= one["x"]
        above = one["y"] + one["h"] <= at["y"] or at["y"] + at["h"] <= one["y"]
        if not aside and not above:
            yield f"{title} lies over {other}"


def lines_filled(board: Json) -> Iterator[str]:
    covered = sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in board["panels"])
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    if covered != COLUMNS * height:
        yield f"{COLUMNS * height - covered} fields of the grid are empty"


LAWS: list[Callable[[Json], Iterator[str]]] = [
    template_datasource,
    template_job_and_instance,
    template_query,
    panel_datasource,
    panel_title_description,
    panel_units,
    panel_targets,
    target_matchers,
    target_variables,
    target_counters,
    no_value,
    whole,
    ids,
    deprecated,
    layout,
    lines_filled,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_keeps_the_law(uid: str, law: Callable[[Json], Iterator[str]]) -> None:
    assert list(law(loaded(uid))) == []


@pytest.mark.parametrize("uid", ALL)
def test_the_json_is_what_the_source_makes(uid: str) -> None:
    """`make dashboards` writes it."""
    assert (FOLDER / "json" / f"{uid}.json").read_text(encoding="utf-8") == document(uid)
    assert loaded(uid)["uid"] == uid


def test_there_is_no_json_without_a_source() -> None:
    assert set(UIDS) == set(ALL)


def test_links_between_dashboards_lead_to_one_and_name_its_variables() -> None:
    for uid in UIDS:
        for target, query in re.findall(r'"/d/([\w-]+)/[\w-]+\?([^"]*)"', json.dumps(loaded(uid))):
            names = {each["name"] for each in loaded(target)["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)=", query)) <= names


def test_all_dashboards_link_to_all_others_by_their_tag() -> None:
    for uid in UIDS:
        assert [link["tags"] for link in loaded(uid)["links"]] == [loaded(uid)["tags"]]


def first(board: Json) -> Json:
    panel: Json = shown(board)[0]
    return panel


BROKEN: list[tuple[Callable[[Json], Iterator[str]], Callable[[Json], object]]] = [
    (template_datasource, lambda board: board["templating"]["list"].pop(0)),
    (template_job_and_instance, lambda board: board["templating"]["list"][1].update(multi=False)),
    (template_query, lambda board: board["templating"]["list"][1].update(refresh=1)),
    (template_query, lambda board: board["templating"]["list"][1].update(query="up")),
    (panel_datasource, lambda board: first(board).update(datasource={"uid": "mine"})),
    (panel_title_description, lambda board: first(board).update(title="")),
    (panel_title_description, lambda board: first(board).update(description="")),
    (panel_units, lambda board: first(board)["fieldConfig"]["defaults"].pop("unit")),
    (panel_targets, lambda board: first(board)["targets"].clear()),
    (target_matchers, lambda board: first(board)["targets"][0].update(expr="gpu_market_x")),
    (target_matchers, lambda board: first(board)["targets"][0].update(expr='up{job="x"}')),
    (target_variables, lambda board: first(board)["targets"][0].update(expr='up{job=~"$it"}')),
    (target_counters, lambda board: first(board)["targets"][0].update(expr="rate(x_total{}[5m])")),
    (target_counters, lambda board: first(board)["targets"][0].update(expr="sum(x_total{})")),
    (no_value, lambda board: first(board)["fieldConfig"]["defaults"].pop("noValue")),
    (whole, lambda board: board.update(editable=True)),
    (ids, lambda board: board["panels"][0].update(id=2)),
    (deprecated, lambda board: first(board).update(type="graph")),
    (layout, lambda board: first(board)["gridPos"].update(w=25)),
    (layout, lambda board: first(board)["gridPos"].update(h=9)),
    (lines_filled, lambda board: first(board)["gridPos"].update(w=1)),
]


@pytest.mark.parametrize(("law", "damage"), BROKEN)
def test_a_dashboard_that_breaks_a_law_is_found(
    law: Callable[[Json], Iterator[str]], damage: Callable[[Json], object]
) -> None:
    board = copy.deepcopy(loaded("gpu-monitor"))
    damage(board)
    assert list(law(board)) != []


def test_every_law_can_be_broken() -> None:
    assert {law for law, _ in BROKEN} == set(LAWS)


def test_metrics_are_told_from_labels_and_words() -> None:
    expr = 'sum by (up) (gpu_monitor_x_total{a="up"}) / a:gpu_b:min7d'
    assert metrics(expr) == {"gpu_monitor_x_total", "a:gpu_b:min7d"}
    assert METRIC.findall("scrape_x") == ["scrape_x"]
