"""What all dashboards share: variables, links to each other, annotations, and a grid with ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.frame import ORANGE, PURPLE, AnyPanel
from grafana.queries import POSTGRESQL, PROMETHEUS, Rows, promql

TAG = "gpu-monitor"
Variable = Builder[VariableModel]
Annotation = Builder[AnnotationQuery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A row with its panels, whose widths fill lines of 24 columns."""

    title: str
    panels: Sequence[AnyPanel]


def board(
    *,
    uid: str,
    title: str,
    description: str,
    variables: Sequence[Variable],
    sections: Sequence[Section],
    annotations: Sequence[Annotation] = (),
    since: str = "now-24h",
    refresh: str = "1m",
) -> Dashboard:
    """Return a dashboard that cannot be edited in place: it would be overwritten from here."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh(refresh)
        .variables(list(variables))
        .annotations(list(annotations))
        .link(_links())
    )
    ids = count(1)
    for section in sections:
        made.with_row(dashboard.Row(section.title).id(next(ids)))
        for panel in section.panels:
            panel.build().id_val = next(ids)
            made.with_panel(panel)
    return made.build()


def source(kind: str) -> Variable:
    """Return the variable `datasource`, which chooses among the data sources of one kind."""
    return dashboard.DatasourceVariable("datasource").label("Data source").type(kind)


def several(name: str, label: str, query: str, *, all_value: str = ".+") -> Variable:
    """Return a variable of which any number of values may be chosen, at first all of them."""
    every = VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        _asked(name, label, query, PROMETHEUS)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(all_value)
        .current(every)
    )


def one(name: str, label: str, query: str) -> Variable:
    """Return a variable of which one value is chosen, at first the first one."""
    return _asked(name, label, query, PROMETHEUS)


def listed(name: str, label: str, sql: str) -> Variable:
    """Return a variable of which any number of values of a column may be chosen, at first all."""
    every = VariableOption(selected=True, text=["All"], value=["$__all"])
    asked = _asked(name, label, sql, POSTGRESQL)
    return asked.multi(multi=True).include_all(include_all=True).current(every)


def job() -> Variable:
    """Return the variable `job`: the jobs by which Prometheus scrapes monitors."""
    return several("job", "Job", "label_values(gpu_monitor_build_info, job)")


def marketplace() -> Variable:
    """Return the variable `marketplace`."""
    query = promql("label_values(gpu_monitor_polls_total{@job}, marketplace)")
    return several("marketplace", "Marketplace", query)


def country() -> Variable:
    """Return the variable `country`; a hostnode of which none is known counts among all."""
    query = promql("label_values(gpu_market_hostnode_info{@marketplace}, country)")
    return several("country", "Country", query, all_value=".*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked(Builder[AnnotationQuery]):
    """Marks each stretch of time in which a PromQL query has a value, and says what it was.

    `title` and `text` may have `{{label}}` in them.
    """

    name: str
    expr: str
    title: str
    text: str
    color: str = ORANGE

    def build(self) -> AnnotationQuery:
        """Return the annotation's query."""
        return _Titled(self)


class _Titled(AnnotationQuery):
    """An annotation's query with the fields of the Prometheus data source, which the SDK lacks."""

    def __init__(self, marked: Marked) -> None:
        super().__init__(
            marked.name,
            PROMETHEUS,
            icon_color=marked.color,
            expr=promql(marked.expr),
            built_in=None,
        )
        self._titles = {"titleFormat": marked.title, "textFormat": marked.text, "step": "60s"}

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), **self._titles}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Builder[AnnotationQuery]):
    """Marks each row of an SQL query at its `time`, with its `text` and `tags`."""

    name: str
    sql: str
    color: str = ORANGE

    def build(self) -> AnnotationQuery:
        """Return the annotation's query."""
        return _Selected(self)


class _Selected(AnnotationQuery):
    """An annotation's query with the target of the PostgreSQL data source, which the SDK lacks."""

    def __init__(self, noted: Noted) -> None:
        super().__init__(noted.name, POSTGRESQL, icon_color=noted.color, built_in=None)
        self._target = Rows(sql=noted.sql).target("Anno")

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "target": self._target}


def marks() -> list[Annotation]:
    """Return marks for the alerts that the monitor's rules have found, and for what was bought."""
    return [
        Marked(
            name="Alerts firing",
            expr='max by (rule) (gpu_monitor_alerts{@job,state="firing"}) > 0',
            title="{{rule}}",
            text="the rule {{rule}} fires",
        ),
        Marked(
            name="Grabs",
            expr="sum by (rule, outcome) (increase(gpu_monitor_grabs_total"
            '{@job,outcome=~"created|unknown|dry_run"}[2m])) > 0',
            title="{{rule}}: {{outcome}}",
            text="a grab of the rule {{rule}} came to {{outcome}}",
            color=PURPLE,
        ),
    ]


def _asked(name: str, label: str, query: str, of: DataSourceRef) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(of)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _links() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("gpu-monitor")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(keep_time=True)
        .include_vars(include_vars=True)
        .as_dropdown(as_dropdown=False)
    )
