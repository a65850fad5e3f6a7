"""Delivery: from the outbox to receivers, at least once."""
