"""A marketplace to try things against: the documented API over HTTP, with its oddities as faults.

Nothing here is real and nothing costs money. What it imitates is written in docs/simulator.md.
"""
