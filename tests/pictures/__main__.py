"""`make pictures`: draw the dashboards, and write the page of panels with what each answered.

A real Prometheus is given a month of a simulated market, and asked the panels' own queries.
"""

import sys
import tempfile
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from monitor.clock import utc_now
from tests.integration.prometheus import CHOSEN, Prometheus, prometheus
from tests.pictures import page, past
from tests.pictures.answers import Answered, Json, ask
from tests.pictures.draw import draw
from tests.unit.grafana.boards import FOLDER, ROOT, UIDS, loaded, of_prometheus

PICTURES = ROOT / "docs" / "pictures"
PAGE = FOLDER / "PANELS.md"
OVER = {"gpu-market": timedelta(days=7), "gpu-model": timedelta(days=7)}
MODEL = "h100-sxm5-80gb"
LOOKBACK = 2 * past.STEP + timedelta(minutes=1)
Drawn = list[tuple[Json, Answered | None]]


def main() -> None:
    """Make everything anew."""
    with tempfile.TemporaryDirectory() as name:
        answers = _answers(Path(name))
    PICTURES.mkdir(exist_ok=True)
    for uid, drawn in answers.items():
        draw(loaded(uid)["title"], drawn, PICTURES / f"{uid}.png")
    PAGE.write_text(page.panels(answers), encoding="utf-8")


def _answers(folder: Path) -> dict[str, Drawn]:
    tsdb, now = folder / "tsdb", utc_now()
    samples = past.write_past(folder / "past.om", until=now)
    _say(f"{samples} samples; packing them …")
    past.pack(folder / "past.om", tsdb)
    taken = sum(file.stat().st_size for file in tsdb.rglob("*") if file.is_file())
    _say(f"{taken / samples:.2f} bytes a sample; evaluating the recording rules …")
    for group, since in (("gpu-market", past.LASTS), ("gpu-market-medians", timedelta(days=8))):
        with _running(folder) as prom:
            past.evaluate_rules(prom.url, tsdb, group=group, since=now - since, until=now)
    _say("asking …")
    with _running(folder) as prom:
        prom.wait_for("job_marketplace_gpu:gpu_market_price_min_usd_per_hour:median30d", 60)
        return {uid: list(_asked(prom, uid)) for uid in UIDS if of_prometheus(uid)}


def _running(folder: Path) -> AbstractContextManager[Prometheus]:
    lookback = f"--query.lookback-delta={LOOKBACK // timedelta(minutes=1)}m"
    return prometheus(folder, every="10s", options=[lookback, "--query.max-samples=200000000"])


def _asked(prom: Prometheus, uid: str) -> Drawn:
    chosen = {**CHOSEN, "__rate_interval": "40m"}
    if uid == "gpu-model":
        chosen["model"] = MODEL
    over = OVER.get(uid, timedelta(days=5))
    return [
        (
            {**panel, "title": panel["title"].replace("$model", MODEL)},
            None
            if panel["type"] == "row"
            else ask(prom, panel, chosen, over=over, step=2 * past.STEP),
        )
        for panel in loaded(uid)["panels"]
    ]


def _say(what: str) -> None:
    print(what, file=sys.stderr)  # noqa: T201  a program of the terminal


if __name__ == "__main__":
    main()
