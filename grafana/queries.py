"""The queries of panels: PromQL as a dashboard's variables narrow it, and SQL.

Several daemons may be scraped, on one database or on their own, so every query of the market takes
the best of what they say (`min` of prices, `max` of counts) and drops `job` and `instance`.
"""

from dataclasses import dataclass
from string import Template
from typing import Protocol

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

PROMETHEUS = DataSourceRef("prometheus", "${datasource}")
POSTGRESQL = DataSourceRef("grafana-postgresql-datasource", "${datasource}")


class Query(Protocol):
    """What a panel asks, and whom."""

    @property
    def source(self) -> DataSourceRef:
        """The data source, by the variable that chooses it."""
        ...

    def target(self, ref: str) -> Builder[Dataquery]:
        """Return the query as a panel's target; `ref` is its letter."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A PromQL query over the time shown; `legend` names its series, with `{{label}}`."""

    expr: str
    legend: str = ""

    @property
    def source(self) -> DataSourceRef:
        """Prometheus."""
        return PROMETHEUS

    def target(self, ref: str) -> Builder[Dataquery]:
        """Return the query as a panel's target."""
        return (
            prometheus.Dataquery()
            .expr(promql(self.expr))
            .legend_format(self.legend)
            .range()
            .ref_id(ref)
            .datasource(PROMETHEUS)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """A PromQL query for the present value alone: rows of a table, or bars."""

    expr: str
    legend: str = ""
    rows: bool = True

    @property
    def source(self) -> DataSourceRef:
        """Prometheus."""
        return PROMETHEUS

    def target(self, ref: str) -> Builder[Dataquery]:
        """Return the query as a panel's target."""
        return (
            prometheus.Dataquery()
            .expr(promql(self.expr))
            .legend_format(self.legend)
            .instant()
            .format(PromQueryFormat.TABLE if self.rows else PromQueryFormat.TIME_SERIES)
            .ref_id(ref)
            .datasource(PROMETHEUS)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries:
    """SQL with the columns `time`, `metric` (the series' name) and `value`, by time."""

    sql: str

    @property
    def source(self) -> DataSourceRef:
        """PostgreSQL."""
        return POSTGRESQL

    def target(self, ref: str) -> Builder[Dataquery]:
        """Return the query as a panel's target."""
        return _Sql(self.sql, "time_series", ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """SQL whose rows are shown as they come."""

    sql: str

    @property
    def source(self) -> DataSourceRef:
        """PostgreSQL."""
        return POSTGRESQL

    def target(self, ref: str) -> Builder[Dataquery]:
        """Return the query as a panel's target."""
        return _Sql(self.sql, "table", ref)


class _Sql(Dataquery, Builder[Dataquery]):
    """A query of the PostgreSQL data source, which the SDK has no type for."""

    def __init__(self, sql: str, form: str, ref: str) -> None:
        self._fields = {"rawSql": sql, "format": form, "refId": ref}

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {**self._fields, "rawQuery": True, "editorMode": "code", "datasource": POSTGRESQL}


def promql(text: str) -> str:
    """Return a query on one line with its matchers written out; `@name` is one of the scopes below.

    Raises:
        KeyError: if there is no such scope.
    """
    return _Scoped(" ".join(text.split())).substitute(_SCOPES)


class _Scoped(Template):
    delimiter = "@"


_JOB = 'job=~"$job"'
_INSTANCE = f'{_JOB},instance=~"$instance"'
_MARKETPLACE = f'{_JOB},marketplace=~"$marketplace"'
_MODEL = f'{_MARKETPLACE},gpu=~"$model"'
_PRICE = f"min by (marketplace, hostnode, gpu) (gpu_market_offer_price_usd_per_hour{{{_MODEL}}})"
_FREE = f"max by (marketplace, hostnode, gpu) (gpu_market_offer_gpus_available{{{_MODEL}}})"
_PLACE = "city, country, tier, organization"
# topk keeps one description of a hostnode where two daemons tell of it differently.
_INFO = (
    f"topk by (marketplace, hostnode) (1, max by (marketplace, hostnode, {_PLACE}) "
    f'(gpu_market_hostnode_info{{{_MARKETPLACE},country=~"$country"}}))'
)
_HAD = f"({_PRICE} and {_FREE} > 0)"
_STANDS = "* on (marketplace, hostnode) group_left"
_SCOPES = {
    # matchers
    "job": _JOB,
    "instance": _INSTANCE,
    "marketplace": _MARKETPLACE,
    "model": _MODEL,
    # each offer's price, its free GPUs, and where it stands, which is narrowed to $country
    "price": _PRICE,
    "free": _FREE,
    "info": _INFO,
    # the price of each offer with a GPU free, with where it stands; GPUs free, by country
    "had": f"({_HAD} {_STANDS} ({_PLACE}) {_INFO})",
    "freeby": f"({_FREE} {_STANDS} (country) {_INFO})",
    # share of the last 7 days, as far as the market was seen, in which a model could be had
    "week": (
        f"(sum_over_time(job_marketplace_gpu:gpu_market_gpus_available:any{{{_MODEL}}}[7d]) "
        "/ on (job, marketplace) group_left () "
        f"count_over_time(job_marketplace:gpu_market_gpus_available:count{{{_MARKETPLACE}}}[7d]))"
    ),
}
