"""The database: history, alert states, the outbox and leases, on SQLite or PostgreSQL."""
