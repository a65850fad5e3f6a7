"""Timed claims on a name."""

from sqlalchemy import Column, Table, Text

from monitor.store.schema.base import metadata
from monitor.store.types import UtcDateTime

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
