"""Tokens and URLs: whatever goes wrong with them, nothing that is written shows them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.daemon import WAIT_FOR, Site, site, until
from tests.integration.receivers import CLOSE, CUT, Answer, closed_port, http_receiver

pytestmark = pytest.mark.slow

TOKEN = "tok-S3CR3T-m4rketplace-bearer"
USER = "us3r-S3CR3T"
PASSWORD = "p4ss/w0rd S3CR3T"
PATH = "T0KENPATH123S3CR3T"
QUERY = "qu3ryS3CR3Tvalue"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
TOLD_RECEIVERS = (USER, PASSWORD, quote(PASSWORD, safe=""), PATH, QUERY, BASIC)
SECRETS = (TOKEN, *TOLD_RECEIVERS)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def url(port: int, scheme: str = "json", number: int = 0) -> str:
    """Return an address with a secret in each of its parts, another one for each number."""
    password = quote(PASSWORD, safe="")
    return f"{scheme}://{USER}:{password}@127.0.0.1:{port}/{PATH}/{number}?+X-Key={QUERY}"


def leaks(text: str | bytes) -> list[str]:
    """Return the secrets that stand in a text, in clear or with what JSON escapes."""
    raw = text.encode() if isinstance(text, str) else text
    return [secret for secret in SECRETS if secret.encode() in raw]


def database_bytes(place: Site) -> bytes:
    files = sorted(place.folder.glob("monitor.db*"))
    assert files
    return b"".join(file.read_bytes() for file in files)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_shows_a_secret_whatever_fails(place: Site, log_format: str) -> None:
    """The receivers refuse, cut, are down, and echo; the marketplace refuses the token, echoed."""
    echo = json.dumps(TOLD_RECEIVERS).encode()
    refusing = Answer(status=401, body=b"no such token: " + TOKEN.encode())
    place.market.simulation.token = TOKEN
    place.receiver.answers(Answer(status=500, body=echo), CLOSE, CUT)
    with http_receiver(refusing) as stranger:
        base_url = f"http://127.0.0.1:{stranger.port}/{PATH}"
        place.write(
            marketplaces=[
                place.marketplace(token=TOKEN),
                place.marketplace(token=TOKEN, name="stranger", base_url=base_url),
            ],
            receivers=[
                {"name": "failing", "urls": [url(place.receiver.port, number=n) for n in range(3)]},
                {"name": "down", "urls": [url(closed_port()), url(closed_port(), "xml")]},
            ],
            notifications={"notify": ["failing", "down"]},
        )
        with place.daemon("--log-level", "debug", log_format=log_format) as daemon:
            place.receiver.wait_for(3, WAIT_FOR)
            stranger.wait_for(1, WAIT_FOR)
            until(lambda: daemon.output().count("notification refused") >= 3)
            until(lambda: "no such token" in daemon.output())
            assert leaks(daemon.get("/metrics")) == []
            assert daemon.stop() == 0
            assert leaks(daemon.output()) == []
        sent = place.receiver.received()[0]
        assert leaks(sent.path) == [PATH]  # it was used, and is found where it is
        assert leaks(str(sent.headers)) == [QUERY, BASIC]
        assert leaks(database_bytes(place)) == []
        assert leaks(place.ask("notifications", "list", "--json")) == []
        assert leaks(place.ask("alerts", "--json")) == []


def test_the_trace_of_an_unexpected_error_is_logged_without_a_url(place: Site) -> None:
    place.write(receivers=[{"name": "hook", "urls": [url(place.receiver.port)]}])
    with place.running("tests.integration.drivers", "telling-errors", str(place.file)) as daemon:
        (line,) = daemon.wait_for("job failed unexpectedly; please report this", job="deliver")
        assert "RuntimeError: " in line["exception"]
        daemon.wait_for("polled", 2, outcome="ok")
        assert daemon.stop() == 0
    assert leaks(daemon.output()) == []


def test_a_configuration_with_mistakes_is_complained_about_without_its_secrets(
    place: Site,
) -> None:
    """Each secret stands where a mistake is told of, or in its very text."""
    place.write(
        marketplaces=[
            place.marketplace(token=f"{TOKEN} {PASSWORD}"),
            place.marketplace(name="b", token=[TOKEN]),
            place.marketplace(name="c", base_url=f"http://{USER}:x@127.0.0.1/{PATH}"),
        ],
        database={"url": f"mysql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1/{PATH}"},
        receivers=[
            {"name": "a", "urls": [url(9, "nosuch"), f"json://{USER}:{PASSWORD}@:x/{PATH}"]},
            {"name": "b", "urls": {"url": url(9)}},
            {"name": "c", "url": url(9)},
        ],
    )
    with place.running("monitor", "check-config", "-c", str(place.file)) as command:
        assert command.wait() == 2
        complaints = command.output()
    for where in ("marketplaces[0].token", "database.url", "receivers[0].urls[0]"):
        assert f": {where}: " in complaints
    assert leaks(complaints) == []


def test_a_database_that_is_down_is_told_without_its_password(place: Site) -> None:
    password = quote(PASSWORD, safe="")
    address = f"postgresql+psycopg://{USER}:{password}@127.0.0.1:{closed_port()}/prices"
    place.write(database={"url": address})
    with place.daemon("--log-level", "debug") as daemon:
        assert daemon.wait() == 1
        assert "prices on 127.0.0.1" in daemon.output()
        assert leaks(daemon.output()) == []
