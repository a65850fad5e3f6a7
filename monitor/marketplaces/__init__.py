"""Clients of GPU marketplaces, one package each."""
