"""The thread that stands by: it runs one thing at a time, and is waited for only so long."""

import threading

from monitor.provision.standby import Standby

SOON = 10.0


def test_what_it_runs_is_waited_for() -> None:
    standby = Standby("ahead")
    ran: list[str] = []
    for what in ("one", "other"):
        assert standby.run(lambda what=what: ran.append(what), patience=SOON)  # type: ignore[misc]  # mypy cannot type the bound text
    assert ran == ["one", "other"]


def test_while_something_is_run_nothing_else_is() -> None:
    """Nor is what takes longer waited for to its end."""
    standby = Standby("ahead")
    release, ended = threading.Event(), threading.Event()

    def hang() -> None:
        release.wait(SOON)
        ended.set()

    assert standby.run(hang, patience=0)
    assert not standby.run(hang, patience=SOON)
    assert not ended.is_set()
    release.set()
    assert ended.wait(SOON)
