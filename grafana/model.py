"""The dashboard *Model*: one GPU model in depth, with every hostnode that has it."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import Section, board, country, job, marketplace, marks, one, source
from grafana.frame import (
    BLUE,
    COUNT,
    GREEN,
    GREY,
    NO_HOSTNODES,
    ORANGE,
    PURPLE,
    RATIO,
    RED,
    USD,
    YELLOW,
    AnyPanel,
    Frame,
    ranges,
)
from grafana.panels import Column, bars, grid, lines, number, stack, timeline
from grafana.queries import Course, Now, promql

UPTIME = ((None, RED), (0.98, YELLOW), (0.99, GREEN))
_BEST = "job_marketplace_gpu:gpu_market_price_min_usd_per_hour"
_LOWEST = "min(gpu_market_price_min_usd_per_hour{@model})"
_FREE_OR_NOT = ranges((0, 0, "sold out", RED), (1, None, "to be had", GREEN))


def model() -> Dashboard:
    """Return the dashboard."""
    return board(
        uid="gpu-model",
        title="GPU model",
        description="One GPU model: its price, who has it, and how long it stays. Prices are US "
        "dollars for one GPU and one hour, without CPU, RAM and disk.",
        variables=[
            source("prometheus"),
            job(),
            marketplace(),
            one(
                "model",
                "Model",
                promql("label_values(gpu_market_gpus_available{@marketplace}, gpu)"),
            ),
            country(),
        ],
        annotations=marks(),
        sections=[
            Section(title="$model now", panels=_now()),
            Section(title="Price", panels=_price()),
            Section(title="Availability", panels=_availability()),
            Section(title="Hostnodes", panels=_hostnodes()),
        ],
        since="now-7d",
    )


def _now() -> list[AnyPanel]:
    return [
        _price_now("Best price", "Lowest price of an offer with a GPU free.", _LOWEST),
        _price_now(
            "Median of the offers",
            "Median price of the offers with a GPU free; each counts once.",
            "min(gpu_market_price_median_usd_per_hour{@model})",
        ),
        _price_now(
            "Usual best price, 7 days",
            "Median of the best price over the last 7 days, of the time in which it could be had.",
            f"min({_BEST}:median7d{{@model}})",
        ),
        _price_now(
            "Usual best price, 30 days",
            "Median of the best price over the last 30 days, of the time in which it could be had.",
            f"min({_BEST}:median30d{{@model}})",
        ),
        number(
            Frame(
                title="GPUs free",
                description="GPUs of the model that can be rented now.",
                unit=COUNT,
                width=4,
                height=4,
            ),
            Course(expr="sum(max by (marketplace, gpu) (gpu_market_gpus_available{@model}))"),
            steps=((None, RED), (1, GREEN)),
        ),
        number(
            Frame(
                title="To be had, 7 days",
                description="Share of the last 7 days, as far as Prometheus saw the market, in "
                "which at least one GPU of the model was free.",
                unit=RATIO,
                decimals=1,
                width=4,
                height=4,
            ),
            Course(expr="max(@week)"),
            steps=((None, RED), (0.5, YELLOW), (0.9, GREEN)),
        ),
    ]


def _price_now(title: str, description: str, expr: str) -> AnyPanel:
    return number(
        Frame(
            title=title,
            description=description,
            unit=USD,
            decimals=4,
            width=4,
            height=4,
            no_value="not to be had",
        ),
        Course(expr=expr),
    )


def _price() -> list[AnyPanel]:
    return [
        lines(
            Frame(
                title="Price band",
                description="From the cheapest to the dearest offer with a GPU free, with the "
                "median between them and what the best price usually is.",
                unit=USD,
                decimals=3,
                height=11,
            ),
            Course(expr="max(@had)", legend="dearest"),
            Course(
                expr="min(gpu_market_price_median_usd_per_hour{@model})", legend="median of offers"
            ),
            Course(expr=_LOWEST, legend="best"),
            Course(expr=f"min({_BEST}:median7d{{@model}})", legend="usual best, 7 days"),
            Course(expr=f"min({_BEST}:median30d{{@model}})", legend="usual best, 30 days"),
            colors={
                "dearest": GREY,
                "median of offers": ORANGE,
                "best": GREEN,
                "usual best, 7 days": BLUE,
                "usual best, 30 days": PURPLE,
            },
            band=("dearest", "best"),
        ),
        lines(
            Frame(
                title="Price by hostnode",
                description="Each offer with a GPU free, by the hostnode that has it.",
                unit=USD,
                decimals=3,
                height=11,
                no_value=NO_HOSTNODES,
            ),
            Course(
                expr="min by (hostnode, city, country) (@had)",
                legend="{{city}}, {{country}} {{hostnode}}",
            ),
        ),
    ]


def _availability() -> list[AnyPanel]:
    return [
        timeline(
            Frame(
                title="When it could be had",
                description="On any hostnode: green while a GPU was free, red while the model was "
                "listed and sold out; a gap is time in which it was not listed, or not polled.",
                unit="none",
                width=24,
                height=4,
                no_value="not listed",
            ),
            Course(expr="max by (gpu) (gpu_market_gpus_available{@model})", legend="{{gpu}}"),
            mappings=_FREE_OR_NOT,
        ),
        timeline(
            Frame(
                title="Sessions by hostnode",
                description="Each green stretch is a session: time during which a GPU could be had "
                "there.",
                unit="none",
                width=16,
                height=12,
                no_value=NO_HOSTNODES,
            ),
            Course(
                expr="max by (hostnode, city, country) "
                "(@free * on (marketplace, hostnode) group_left (city, country) @info)",
                legend="{{city}}, {{country}} {{hostnode}}",
            ),
            mappings=_FREE_OR_NOT,
        ),
        stack(
            Frame(
                title="GPUs free by country",
                description="GPUs of the model that could be rented, by where the hostnode stands.",
                unit=COUNT,
                width=8,
                height=12,
                no_value=NO_HOSTNODES,
            ),
            Course(expr="sum by (country) (@freeby)", legend="{{country}}"),
        ),
    ]


def _hostnodes() -> list[AnyPanel]:
    return [
        grid(
            Frame(
                title="All hostnodes",
                description="Every hostnode that lists the model, sold out or not.",
                unit="none",
                width=16,
                height=11,
                no_value=NO_HOSTNODES,
            ),
            (
                Column(field="hostnode", heading="Hostnode", width=330),
                Column(field="Value #A", heading="$ per GPU h", unit=USD, decimals=4),
                Column(
                    field="Value #B",
                    heading="GPUs free",
                    unit=COUNT,
                    steps=((None, RED), (1, GREEN)),
                ),
                Column(field="Value #C", heading="Uptime", unit=RATIO, decimals=2, steps=UPTIME),
                Column(field="country", heading="Country"),
                Column(field="city", heading="City"),
                Column(field="tier", heading="Tier"),
                Column(field="organization", heading="Organization"),
                Column(field="marketplace", heading="Marketplace"),
            ),
            Now(
                expr="@price * on (marketplace, hostnode) "
                "group_left (city, country, tier, organization) @info"
            ),
            Now(expr="@free and on (marketplace, hostnode) @info"),
            Now(
                expr="(@free * 0 + 1) * on (marketplace, hostnode) group_left () "
                "max by (marketplace, hostnode) (gpu_market_hostnode_uptime_ratio{@marketplace}) "
                "and on (marketplace, hostnode) @info"
            ),
            sort="$ per GPU h",
        ),
        bars(
            Frame(
                title="Uptime",
                description="Share of time that the marketplace saw each hostnode up.",
                unit=RATIO,
                decimals=2,
                width=8,
                height=11,
                no_value=NO_HOSTNODES,
            ),
            Now(
                expr="sort(max by (hostnode) "
                "((@free * 0 + 1) * on (marketplace, hostnode) group_left () max by "
                "(marketplace, hostnode) (gpu_market_hostnode_uptime_ratio{@marketplace}) "
                "and on (marketplace, hostnode) @info))",
                legend="{{hostnode}}",
                rows=False,
            ),
            steps=UPTIME,
        ),
    ]
