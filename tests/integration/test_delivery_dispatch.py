"""The whole of delivery: the outbox in SQLite, Apprise, and receivers that behave as they do."""

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.alerting.notice import NotifyReason
from monitor.alerting.outbox import Draft, NotificationStatus
from monitor.delivery.apprise import AppriseSender
from monitor.delivery.destination import destinations
from monitor.delivery.dispatch import Dispatcher
from monitor.delivery.drain import DrainReport
from monitor.store import outbox
from monitor.store.dispatch import Outbox
from monitor.store.engine import Database
from monitor.store.migrate import upgrade
from monitor.store.outbox import Notification
from tests.integration.receivers import HANG, Answer, HttpReceiver, http_receiver, smtp_receiver

NOW = datetime(2026, 3, 4, tzinfo=UTC)
HTTP = "json://127.0.0.1:{port}/hook?rto=0.3&cto=0.3"
SMTP = "mailto://127.0.0.1:{port}/?from=gpu@example.org&to=you@example.org&mode=insecure"


class Station:
    """An outbox and a dispatcher over one database file."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self.database = Database.open(self.url)
        upgrade(self.database)
        self.urls: dict[str, str] = {}
        self.stop = threading.Event()

    def queue(self, url: str, *titles: str) -> None:
        """Queue titles to a receiver of their own."""
        receiver = f"receiver-{len(self.urls)}"
        self.urls[receiver] = url
        (destination,) = destinations(receiver, [url])
        drafts = [
            Draft(
                receiver=receiver,
                destination=destination.key,
                reason=NotifyReason.FIRST,
                rule=None,
                title=title,
                body="body",
            )
            for title in titles
        ]
        with self.database.transaction() as connection:
            outbox.enqueue(connection, drafts, NOW)

    def drain(self, *, after: timedelta = timedelta(0)) -> DrainReport:
        known = [where for name, url in self.urls.items() for where in destinations(name, [url])]
        dispatcher = Dispatcher(
            outbox=Outbox(self.database),
            sender=AppriseSender(),
            destinations={where.key: where for where in known},
            now=lambda: NOW + after,
            jitter=lambda: 1.0,
            on_outcome=lambda _receiver, _outcome: None,
        )
        return dispatcher.drain(self.stop)

    def notifications(self) -> list[Notification]:
        """Return all notifications, oldest first."""
        with self.database.read() as connection:
            return outbox.listed(connection, limit=1_000)[::-1]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path / "monitor.db")
    yield made
    made.database.close()


def titles(receiver: HttpReceiver) -> list[str]:
    return [str(request.json()["title"]) for request in receiver.received()]


def test_notifications_reach_chat_and_mail_in_order(station: Station) -> None:
    with http_receiver() as chat, smtp_receiver() as post:
        station.queue(HTTP.format(port=chat.port), "1", "2", "3")
        station.queue(SMTP.format(port=post.port), "by mail")
        assert station.drain() == DrainReport(sent=4)
        assert titles(chat) == ["1", "2", "3"]
        assert b"Subject: by mail" in post.received()[0].data
    assert {n.status for n in station.notifications()} == {NotificationStatus.SENT}


def test_a_time_out_is_recorded_as_unknown_and_sent_again(station: Station) -> None:
    with http_receiver(HANG, Answer()) as chat:
        station.queue(HTTP.format(port=chat.port), "1")
        assert station.drain() == DrainReport(unknown=1)
        (waiting,) = station.notifications()
        assert (waiting.status, waiting.attempts) == (NotificationStatus.UNKNOWN, 1)
        assert station.drain(after=timedelta(seconds=5)) == DrainReport(sent=1)
        assert titles(chat) == ["1", "1"]
    (sent,) = station.notifications()
    assert (sent.status, sent.attempts, sent.unknown_attempts) == (NotificationStatus.SENT, 2, 1)


def test_a_receiver_that_fails_gets_what_it_missed_in_order_when_it_is_back(
    station: Station,
) -> None:
    throttled = Answer(status=429, headers={"Retry-After": "60"})
    with http_receiver(Answer(status=500), throttled, Answer()) as chat:
        station.queue(HTTP.format(port=chat.port), "1", "2")
        assert station.drain() == DrainReport(refused=1, released=1)
        assert "answered 500" in station.notifications()[0].error
        assert station.drain(after=timedelta(seconds=5)) == DrainReport(refused=1, released=1)
        assert station.drain(after=timedelta(seconds=64)) == DrainReport()
        assert station.drain(after=timedelta(seconds=65)) == DrainReport(sent=2)
        assert titles(chat) == ["1", "1", "1", "2"]


def test_a_hanging_receiver_does_not_delay_a_quick_one(station: Station) -> None:
    with http_receiver(HANG) as hanging, http_receiver() as quick, ThreadPoolExecutor() as pool:
        station.queue(f"json://127.0.0.1:{hanging.port}/", "stuck")
        station.queue(HTTP.format(port=quick.port), *"123456789")
        draining = pool.submit(station.drain)
        quick.wait_for(9)
        assert not draining.done()
        hanging.disconnect()
        assert draining.result(10) == DrainReport(sent=9, unknown=1)


def test_stopping_finishes_what_is_being_sent_and_leaves_nothing_claimed(
    station: Station,
) -> None:
    with http_receiver(Answer(delay=0.2)) as chat, ThreadPoolExecutor() as pool:
        station.queue(HTTP.format(port=chat.port), "1", "2")
        draining = pool.submit(station.drain)
        chat.wait_for(1)
        station.stop.set()
        assert draining.result(10) == DrainReport(sent=1, released=1)
        assert titles(chat) == ["1"]
    statuses = [n.status for n in station.notifications()]
    assert statuses == [NotificationStatus.SENT, NotificationStatus.QUEUED]


CRASH = """
    import os, sys, threading
    from datetime import datetime
    from monitor.delivery.apprise import AppriseSender
    from monitor.delivery.destination import destinations
    from monitor.delivery.dispatch import Dispatcher
    from monitor.store.dispatch import Outbox
    from monitor.store.engine import Database

    database, url, now, when = sys.argv[1:]

    class DyingSender(AppriseSender):
        def send(self, destination, title, body, form):
            if when == "after sending":
                super().send(destination, title, body, form)
            os.kill(os.getpid(), 9)

    Dispatcher(
        outbox=Outbox(Database.open(database)),
        sender=DyingSender(),
        destinations={where.key: where for where in destinations("chat", [url])},
        now=lambda: datetime.fromisoformat(now),
        jitter=lambda: 1.0,
        on_outcome=lambda receiver, outcome: None,
    ).drain(threading.Event())
