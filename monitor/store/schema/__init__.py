"""The tables, as `docs/store.md` explains them. Each change here needs a migration.

Tables clustered by their key (`sqlite_with_rowid=False`) save SQLite a second copy of it. Wide
columns stand first, so that PostgreSQL needs no padding. Each index names its query.
"""

from monitor.store.schema.alerting import (
    ACTIVE_ALERT,
    ENDED_NOTIFICATION,
    UNENDED_NOTIFICATION,
    alerts,
    destinations,
    notifications,
    transitions,
)
from monitor.store.schema.base import metadata
from monitor.store.schema.coordination import leases
from monitor.store.schema.delivery import notification_failures, paced_sends
from monitor.store.schema.grabs import (
    GRAB_A_PERSON_ENDED,
    NAMED_GRAB,
    UNBOUGHT_GRAB,
    UNENDED_GRAB,
    buying,
    grab_events,
    grab_spending,
    grabbing_rules,
    grabs,
)
from monitor.store.schema.market import (
    coverage,
    gpus,
    hostnode_intervals,
    hostnodes,
    locations,
    marketplaces,
    offer_intervals,
    offers,
    polls,
)
from monitor.store.schema.rollups import (
    daily_rollups,
    hourly_stretches,
    rollup_progress,
    stale_rollups,
)
from monitor.store.schema.telling import alert_groups, digests, silences

__all__ = [
    "ACTIVE_ALERT",
    "ENDED_NOTIFICATION",
    "GRAB_A_PERSON_ENDED",
    "NAMED_GRAB",
    "UNBOUGHT_GRAB",
    "UNENDED_GRAB",
    "UNENDED_NOTIFICATION",
    "alert_groups",
    "alerts",
    "buying",
    "coverage",
    "daily_rollups",
    "destinations",
    "digests",
    "gpus",
    "grab_events",
    "grab_spending",
    "grabbing_rules",
    "grabs",
    "hostnode_intervals",
    "hostnodes",
    "hourly_stretches",
    "leases",
    "locations",
    "marketplaces",
    "metadata",
    "notification_failures",
    "notifications",
    "offer_intervals",
    "offers",
    "paced_sends",
    "polls",
    "rollup_progress",
    "silences",
    "stale_rollups",
    "transitions",
]
