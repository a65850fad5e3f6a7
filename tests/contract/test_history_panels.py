"""The dashboard *GPU history* on a real PostgreSQL: every query of it returns rows."""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import insert

from monitor.store.engine import Database
from monitor.store.migrate import upgrade
from monitor.store.schema import (
    daily_rollups,
    gpus,
    hourly_stretches,
    marketplaces,
    metadata,
    transitions,
)
from tests.contract.conftest import Server
from tests.unit.grafana.boards import Asked, asked, loaded, variables

MODELS = {1: "h100-sxm5-80gb", 2: "l40s-pcie-48gb"}
FIRST = datetime(2025, 10, 1, tzinfo=UTC)
DAYS = 400
DAY = timedelta(days=1)
MACRO = re.compile(r"\$__timeFilter\(([\w.]+)\)")
Row = tuple[object, ...]


def with_values(sql: str, models: Iterable[str] = MODELS.values()) -> str:
    """Return a query as Grafana sends it, with everything chosen."""
    sql = MACRO.sub(rf"\1 BETWEEN '{FIRST.isoformat()}' AND '{FIRST + DAYS * DAY}'", sql)
    sql = sql.replace("$model", ",".join(f"'{name}'" for name in models))
    sql = sql.replace("$marketplace", "'sim'")
    assert "$" not in sql
    return sql


def rollup(at: datetime, gpu: int, seconds: float) -> dict[str, object]:
    """Return a roll-up of which a half was polled, and the model could be had for half of that."""
    price = gpu * 1_000_000_000 + at.day * 1_000_000
    covered = seconds / 2
    best, offers = ("low", "high", "mean", "median"), ("high", "mean", "median")
    prices = [*(f"best_{each}" for each in best), *(f"offers_{each}" for each in offers)]
    return {
        "at": at,
        "low_at": at,
        **dict.fromkeys(prices, price),
        "covered_seconds": covered,
        "available_seconds": covered / 2,
        "offer_seconds": covered,
        "gpu_seconds": 3 * covered,
        "hostnode_seconds": covered,
        "marketplace_id": 1,
        "gpu_id": gpu,
    }


def stretch(day: datetime, gpu: int) -> dict[str, object]:
    """Return the hours of a day, all of which came to the same."""
    hour = rollup(day, gpu, 3600)
    columns = {column.name for column in hourly_stretches.c} & hour.keys()
    return {
        **{name: hour[name] for name in columns},
        "gpu_seconds": str([hour["gpu_seconds"]] * 24),
        "rest": b"",
    }


@pytest.fixture(scope="module")
def connection(postgresql: Server) -> Iterator[psycopg.Connection[Row]]:
    """Connect to a database in which two models were watched for more than a year."""
    url = postgresql.create()
    with closing(Database.open(url)) as database:
        upgrade(database)
        with database.transaction() as write:
            assert metadata.tables.keys() >= {"daily_rollups", "hourly_stretches"}
            write.execute(insert(marketplaces), [{"id": 1, "name": "sim", "version": 0}])
            write.execute(insert(gpus), [{"id": n, "name": name} for n, name in MODELS.items()])
            days = [rollup(FIRST + n * DAY, gpu, 86400) for n in range(DAYS) for gpu in MODELS]
            write.execute(insert(daily_rollups), days)
            hours = [stretch(FIRST + n * DAY, gpu) for n in range(14) for gpu in MODELS]
            write.execute(insert(hourly_stretches), hours)
            change = {"rule": "cheap", "labels": "{}", "before": "pending", "after": "firing"}
            write.execute(insert(transitions), [{**change, "at": FIRST + DAY, "reason": "held"}])
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as opened:
        yield opened


def columns(cursor: psycopg.Cursor[Row]) -> list[str]:
    return [each.name for each in cursor.description or ()]


@pytest.mark.parametrize("one", asked(sql=True), ids=lambda one: one.where)
def test_every_query_of_every_panel_returns_rows(
    connection: psycopg.Connection[Row], one: Asked
) -> None:
    cursor = connection.execute(with_values(one.target["rawSql"]).encode())
    rows = cursor.fetchall()
    assert rows
    assert all(value is not None for row in rows for value in row)
    if one.target["format"] == "time_series":
        assert columns(cursor) == ["time", "metric", "value"]
        assert len(rows) in {DAYS, DAYS * len(MODELS)}
    else:
        organize = one.panel["transformations"][-1]["options"]
        assert set(columns(cursor)) == set(organize["renameByName"])


def total(
    connection: psycopg.Connection[Row], title: str, models: Iterable[str] = MODELS.values()
) -> dict[object, dict[str, object]]:
    """Return the rows of a table's panel by their first column."""
    (one,) = [each for each in asked(sql=True) if each.panel["title"] == title]
    cursor = connection.execute(with_values(one.target["rawSql"], models).encode())
    names = columns(cursor)
    return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def test_the_totals_of_a_model_are_weighted_by_time(
    connection: psycopg.Connection[Row],
) -> None:
    found = total(connection, "Models")["l40s-pcie-48gb"]
    assert found["had"] == 0.5
    assert found["free"] == 3
    assert found["days"] == DAYS
    assert (float(str(found["lowest"])), found["on"]) == (2.001, FIRST)


@pytest.mark.parametrize(("title", "row"), [("Models", "rare"), ("Hours of the day (UTC)", 3)])
def test_a_model_that_is_seldom_listed_is_seldom_to_be_had(
    connection: psycopg.Connection[Row], title: str, row: object
) -> None:
    """It is listed on one day, at one hour, of as many as others are, and could be had for half."""
    with connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO gpus (id, name) VALUES (3, 'rare')")
        for table, keep in (("daily_rollups", ""), ("hourly_stretches", ", gpu_seconds = '[1]'")):
            connection.execute(
                f"CREATE TEMP TABLE one AS SELECT * FROM {table} "  # noqa: S608  names from above
                f"WHERE gpu_id = 1 AND at = '{FIRST.isoformat()}'; "
                f"UPDATE one SET gpu_id = 3, at = at + interval '3 hours' * {bool(keep):d}{keep}; "
                f"INSERT INTO {table} SELECT * FROM one; DROP TABLE one".encode()
            )
        found = total(connection, title, models=["rare"])[row]
    assert found["had"] == pytest.approx(0.5 / (DAYS if title == "Models" else 14))


def test_every_hour_of_the_day_has_its_row(connection: psycopg.Connection[Row]) -> None:
    assert sorted(map(int, map(str, total(connection, "Hours of the day (UTC)")))) == [*range(24)]


def test_every_variable_and_annotation_returns_rows(connection: psycopg.Connection[Row]) -> None:
    queries = [v["query"] for v in variables("gpu-history").values() if v["type"] == "query"]
    marks = loaded("gpu-history")["annotations"]["list"]
    queries += [mark["target"]["rawSql"] for mark in marks]
    assert len(queries) == 3
    for sql in queries:
        assert connection.execute(with_values(sql).encode()).fetchall()
