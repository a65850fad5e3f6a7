"""The dashboard *Market*: what can be had, for how much, and whether that is a good price."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import Section, board, country, job, marketplace, marks, several, source
from grafana.frame import (
    BLUE,
    COUNT,
    GREEN,
    NO_HOSTNODES,
    RATIO,
    RED,
    USD,
    YELLOW,
    AnyPanel,
    Frame,
    Steps,
)
from grafana.panels import Column, bars, grid, lines, number, stack
from grafana.queries import Course, Now, promql

AGE_STEPS: Steps = ((None, GREEN), (3, YELLOW), (10, RED))
"""Of an age in poll intervals: after three of them the monitor takes it for an outage."""
AGAINST_USUAL: Steps = ((None, GREEN), (-0.02, BLUE), (0.05, YELLOW), (0.2, RED))
TO_MODEL = "/d/gpu-model/gpu-model?var-model=${__data.fields.Model}&${__url_time_range}"
_BEST = "job_marketplace_gpu:gpu_market_price_min_usd_per_hour"


def market() -> Dashboard:
    """Return the dashboard."""
    return board(
        uid="gpu-market",
        title="GPU market",
        description="What the marketplaces offer now and how that moved: prices are US dollars for "
        "one GPU and one hour, without CPU, RAM and disk.",
        variables=[
            source("prometheus"),
            job(),
            marketplace(),
            several(
                "model",
                "Model",
                promql("label_values(gpu_market_gpus_available{@marketplace}, gpu)"),
            ),
            country(),
        ],
        annotations=marks(),
        sections=[
            Section(title="Now", panels=_now()),
            Section(title="Best offers", panels=[_best_offers()]),
            Section(title="Prices", panels=_prices()),
            Section(title="Availability", panels=_availability()),
            Section(title="By country", panels=_countries()),
        ],
    )


def _now() -> list[AnyPanel]:
    return [
        number(
            Frame(
                title="GPUs free",
                description="GPUs of the chosen models that can be rented now.",
                unit=COUNT,
                width=5,
                height=4,
            ),
            Course(expr="sum(max by (marketplace, gpu) (gpu_market_gpus_available{@model}))"),
        ),
        number(
            Frame(
                title="Models to be had",
                description="GPU models with at least one GPU free.",
                unit=COUNT,
                width=5,
                height=4,
            ),
            Course(expr="count(max by (gpu) (gpu_market_gpus_available{@model}) > 0) or vector(0)"),
            steps=((None, RED), (1, GREEN)),
        ),
        number(
            Frame(
                title="Offers to be had",
                description="Offers with at least one GPU free: one for each model on each "
                "hostnode.",
                unit=COUNT,
                width=5,
                height=4,
            ),
            Course(expr="sum(max by (marketplace, gpu) (gpu_market_hostnodes_offering{@model}))"),
        ),
        number(
            Frame(
                title="Models at a good price",
                description="Models whose best price is at least 5 % below its median of the last "
                "7 days.",
                unit=COUNT,
                width=5,
                height=4,
            ),
            Course(
                expr=f"count(min by (gpu) ({_BEST}:min{{@model}} / {_BEST}:median7d{{@model}}) "
                "<= 0.95) or vector(0)"
            ),
            steps=((None, BLUE), (1, GREEN)),
        ),
        number(
            Frame(
                title="Age of the data in polls",
                description="How many poll intervals ago the last good poll began, of the "
                "marketplace with the oldest; about one at most while all is well. Prices are as "
                "old as this.",
                unit=COUNT,
                decimals=1,
                width=4,
                height=4,
                no_value="no good poll yet",
            ),
            Course(
                expr="max((time() - max by (marketplace) "
                "(gpu_monitor_last_successful_poll_timestamp_seconds{@marketplace} > 0)) / "
                "max by (marketplace) (gpu_monitor_poll_interval_seconds{@marketplace}))"
            ),
            steps=AGE_STEPS,
        ),
    ]


def _best_offers() -> AnyPanel:
    return grid(
        Frame(
            title="Best offers now",
            description="The hundred cheapest offers with a GPU free, where the variables choose. "
            "A model leads to its own dashboard.",
            unit="none",
            width=24,
            height=11,
            no_value=NO_HOSTNODES,
        ),
        (
            Column(field="gpu", heading="Model", link=("All of ${__value.text}", TO_MODEL)),
            Column(field="Value #A", heading="$ per GPU h", unit=USD, decimals=4),
            Column(field="Value #B", heading="GPUs free", unit=COUNT),
            Column(
                field="Value #C",
                heading="Uptime",
                unit=RATIO,
                decimals=2,
                steps=((None, RED), (0.98, YELLOW), (0.99, GREEN)),
            ),
            Column(field="country", heading="Country"),
            Column(field="city", heading="City"),
            Column(field="tier", heading="Tier"),
            Column(field="organization", heading="Organization"),
            Column(field="hostnode", heading="Hostnode", width=330),
            Column(field="marketplace", heading="Marketplace"),
        ),
        Now(expr="bottomk(100, @had)"),
        Now(expr="@free and on (marketplace, hostnode, gpu) bottomk(100, @had)"),
        Now(
            expr="(@free * 0 + 1) * on (marketplace, hostnode) group_left () "
            "max by (marketplace, hostnode) (gpu_market_hostnode_uptime_ratio{@marketplace}) "
            "and on (marketplace, hostnode, gpu) bottomk(100, @had)"
        ),
        sort="$ per GPU h",
    )


def _prices() -> list[AnyPanel]:
    return [
        lines(
            Frame(
                title="Cheapest price per model",
                description="Lowest price among the model's offers with a GPU free; a gap is time "
                "in which it could not be had.",
                unit=USD,
                decimals=3,
                height=11,
            ),
            Course(
                expr="min by (gpu) (gpu_market_price_min_usd_per_hour{@model})", legend="{{gpu}}"
            ),
        ),
        lines(
            Frame(
                title="Best price against its 7-day median",
                description="0 % is the median of the model's best price over the last 7 days; "
                "below is cheaper than usual.",
                unit=RATIO,
                height=11,
            ),
            Course(
                expr=f"min by (gpu) ({_BEST}:min{{@model}} / {_BEST}:median7d{{@model}} - 1)",
                legend="{{gpu}}",
            ),
        ),
        grid(
            Frame(
                title="Is it a good price?",
                description="Each model's best price now, the medians of the last 7 and 30 days "
                "(of the time in which it could be had), and how far the price is from them.",
                unit="none",
                width=24,
                height=11,
            ),
            (
                Column(field="gpu", heading="Model", link=("All of ${__value.text}", TO_MODEL)),
                Column(field="Value #A", heading="Best now", unit=USD, decimals=4),
                Column(field="Value #B", heading="Median 7 d", unit=USD, decimals=4),
                Column(
                    field="Value #C",
                    heading="Against 7 d",
                    unit=RATIO,
                    decimals=1,
                    steps=AGAINST_USUAL,
                ),
                Column(field="Value #D", heading="Median 30 d", unit=USD, decimals=4),
                Column(
                    field="Value #E",
                    heading="Against 30 d",
                    unit=RATIO,
                    decimals=1,
                    steps=AGAINST_USUAL,
                ),
                Column(field="Value #F", heading="To be had, 7 d", unit=RATIO, decimals=1),
                Column(field="Value #G", heading="GPUs free", unit=COUNT),
                Column(field="Value #H", heading="Offers", unit=COUNT),
            ),
            Now(expr="min by (gpu) (gpu_market_price_min_usd_per_hour{@model})"),
            Now(expr=f"min by (gpu) ({_BEST}:median7d{{@model}})"),
            Now(expr=f"min by (gpu) ({_BEST}:min{{@model}} / {_BEST}:median7d{{@model}} - 1)"),
            Now(expr=f"min by (gpu) ({_BEST}:median30d{{@model}})"),
            Now(expr=f"min by (gpu) ({_BEST}:min{{@model}} / {_BEST}:median30d{{@model}} - 1)"),
            Now(expr="max by (gpu) (@week)"),
            Now(
                expr="sum by (gpu) (max by (marketplace, gpu) (gpu_market_gpus_available{@model}))"
            ),
            Now(
                expr="sum by (gpu) "
                "(max by (marketplace, gpu) (gpu_market_hostnodes_offering{@model}))"
            ),
            sort="Against 7 d",
        ),
    ]


def _availability() -> list[AnyPanel]:
    return [
        stack(
            Frame(
                title="GPUs free per model",
                description="GPUs that could be rented, stacked by model.",
                unit=COUNT,
                height=11,
            ),
            Course(
                expr="sum by (gpu) (max by (marketplace, gpu) (gpu_market_gpus_available{@model}))",
                legend="{{gpu}}",
            ),
        ),
        stack(
            Frame(
                title="Hostnodes offering per model",
                description="Hostnodes with at least one GPU of the model free.",
                unit=COUNT,
                height=11,
            ),
            Course(
                expr="sum by (gpu) "
                "(max by (marketplace, gpu) (gpu_market_hostnodes_offering{@model}))",
                legend="{{gpu}}",
            ),
        ),
    ]


def _countries() -> list[AnyPanel]:
    return [
        bars(
            Frame(
                title="GPUs free by country",
                description="GPUs of the chosen models that can be rented, by where the hostnode "
                "stands.",
                unit=COUNT,
                height=10,
                no_value=NO_HOSTNODES,
            ),
            Now(
                expr="sort_desc(sum by (country) (@freeby))",
                legend="{{country}}",
                rows=False,
            ),
        ),
        grid(
            Frame(
                title="Countries",
                description="By country: GPUs and offers to be had, and the cheapest of them.",
                unit="none",
                height=10,
                no_value=NO_HOSTNODES,
            ),
            (
                Column(field="country", heading="Country"),
                Column(field="Value #A", heading="GPUs free", unit=COUNT),
                Column(field="Value #B", heading="Offers", unit=COUNT),
                Column(field="Value #C", heading="Cheapest", unit=USD, decimals=4),
            ),
            Now(expr="sum by (country) (@freeby)"),
            Now(expr="count by (country) (@freeby > 0)"),
            Now(expr="min by (country) (@had)"),
            sort="GPUs free",
            descending=True,
        ),
    ]
