"""Buying, done: what was decided is checked again, sent once, and followed until it is gone."""
