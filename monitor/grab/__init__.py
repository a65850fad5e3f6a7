"""Buying, decided: what to buy or why not, and what became of what was bought. Pure."""
