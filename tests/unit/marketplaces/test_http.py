"""Sending: what is sent again and when, what is cut short, what never gets out."""

import gzip
from datetime import timedelta

import httpx
import pytest

from monitor.errors import MalformedError, MarketError, ThrottledError, UnreachableError
from monitor.marketplaces.tensordock.http import ATTEMPTS, Http, retry_after
from tests.unit.marketplaces.wires import BASE_URL, TOKEN, CutOff, Endless, Slow, Wire

OK = httpx.Response(200, content=b"fine")
DOWN = httpx.Response(503, content=b"down")
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def throttled(**headers: str) -> httpx.Response:
    return httpx.Response(429, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_a_read_carries_the_token_and_says_who_asks() -> None:
    wire = Wire([OK])
    assert wire.http().get("/hostnodes") == b"fine"
    (request,) = wire.requests
    assert str(request.url) == f"{BASE_URL}/hostnodes"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["User-Agent"] == "gpu-monitor/1.2.3"


def test_the_token_is_asked_for_anew_on_every_call() -> None:
    wire = Wire([OK])
    tokens = iter(["first-token\n", "second-token"])
    http = wire.http(lambda: next(tokens))
    http.get("/a")
    http.get("/b")
    sent = [request.headers["Authorization"] for request in wire.requests]
    assert sent == ["Bearer first-token", "Bearer second-token"]


@pytest.mark.parametrize(
    "failure",
    [
        DOWN,
        httpx.Response(500),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed"),
        httpx.ConnectTimeout("slow"),
        throttled(),
        lambda _: httpx.Response(200, stream=CutOff()),
    ],
)
def test_a_failure_that_may_pass_is_tried_again(failure: httpx.Response | Exception) -> None:
    wire = Wire([failure, failure, OK])
    assert wire.http().get("/hostnodes") == b"fine"
    assert [request.method for request in wire.requests] == ["GET"] * 3
    assert wire.pauses == [0.25, 0.5]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 204, 201])
def test_an_answer_that_will_not_change_is_not_asked_for_again(status: int) -> None:
    wire = Wire([httpx.Response(status)])
    with pytest.raises(MarketError):
        wire.http().get("/hostnodes")
    assert len(wire.requests) == 1


def test_attempts_are_bounded_and_pauses_grow() -> None:
    wire = Wire([DOWN])
    with pytest.raises(UnreachableError, match="503 Service Unavailable: down"):
        wire.http().get("/hostnodes")
    assert len(wire.requests) == ATTEMPTS
    assert wire.pauses == [0.25, 0.5, 1.0]


def test_nothing_is_tried_again_that_would_begin_after_the_time_is_up() -> None:
    wire = Wire([])

    def slowly(_: httpx.Request) -> httpx.Response:
        wire.seconds += 9.9
        return DOWN

    wire.replies.append(slowly)
    with pytest.raises(UnreachableError):
        wire.http().get("/hostnodes")
    assert len(wire.requests) == 2


def test_nothing_is_tried_again_in_less_time_than_an_answer_takes() -> None:
    """What is told is why the last real try failed, not that no time was left for another."""
    wire = Wire([])

    def late(_: httpx.Request) -> httpx.Response:
        wire.seconds += 0.95
        return throttled(retry_after="19")

    wire.replies.append(late)
    with pytest.raises(ThrottledError):
        wire.http().get("/hostnodes")
    assert len(wire.requests) == 1


def test_each_attempt_may_use_the_time_that_is_left() -> None:
    wire = Wire([throttled(retry_after="12"), OK])
    wire.http().get("/hostnodes")
    limits = [request.extensions["timeout"] for request in wire.requests]
    assert [limit["read"] for limit in limits] == [20.0, 8.0]
    assert [limit["connect"] for limit in limits] == [5.0, 5.0]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": " 0 "}, 0.0),
        ({"retry_after": "Sun, 01 Mar 2026 12:00:05 GMT", "date": DATE}, 5.0),
        ({"retry_after": "Sun, 01 Mar 2026 11:00:00 GMT", "date": DATE}, 0.0),
    ],
)
def test_a_pause_that_is_asked_for_is_made(headers: dict[str, str], pause: float) -> None:
    wire = Wire([throttled(**headers), OK])
    assert wire.http().get("/hostnodes") == b"fine"
    assert wire.pauses == [pause]


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after": "20"},
        {"retry_after": "86400"},
        {"retry_after": "Sun, 01 Mar 2026 13:00:00 GMT", "date": DATE},
    ],
)
def test_a_pause_beyond_the_time_ends_the_read_at_once(headers: dict[str, str]) -> None:
    wire = Wire([throttled(**headers), OK])
    with pytest.raises(ThrottledError, match="asks to wait") as raised:
        wire.http().get("/hostnodes")
    assert raised.value.retry_after is not None
    assert raised.value.retry_after >= timedelta(seconds=20)
    assert (len(wire.requests), wire.pauses) == (1, [])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": ""},
        {"Retry-After": "soon"},
        {"Retry-After": "-5"},
        {"Retry-After": "1.5"},
        {"Retry-After": "9" * 5000},
        {"Retry-After": "٣"},
        {"Retry-After": "Sun, 01 Mar 2026 12:00:05 GMT"},
        {"Retry-After": "Sun, 01 Mar 2026 12:00:05 -0000", "Date": DATE},
        {"Retry-After": "Sun, 01 Mar 99999999999999999999 12:00:05 GMT", "Date": DATE},
        {"Retry-After": "Sun, 01 Mar 2026 12:00:05 +99999999", "Date": DATE},
        {"Retry-After": DATE, "Date": "yesterday"},
    ],
)
def test_a_pause_that_cannot_be_read_is_not_told(headers: dict[str, str]) -> None:
    encoded = {name.encode(): value.encode() for name, value in headers.items()}
    assert retry_after(httpx.Headers(encoded)) is None


