"""The first tables: history, polls, alerts, the outbox, leases.

Revision: 0001
After: None
"""

import sqlalchemy as sa
from alembic import op

from monitor.store.types import BIG_KEY, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ACTIVE = sa.text("state IN ('pending', 'firing')")
_UNENDED = sa.text("status IN ('queued', 'sending', 'unknown')")
_ENDED = sa.text("status IN ('sent', 'dead')")


def upgrade() -> None:
    """Make all tables."""
    _make_market()
    _make_history()
    _make_alerts()
    _make_outbox()


def _make_market() -> None:
    op.create_table(
        "marketplaces",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("history_token", sa.Text()),
        sa.Column("last_poll_at", UtcDateTime()),
        sa.Column("last_outcome", sa.Text()),
        sa.Column("last_good_at", UtcDateTime()),
        sa.Column("recorded_until", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_marketplaces"),
        sa.UniqueConstraint("name", name="uq_marketplaces_name"),
    )
    op.create_table(
        "gpus",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gpus"),
        sa.UniqueConstraint("name", name="uq_gpus_name"),
    )
    op.create_table(
        "locations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text()),
        sa.Column("city", sa.Text()),
        sa.Column("state", sa.Text()),
        sa.Column("country", sa.Text()),
        sa.Column("organization_id", sa.Text()),
        sa.Column("organization", sa.Text()),
        sa.Column("tier", sa.Integer()),
        sa.Column("network_gbps", sa.Float()),
        sa.Column("network_upload_gbps", sa.Float()),
        sa.Column("network_storage", sa.Boolean()),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name="fk_locations_marketplace_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_locations"),
    )
    op.create_table(
        "hostnodes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.Column("hostnode", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name="fk_hostnodes_marketplace_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_hostnodes"),
        sa.UniqueConstraint(
            "marketplace_id", "hostnode", name="uq_hostnodes_marketplace_id_hostnode"
        ),
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hostnode_id", sa.Integer(), nullable=False),
        sa.Column("gpu_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["gpu_id"], ["gpus.id"], name="fk_offers_gpu_id"),
        sa.ForeignKeyConstraint(["hostnode_id"], ["hostnodes.id"], name="fk_offers_hostnode_id"),
        sa.PrimaryKeyConstraint("id", name="pk_offers"),
        sa.UniqueConstraint("hostnode_id", "gpu_id", name="uq_offers_hostnode_id_gpu_id"),
    )


def _make_history() -> None:
    op.create_table(
        "hostnode_intervals",
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_to", UtcDateTime()),
        sa.Column("per_vcpu", sa.BigInteger()),
        sa.Column("per_gb_ram", sa.BigInteger()),
        sa.Column("per_gb_storage", sa.BigInteger()),
        sa.Column("uptime", sa.Float()),
        sa.Column("hostnode_id", sa.Integer(), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=False),
        sa.Column("vcpu_count", sa.Integer()),
        sa.Column("ram_gb", sa.Integer()),
        sa.Column("storage_gb", sa.Integer()),
        sa.Column("gap", sa.Boolean(), nullable=False),
        sa.Column("engine", sa.Text()),
        sa.ForeignKeyConstraint(
            ["hostnode_id"], ["hostnodes.id"], name="fk_hostnode_intervals_hostnode_id"
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name="fk_hostnode_intervals_location_id"
        ),
        sa.PrimaryKeyConstraint("hostnode_id", "valid_from", name="pk_hostnode_intervals"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "offer_intervals",
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_to", UtcDateTime()),
        sa.Column("price", sa.BigInteger()),
        sa.Column("offer_id", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("gap", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name="fk_offer_intervals_offer_id"),
        sa.PrimaryKeyConstraint("offer_id", "valid_from", name="pk_offer_intervals"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "coverage",
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_to", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name="fk_coverage_marketplace_id"
        ),
        sa.PrimaryKeyConstraint("marketplace_id", "valid_from", name="pk_coverage"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "polls",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("marketplace_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("duration", sa.Float(), nullable=False),
        sa.Column("hostnodes", sa.Integer(), nullable=False),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("issues", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["marketplace_id"], ["marketplaces.id"], name="fk_polls_marketplace_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_polls"),
    )
    op.create_index("ix_polls_at", "polls", ["at"])


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("active_at", UtcDateTime(), nullable=False),
        sa.Column("pending_since", UtcDateTime(), nullable=False),
        sa.Column("firing_at", UtcDateTime()),
        sa.Column("keep_firing_since", UtcDateTime()),
        sa.Column("resolved_at", UtcDateTime()),
        sa.Column("value", sa.BigInteger()),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("best", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    op.create_index("ix_alerts_resolved_at", "alerts", ["resolved_at"])
    op.create_index("ix_alerts_rule_labels", "alerts", ["rule", "labels"])
    op.create_index(
        "uq_alerts_active",
        "alerts",
        ["rule", "labels"],
        unique=True,
        sqlite_where=_ACTIVE,
        postgresql_where=_ACTIVE,
    )
    op.create_table(
        "transitions",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
    )
    op.create_index("ix_transitions_at", "transitions", ["at"])
    op.create_table(
        "alert_groups",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("marketplace", sa.Text(), nullable=False),
        sa.Column("wait_until", UtcDateTime(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("told_at", UtcDateTime()),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "marketplace", name="pk_alert_groups"),
    )


def _make_outbox() -> None:
    op.create_table(
        "destinations",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("destination", name="pk_destinations"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notifications",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("unknown_attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime()),
        sa.Column("sent_at", UtcDateTime()),
        sa.Column("lease_token", sa.Text()),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination"], ["destinations.destination"], name="fk_notifications_destination"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_notifications_ended",
        "notifications",
        ["created_at"],
        sqlite_where=_ENDED,
        postgresql_where=_ENDED,
    )
    op.create_index(
        "ix_notifications_unended",
        "notifications",
        ["destination", "id"],
        sqlite_where=_UNENDED,
        postgresql_where=_UNENDED,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        sqlite_with_rowid=False,
    )
