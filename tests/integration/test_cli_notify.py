"""`notifications` and `notify test`, against real receivers and dead ones."""

from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from monitor.cli import sending
from monitor.clock import utc_now
from monitor.config.load import load
from monitor.delivery.apprise import AppriseSender
from monitor.delivery.dispatch import Dispatcher
from monitor.setup import set_up
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from tests.integration.commands import Commands, configure
from tests.integration.receivers import Answer, closed_port, http_receiver

NO_RULES = "rules: []\n"
KEYS = {
    "id",
    "receiver",
    "destination",
    "status",
    "attempts",
    "created_at",
    "sent_at",
    "reason",
    "title",
}
MARKET = "http://127.0.0.1:1/api/v2"


def deliver(config: Path) -> None:
    """Deliver what is queued, as the daemon does."""
    setup = set_up(load(config, {}))
    with closing(setup), closing(Database.open(setup.config.database.url.reveal())) as database:
        Dispatcher(
            outbox=Outbox(database),
            sender=AppriseSender(),
            destinations=setup.destinations,
            now=utc_now,
            jitter=lambda: 0.5,
            on_outcome=lambda *_: None,
        ).drain(Event())


def test_a_test_reaches_every_url_of_a_receiver(gpu_monitor: Commands, tmp_path: Path) -> None:
    with http_receiver() as one, http_receiver() as two:
        urls = (f"json://127.0.0.1:{each.port}/s3cret-path" for each in (one, two))
        config = configure(tmp_path, MARKET, *urls, rules=NO_RULES)
        ran = gpu_monitor("notify", "test", "chat", "-c", config)
        assert (ran.status, ran.out) == (0, "")
        for receiver in (one, two):
            (request,) = receiver.received()
            assert request.json()["title"] == "test: gpu-monitor reaches chat"
            assert request.path == "/s3cret-path"
    assert ran.err.count(": sent\n") == 2
    assert "s3cret" not in ran.err


def test_a_test_in_json_is_as_the_list_shows_it(gpu_monitor: Commands, tmp_path: Path) -> None:
    with http_receiver() as receiver:
        url = f"json://127.0.0.1:{receiver.port}/s3cret-path"
        config = configure(tmp_path, MARKET, url, rules=NO_RULES)
        tested = gpu_monitor("notify", "test", "chat", "-c", config, "--json").json()
    listed = gpu_monitor("notifications", "list", "-c", config, "--json")
    assert listed.json() == tested
    (sent,) = tested
    assert sent.keys() >= KEYS
    assert (sent["receiver"], sent["status"], sent["attempts"]) == ("chat", "sent", 1)
    assert (sent["reason"], sent["title"]) == ("test", "test: gpu-monitor reaches chat")
    assert sent["destination"].startswith("json#")
    assert sent["sent_at"].endswith("Z")
    assert "s3cret" not in listed.out