def test_a_body_that_trickles_in_is_cut_off_when_the_time_is_up() -> None:
    wire = Wire([])
    wire.replies.append(
        lambda _: httpx.Response(200, stream=Slow(wire, [b"x"] * 1000, seconds=3.0))
    )
    with pytest.raises(UnreachableError, match="no whole answer within 20 s"):
        wire.http().get("/hostnodes")
    assert wire.seconds == 1021.0
    assert len(wire.requests) == 1


def test_a_body_that_is_slow_but_in_time_is_read() -> None:
    wire = Wire([])
    wire.replies.append(lambda _: httpx.Response(200, stream=Slow(wire, [b"a", b"b"], 9.0)))
    assert wire.http().get("/hostnodes") == b"ab"


def test_a_body_without_an_end_is_given_up_at_the_bound() -> None:
    endless = Endless()
    wire = Wire([lambda _: httpx.Response(200, stream=endless)])
    with pytest.raises(MalformedError, match="more than 5000 bytes"):
        wire.http(most_bytes=5000).get("/hostnodes")
    assert endless.sent == 6000


def test_the_bound_counts_what_was_unpacked() -> None:
    packed = gzip.compress(b" " * 100_000)
    wire = Wire([httpx.Response(200, headers={"Content-Encoding": "gzip"})])
    wire.replies = [
        lambda _: httpx.Response(
            200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(packed)
        )
    ]
    with pytest.raises(MalformedError, match="more than 5000 bytes"):
        wire.http(most_bytes=5000).get("/hostnodes")


def test_a_body_that_fills_the_bound_is_read() -> None:
    wire = Wire([OK])
    assert wire.http(most_bytes=4).get("/hostnodes") == b"fine"


def test_data_that_cannot_be_unpacked_is_malformed() -> None:
    stream = httpx.ByteStream(b"not gzip")
    wire = Wire(
        [lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream)]
    )
    with pytest.raises(MalformedError, match="compressed"):
        wire.http().get("/hostnodes")


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(400, content=f'{{"error":"bad Bearer {TOKEN}"}}'.encode()),
        httpx.Response(401, content=f"Unauthorized {TOKEN}".encode()),
        httpx.Response(429, content=TOKEN.encode() * 50),
        httpx.Response(500, content=b"x" * 110 + TOKEN.encode()),
        httpx.Response(302, content=TOKEN.encode()),
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {TOKEN}'"),
        httpx.ConnectTimeout(f"with {TOKEN}"),
    ],
)
def test_the_token_is_in_no_error(reply: httpx.Response | Exception) -> None:
    with pytest.raises(MarketError) as raised:
        Wire([reply]).http().get("/hostnodes")
    error = raised.value
    assert TOKEN[:8] not in f"{error!s} {error!r} {error.args} {error.__cause__!r}"
    assert error.__suppress_context__ or error.__context__ is None


def test_the_token_is_in_no_repr_and_no_body() -> None:
    wire = Wire([httpx.Response(200, content=f"echo {TOKEN}".encode())])
    http = wire.http()
    assert TOKEN not in repr(http)
    assert http.get("/hostnodes") == b"echo ***"


@pytest.mark.parametrize("token", ["two\nlines-of-token", "", "tökén-tökén", "nul\x00-token-token"])
def test_a_token_that_cannot_be_sent_is_an_error_of_ours(token: str) -> None:
    """Only a real connection refuses the header; nothing listens on port 9 of this machine."""
    http = Http(
        base_url="http://127.0.0.1:9",
        token=token,
        timeout=timedelta(seconds=1),
        version="1",
        sleep=lambda _: None,
    )
    with pytest.raises(UnreachableError) as raised:
        http.get("/hostnodes")
    http.close()
    assert not token or token not in str(raised.value)


def test_closing_ends_a_pause_and_every_later_call() -> None:
    wire = Wire([DOWN])
    http = wire.http()
    wire.on_pause = http.close
    with pytest.raises(UnreachableError, match="stopping"):
        http.get("/hostnodes")
    with pytest.raises(UnreachableError, match="stopping"):
        http.get("/hostnodes")
    assert len(wire.requests) == 1


def test_without_a_sleep_of_its_own_a_pause_waits_for_close() -> None:
    http = Http(base_url=BASE_URL, token=TOKEN, timeout=timedelta(seconds=1), version="1")
    http.close()
    http._sleep(3600)


def test_loopback_is_reached_without_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    http = Http(base_url=BASE_URL, token=TOKEN, timeout=timedelta(seconds=1), version="1")
    direct = http._client._transport
    for url in ("http://127.0.0.1:8000/", "http://localhost/", "http://[::1]:80/"):
        assert http._client._transport_for_url(httpx.URL(url)) is direct
    assert http._client._transport_for_url(httpx.URL("http://market.test/")) is not direct
    http.close()
