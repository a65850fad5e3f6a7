"""The HTTP edge: metrics for Prometheus, health and readiness. Reads values in memory only."""