"""


@pytest.mark.parametrize(("when", "arrivals"), [("before sending", 1), ("after sending", 2)])
def test_a_process_that_is_killed_loses_no_notification(
    station: Station, when: str, arrivals: int
) -> None:
    with http_receiver() as chat:
        url = HTTP.format(port=chat.port)
        station.queue(url, "1")
        died = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(CRASH), station.url, url, NOW.isoformat(), when],
            check=False,
            timeout=30,
        )
        assert died.returncode == -signal.SIGKILL
        assert station.notifications()[0].status is NotificationStatus.SENDING
        assert station.drain(after=timedelta(seconds=59)) == DrainReport()
        assert station.drain(after=timedelta(seconds=60)) == DrainReport(sent=1)
        assert len(chat.received()) == arrivals
    (sent,) = station.notifications()
    assert (sent.status, sent.attempts, sent.unknown_attempts) == (NotificationStatus.SENT, 2, 1)


SECRETS = ("s3cr3t-user", "pa55-w0rd", "p4th-T0KEN", "qu3ry-T0KEN")


@pytest.mark.parametrize("behaviour", [Answer(status=500, body=" ".join(SECRETS).encode()), HANG])
def test_no_part_of_a_url_is_in_the_database_or_the_log(
    station: Station, behaviour: Answer, tmp_path: Path
) -> None:
    user, password, path, query = SECRETS
    with http_receiver(behaviour) as chat, capture_logs() as lines:
        where = f"{user}:{password}@127.0.0.1:{chat.port}/{path}"
        station.queue(f"json://{where}?-key={query}&rto=0.3", "1")
        station.drain()
        assert query in chat.received()[0].path
    station.database.close()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir()) + str(lines).encode()
    assert b"json#" in written
    assert not [secret for secret in SECRETS if secret.encode() in written]
