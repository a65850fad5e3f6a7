"""All dashboards, by their uid."""

import json
from collections.abc import Callable, Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.history import history
from grafana.market import market
from grafana.model import model
from grafana.monitor import monitor

ALL: Mapping[str, Callable[[], Dashboard]] = {
    "gpu-market": market,
    "gpu-model": model,
    "gpu-monitor": monitor,
    "gpu-history": history,
}


def document(uid: str) -> str:
    """Return the JSON of a dashboard, as Grafana reads it from a file."""
    made = json.dumps(ALL[uid](), cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True)
    return f"{made}\n"
