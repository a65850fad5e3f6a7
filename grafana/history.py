"""The dashboard *History*: years of prices and availability, from the roll-ups in PostgreSQL."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import Noted, Section, board, listed, source
from grafana.frame import COUNT, GREEN, RATIO, RED, USD, YELLOW, AnyPanel, Frame
from grafana.panels import Column, grid, lines, stack
from grafana.queries import POSTGRESQL, Rows, TimeSeries

_OFTEN = ((None, RED), (0.5, YELLOW), (0.9, GREEN))
# Means weighted by time; of the price, by the time in which the model could be had. A model that
# was not listed has no row, so what was polled is that of any model.
_MEANS = (
    "sum(r.best_mean * r.available_seconds) / "
    "nullif(sum(r.available_seconds) FILTER (WHERE r.best_mean IS NOT NULL), 0) / 1e9 AS mean, "
    "sum(r.available_seconds) / nullif(sum(p.seconds), 0) AS had, "
    "sum(r.gpu_seconds) / nullif(sum(p.seconds), 0) AS free"
)
_NONE_YET = "no roll-ups yet: the first come with the first whole hour"


def history() -> Dashboard:
    """Return the dashboard."""
    return board(
        uid="gpu-history",
        title="GPU history",
        description="What the past came to, by day and by hour, from the monitor's own database: "
        "prices are US dollars for one GPU and one hour, without CPU, RAM and disk. It needs "
        "PostgreSQL.",
        variables=[
            source(str(POSTGRESQL.type_val)),
            listed("marketplace", "Marketplace", "SELECT name FROM marketplaces ORDER BY name"),
            listed("model", "Model", "SELECT name FROM gpus ORDER BY name"),
        ],
        annotations=[
            Noted(
                name="Alerts firing",
                sql="SELECT at AS time, rule AS text, reason AS tags FROM transitions "
                "WHERE after = 'firing' AND $__timeFilter(at) ORDER BY at",
            )
        ],
        sections=[
            Section(title="Prices by day", panels=_prices()),
            Section(title="Availability by day", panels=_availability()),
            Section(title="In numbers", panels=[_models(), _hours()]),
        ],
        since="now-1y",
        refresh="1h",
    )


def _from(table: str) -> str:
    """Return what the queries share: one kind of roll-ups, as the variables choose."""
    return (
        f"FROM {table} r JOIN gpus g ON g.id = r.gpu_id "
        "JOIN marketplaces m ON m.id = r.marketplace_id "
        "WHERE g.name IN ($model) AND m.name IN ($marketplace) AND $__timeFilter(r.at)"
    )


def _totals(columns: str, table: str) -> str:
    """Return a query for means over the time shown, by the first of `columns`."""
    return " ".join(
        (
            "WITH told AS (SELECT r.*, g.name AS model",
            f"FROM {table} r JOIN gpus g ON g.id = r.gpu_id",
            "JOIN marketplaces m ON m.id = r.marketplace_id",
            "WHERE m.name IN ($marketplace) AND $__timeFilter(r.at)),",
            "polled AS (SELECT marketplace_id, at, max(covered_seconds) AS seconds FROM told",
            "GROUP BY 1, 2),",
            "chosen AS (SELECT DISTINCT marketplace_id, gpu_id, model FROM told",
            "WHERE model IN ($model))",
            "SELECT",
            f"{columns}, {_MEANS} FROM chosen JOIN polled p USING (marketplace_id)",
            "LEFT JOIN told r USING (marketplace_id, gpu_id, at) GROUP BY 1",
        )
    )


def _by_day(value: str) -> TimeSeries:
    return TimeSeries(
        sql=f"SELECT r.at AS time, g.name AS metric, {value} AS value {_from('daily_rollups')} "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )


def _prices() -> list[AnyPanel]:
    return [
        _price("Usual best price", "Median, over each day, of the model's best price.", "median"),
        _price("Lowest best price", "The lowest that the model cost on each day.", "low"),
        _price(
            "Highest best price",
            "The highest that the model's best price was on each day: what one pays who cannot "
            "wait.",
            "high",
        ),
        lines(
            Frame(
                title="Usual price of all offers",
                description="Median, over each day, of the prices of all offers with a GPU free.",
                unit=USD,
                decimals=3,
                no_value=_NONE_YET,
            ),
            _by_day("min(r.offers_median) / 1e9"),
        ),
    ]


def _price(title: str, description: str, which: str) -> AnyPanel:
    return lines(
        Frame(title=title, description=description, unit=USD, decimals=3, no_value=_NONE_YET),
        _by_day(f"min(r.best_{which}) / 1e9"),
    )


def _availability() -> list[AnyPanel]:
    return [
        lines(
            Frame(
                title="To be had",
                description="Share of the polled time of each day in which at least one GPU of the "
                "model was free; a day on which none was listed has no point.",
                unit=RATIO,
                no_value=_NONE_YET,
            ),
            _by_day("sum(r.available_seconds) / nullif(sum(r.covered_seconds), 0)"),
        ),
        stack(
            Frame(
                title="GPUs free",
                description="GPUs free on average over the polled time of each day; a day on which "
                "none was listed has no point.",
                unit=COUNT,
                no_value=_NONE_YET,
            ),
            _by_day("sum(r.gpu_seconds / nullif(r.covered_seconds, 0))"),
        ),
        stack(
            Frame(
                title="Hostnodes offering",
                description="Hostnodes with a GPU of the model free, on average over the polled "
                "time of each day.",
                unit=COUNT,
                no_value=_NONE_YET,
            ),
            _by_day("sum(r.hostnode_seconds / nullif(r.covered_seconds, 0))"),
        ),
        lines(
            Frame(
                title="Polled",
                description="Share of each day that was polled; of the rest nothing is known.",
                unit=RATIO,
                no_value=_NONE_YET,
            ),
            TimeSeries(
                sql="SELECT r.at AS time, m.name AS metric, max(r.covered_seconds) / 86400 AS "
                f"value {_from('daily_rollups')} GROUP BY 1, 2 ORDER BY 1, 2"
            ),
        ),
    ]


def _models() -> AnyPanel:
    return grid(
        Frame(
            title="Models",
            description="Over the whole time shown: the lowest best price and when it was, the "
            "mean best price (of the time in which the model could be had), the share of the "
            "polled time in which it could be had, GPUs free on average, and the days on which it "
            "was listed.",
            unit="none",
            width=14,
            height=14,
            no_value=_NONE_YET,
        ),
        (
            Column(field="model", heading="Model"),
            Column(field="lowest", heading="Lowest", unit=USD, decimals=4),
            Column(field="on", heading="On", unit="dateTimeAsIso"),
            Column(field="mean", heading="Mean", unit=USD, decimals=4),
            Column(field="had", heading="To be had", unit=RATIO, decimals=1, steps=_OFTEN),
            Column(field="free", heading="GPUs free", unit=COUNT, decimals=1),
            Column(field="days", heading="Days", unit=COUNT),
        ),
        Rows(
            sql=_totals(
                "chosen.model, min(r.best_low) / 1e9 AS lowest, "
                '(array_agg(r.low_at ORDER BY r.best_low, r.at))[1] AS "on", '
                "count(DISTINCT r.at) AS days",
                "daily_rollups",
            )
        ),
        sort="Model",
    )


def _hours() -> AnyPanel:
    return grid(
        Frame(
            title="Hours of the day (UTC)",
            description="At which hour the chosen models can be had, and for how much: means over "
            "the time shown.",
            unit="none",
            width=10,
            height=14,
            no_value=_NONE_YET,
        ),
        (
            Column(field="hour", heading="Hour", unit=COUNT, width=70),
            Column(field="mean", heading="Best price", unit=USD, decimals=4),
            Column(field="had", heading="To be had", unit=RATIO, decimals=1, steps=_OFTEN),
            Column(field="free", heading="GPUs free", unit=COUNT, decimals=1),
        ),
        Rows(
            sql=_totals("extract(hour FROM p.at AT TIME ZONE 'UTC')::int AS hour", "hourly_rollups")
        ),
        sort="Hour",
    )
