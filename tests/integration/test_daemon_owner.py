"""One daemon for a SQLite file and for an address; another one says so and ends."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemon import Daemon, Site, site

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def refusal(daemon: Daemon) -> str:
    """Return the one line with which a daemon ends that cannot begin."""
    assert daemon.wait() == 1
    assert daemon.output().count("\n") == 1, daemon.output()
    return daemon.output()


def test_a_second_daemon_on_the_same_file_refuses_and_names_the_first(place: Site) -> None:
    """After a kill -9 of the first there is nothing to clean up."""
    with place.daemon() as first:
        first.wait_for("polled")
        with place.daemon() as second:
            line = refusal(second)
        assert line.startswith("gpu-monitor: the database ")
        assert f"the pid {first.pid}:" in line
        first.kill()
    with place.daemon() as third:
        third.wait_for("polled", outcome="ok")
        assert third.stop() == 0


def test_a_port_that_is_taken_is_told_in_one_line(place: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        place.write(server={"listen": f"127.0.0.1:{port}"})
        with place.daemon() as daemon:
            line = refusal(daemon)
    assert line.startswith(f"gpu-monitor: cannot listen on 127.0.0.1:{port}: ")
    assert place.market.requests.total == 0
