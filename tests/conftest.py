"""The order of the tests, and what of them goes by a machine's speed.

The files that take longest begin first, so that none is waited for at the end; those that mostly
wait come before all others, and beside them those that measure.
"""

import pytest
from hypothesis import HealthCheck, settings

LONGEST = (
    *("test_daemon_killed_often.py", "test_cli_demo.py", "test_buying_stopped.py"),
    *("test_bench.py", "test_survival.py"),
    *("test_cli_imports.py", "test_web_scale.py", "test_firings.py", "test_purchase_kills.py"),
    *("test_daemon_crashes.py", "test_daemon_buying.py", "test_daemon_alertmanager.py"),
)

# On a busy machine any example can take long: what must be fast is measured by the benches.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, then those in which something is slow, each as it is."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (_place(item), item.path not in slow))


def _place(item: pytest.Item) -> int:
    return LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST)