def test_a_dead_receiver_fails_the_test_and_stays_queued(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    url = f"json://127.0.0.1:{closed_port()}/s3cret-path"
    config = configure(tmp_path, MARKET, url, rules=NO_RULES)
    ran = gpu_monitor("notify", "test", "chat", "-c", config, "--json")
    assert ran.status == 1
    (found,) = ran.json()
    assert (found["status"], found["attempts"], found["sent_at"]) == ("queued", 1, None)
    assert found["error"] == "the connection was refused"
    assert ": queued: the connection was refused\n" in ran.err
    assert "s3cret" not in ran.out + ran.err


def test_a_test_behind_one_that_waits_says_so(
    gpu_monitor: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_PATIENCE", 0.1)
    url = f"json://127.0.0.1:{closed_port()}/"
    config = configure(tmp_path, MARKET, url, rules=NO_RULES)
    gpu_monitor("notify", "test", "chat", "-c", config)
    ran = gpu_monitor("notify", "test", "chat", "-c", config)
    assert ran.status == 1
    assert ": queued: it waits behind an earlier one" in ran.err


def test_a_receiver_that_says_no_fails_the_test(gpu_monitor: Commands, tmp_path: Path) -> None:
    with http_receiver(Answer(status=500)) as receiver:
        url = f"json://127.0.0.1:{receiver.port}/"
        config = configure(tmp_path, MARKET, url, rules=NO_RULES)
        ran = gpu_monitor("notify", "test", "chat", "-c", config)
    assert ran.status == 1
    assert "500" in ran.err


def test_an_unknown_receiver_is_a_wrong_command(gpu_monitor: Commands, tmp_path: Path) -> None:
    config = configure(tmp_path, MARKET, "json://127.0.0.1:9/", rules=NO_RULES)
    ran = gpu_monitor("notify", "test", "chta", "-c", config)
    assert (ran.status, ran.out) == (2, "")
    assert "no receiver is named chta; there are: chat" in ran.err


def test_what_a_poll_queued_is_listed_until_it_is_sent(gpu_monitor: Commands, config: Path) -> None:
    gpu_monitor("poll", "-c", config)
    (found,) = gpu_monitor("notifications", "list", "-c", config, "--json").json()
    assert found.keys() >= KEYS
    assert (found["status"], found["attempts"], found["reason"]) == ("queued", 0, "first")
    assert found["title"].startswith("cheap-3090: geforcertx3090-pcie-24gb from 0.19 $/h per GPU")
    header, row = gpu_monitor("notifications", "list", "-c", config).out.splitlines()
    assert header.split() == [
        *("id", "receiver", "destination", "status", "tries", "created", "title"),
    ]
    assert row.split()[:2] == ["1", "chat"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--status", "queued"), 1),
        (("--status", "dead"), 0),
        (("--receiver", "chat"), 1),
        (("--receiver", "mail"), 0),
    ],
)
def test_the_list_can_be_narrowed(
    gpu_monitor: Commands, config: Path, options: tuple[str, ...], found: int
) -> None:
    gpu_monitor("poll", "-c", config)
    listed = gpu_monitor("notifications", "list", "-c", config, *options, "--json")
    assert len(listed.json()) == found


def test_an_empty_list_is_an_empty_list(gpu_monitor: Commands, tmp_path: Path) -> None:
    config = configure(tmp_path, MARKET, "json://127.0.0.1:9/", rules=NO_RULES)
    gpu_monitor("db", "upgrade", "-c", config)
    ran = gpu_monitor("notifications", "list", "-c", config, "--json")
    assert (ran.json(), ran.err) == ([], "")
    ran = gpu_monitor("notifications", "list", "-c", config)
    assert (ran.status, ran.out, ran.err) == (0, "", "no notifications\n")


def test_what_was_sent_can_be_sent_again(gpu_monitor: Commands, tmp_path: Path) -> None:
    with http_receiver() as receiver:
        url = f"json://127.0.0.1:{receiver.port}/"
        config = configure(tmp_path, MARKET, url, rules=NO_RULES)
        (sent,) = gpu_monitor("notify", "test", "chat", "-c", config, "--json").json()
        ran = gpu_monitor("notifications", "resend", str(sent["id"]), "-c", config)
        assert (ran.status, ran.out) == (0, "")
        assert ran.err == f"notification {sent['id']} is queued again\n"
        deliver(config)
        first, again = receiver.received()
    assert first.json() == again.json()
    (found,) = gpu_monitor("notifications", "list", "-c", config, "--json").json()
    assert (found["id"], found["status"], found["attempts"]) == (sent["id"], "sent", 1)


def test_what_waits_or_is_not_there_cannot_be_sent_again(
    gpu_monitor: Commands, config: Path
) -> None:
    gpu_monitor("poll", "-c", config)
    for notification in ("1", "99"):
        ran = gpu_monitor("notifications", "resend", notification, "-c", config)
        assert (ran.status, ran.out) == (1, "")
        assert f"there is no notification {notification} to send again" in ran.err


def test_a_notification_is_shown_with_its_text_and_every_failure(
    gpu_monitor: Commands, tmp_path: Path
) -> None:
    with http_receiver(Answer(status=500, body=b"out of order"), Answer()) as receiver:
        config = configure(tmp_path, "http://127.0.0.1:9", f"json://127.0.0.1:{receiver.port}/")
        assert gpu_monitor("notify", "test", "chat", "-c", config).status == 1
        shown = gpu_monitor("notifications", "show", "1", "-c", config)
        assert shown.status == 0
        assert shown.out.startswith("test: gpu-monitor reaches chat\n\nSent on request at ")
        assert (
            "attempt 1: the receiver answered 500 Internal Server Error out of order" in shown.out
        )
        assert "is tried again" in shown.out
        found = gpu_monitor("notifications", "show", "1", "-c", config, "--json").json()
        assert (found["attempts"], found["failures"][0]["status"]) == (1, "queued")
    nothing = gpu_monitor("notifications", "show", "99", "-c", config)
    assert (nothing.status, nothing.out) == (1, "")
    assert "there is no notification 99" in nothing.err
