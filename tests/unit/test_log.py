"""Log lines: their form, which of them there are, and that no secret leaves in one."""

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.config.secret import Redactor
from monitor.log import configure

SECRET = "tok-S3CRET-0123"
URL = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Undo what `configure` does to the whole process."""
    loggers = [logging.getLogger(name) for name in (None, "monitor", "apprise")]
    handlers, levels = loggers[0].handlers[:], [logger.level for logger in loggers]
    yield
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def redactor() -> Redactor:
    return Redactor([SECRET, URL])


def test_a_line_on_a_terminal_is_key_value(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(json=False, level="info", redactor=redactor)
    structlog.get_logger("monitor.cycle").info("poll done", outcome="ok", offers=3, note="a b\nc")
    out, line = capsys.readouterr()
    time, rest = line.split(" ", 1)
    assert out == ""
    assert datetime.fromisoformat(time).utcoffset() is not None
    assert rest == "[info] poll done [monitor.cycle] outcome=ok offers=3 note='a b\\nc'\n"


def test_a_line_of_json_is_one_object(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(json=True, level="info", redactor=redactor)
    structlog.get_logger("monitor.cycle").warning("poll failed", outcome="malformed")
    line = json.loads(capsys.readouterr().err)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() is not None
    assert line == {
        "event": "poll failed",
        "outcome": "malformed",
        "level": "warning",
        "logger": "monitor.cycle",
    }


@pytest.mark.parametrize("as_json", [False, True])
def test_an_exception_comes_with_its_trace(
    redactor: Redactor, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    configure(json=as_json, level="info", redactor=redactor)
    try:
        int("broken")
    except ValueError:
        structlog.get_logger("monitor.cycle").exception("job failed")
    shown = capsys.readouterr().err
    trace = json.loads(shown)["exception"] if as_json else shown
    assert "Traceback (most recent call last):\n" in trace
    assert "ValueError: invalid literal" in trace
    assert "test_log.py" in trace


@pytest.mark.parametrize(
    ("logger", "level", "shown"),
    [
        ("monitor.cycle", logging.INFO, True),
        ("monitor.cycle", logging.DEBUG, False),
        ("httpx", logging.INFO, False),
        ("httpx", logging.WARNING, True),
        ("sqlalchemy.engine", logging.INFO, False),
        ("apscheduler.scheduler", logging.WARNING, True),
        ("uvicorn.error", logging.INFO, False),
        ("uvicorn.error", logging.ERROR, True),
        ("alembic.runtime.migration", logging.INFO, False),
        ("apprise", logging.ERROR, False),
        ("apprise", logging.CRITICAL, False),
    ],
)
def test_libraries_are_heard_from_warnings_on_and_apprise_never(
    redactor: Redactor, capsys: pytest.CaptureFixture[str], logger: str, level: int, *, shown: bool
) -> None:
    configure(json=True, level="info", redactor=redactor)
    logging.getLogger(logger).log(level, "sent %s", "it")
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["event"] for line in lines] == (["sent it"] if shown else [])


def test_debug_is_for_this_program_only(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(json=True, level="debug", redactor=redactor)
    structlog.get_logger("monitor.store").debug("ours")
    logging.getLogger("httpcore.http11").debug("theirs")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["ours"]


class Holder:
    """Something whose `repr` shows a secret."""

    def __repr__(self) -> str:
        return f"Holder({URL})"


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_leaves_in_any_part_of_a_line(
    redactor: Redactor, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    configure(json=as_json, level="info", redactor=redactor)
    log = structlog.get_logger("monitor.x")
    event = f"event {SECRET}"
    log.info(event, value=SECRET, nested={"a": [URL]}, held=Holder(), reversed=SECRET[::-1])
    log.info("bound", **{SECRET: 1})
    logging.getLogger("httpx").warning("POST %s: %s", URL, "4174216298")
    try:
        try:
            raise ValueError(SECRET)  # noqa: TRY301 - a chain of exceptions is wanted
        except ValueError as error:
            raise RuntimeError(f"at {URL}") from error
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("apscheduler").exception("failed")
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) >= 5
    for part in (SECRET, URL, "4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js"):
        assert part not in shown
    assert SECRET[::-1] in shown


def test_a_secret_learnt_on_a_reload_is_redacted_from_then_on(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(json=True, level="info", redactor=redactor)
    redactor.learn(["new-token-456"])
    structlog.get_logger("monitor.x").info("using new-token-456")
    assert json.loads(capsys.readouterr().err)["event"] == "using ***"


def test_a_line_that_cannot_be_formatted_is_not_dumped(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(json=False, level="info", redactor=redactor)
    logging.getLogger("httpx").error("%d tries", SECRET)
    assert capsys.readouterr().err == "a log line of httpx could not be written\n"


def test_configuring_again_replaces_what_was_configured(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    for as_json in (False, True):
        configure(json=as_json, level="info", redactor=redactor)
    structlog.get_logger("monitor.x").info("once")
    assert json.loads(capsys.readouterr().err)["event"] == "once"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(secret=st.text(st.characters(codec="utf-8"), min_size=8, max_size=30), as_json=st.booleans())
def test_whatever_a_secret_is_made_of_it_does_not_leave(
    capsys: pytest.CaptureFixture[str], secret: str, *, as_json: bool
) -> None:
    configure(json=as_json, level="info", redactor=Redactor([secret]))
    error = KeyError(secret)
    structlog.get_logger("monitor.x").info("event", value=secret, nested=[secret], error=error)
    shown = capsys.readouterr().err
    event = str(json.loads(shown)) if as_json else shown
    assert secret not in event.replace("***", "")
