"""Secrets are not shown, and a redactor finds them in any text."""

import json
import threading
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from monitor.config.secret import Redactor, Secret


def test_a_secret_is_shown_as_stars_and_revealed_on_request() -> None:
    secret = Secret("tok-0123")
    assert {repr(secret), str(secret), f"{secret}", f"{[secret]}"} == {"***", "[***]"}
    assert secret.reveal() == "tok-0123"


def test_a_secret_is_dumped_as_stars() -> None:
    adapter = TypeAdapter(dict[str, Secret])
    held = adapter.validate_python({"a": "tok-0123", "b": Secret("tok-0123")})
    assert held["a"] == held["b"]
    assert adapter.dump_json(held) == b'{"a":"***","b":"***"}'
    assert adapter.dump_python(held) == {"a": "***", "b": "***"}


URLS = [
    # URL, what must not be seen of it
    (
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
        ["4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js"],
    ),
    ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7", ["4174216298", "JHMHI8qBe7"]),
    (
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
        ["123456789", "abcdefg_hijklmnop", "12315544"],
    ),
    ("mailtos://bob:hunter2@mail.example.com?to=a@b.com", ["hunter2", "bob:hunter2"]),
    ("mailto://bob:p%40ss%2Fword@example.com", ["p%40ss%2Fword", "p@ss/word"]),
    ("jsons://user:k3y@host.local:8080/path?token=abcDEF123", ["user:k3y", "abcDEF123"]),
    ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", ["TIiajkdnlazkcOXrIdevi7FQ"]),
    ("ntfys://Top1cN4me", ["Top1cN4me"]),
    ("gotifys://push.example.com/averylongtokenofletters", ["averylongtokenofletters"]),
    ("mailto://example.com?user=bob&pass=hunter2", ["hunter2"]),
    ("postgresql+psycopg://monitor:hunter2@db/market", ["hunter2"]),
    ("postgresql://db/market?user=monitor&password=hunter2", ["hunter2"]),
    ("tok-0123456789", ["tok-0123456789"]),
    ("ssh-ed25519 AAAAC3NzaC1 me@here", ["ssh-ed25519 AAAAC3NzaC1 me@here"]),
]


@pytest.mark.parametrize(("secret", "parts"), URLS)
def test_a_secret_and_its_telling_parts_are_blotted_out(secret: str, parts: list[str]) -> None:
    redact = Redactor([secret])
    for part in parts:
        assert part not in redact(f"failed: {part} (see {part})"), part
        assert part not in redact(f"POST {secret} failed"), part


@pytest.mark.parametrize(
    "text",
    [
        "market monitor db sqlite:///data/monitor.db",
        "receiver chat: 200 from mail.example.com to /api/webhooks and services",
        "host.local:8080 user bob",
        "",
    ],
)
def test_ordinary_words_are_left(text: str) -> None:
    secrets = [secret for secret, _ in URLS] + [
        "sqlite:///data/monitor.db",
        "postgresql://monitor@db/market",
    ]
    assert Redactor(secrets)(text) == text


def test_a_secret_is_found_quoted_unquoted_and_escaped() -> None:
    secret = 'tok"en/ä b\\c'
    redact = Redactor([secret])
    for shown in (
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        repr(secret),
        repr({"token": secret}),
    ):
        assert 'tok"en' not in redact(shown).replace("\\", ""), shown


def test_a_secret_too_short_to_hide_is_left() -> None:
    assert Redactor(["abc", "%41%42"])("abcdef ABC") == "abcdef ABC"


def test_without_secrets_nothing_changes() -> None:
    assert Redactor()("text") == "text"


def test_what_is_learnt_later_is_added_to_what_was_known() -> None:
    redact = Redactor(["first-token"])
    redact.learn(["second-token"])
    assert redact("first-token second-token") == "*** ***"


def test_the_longest_secret_is_blotted_out_first() -> None:
    assert Redactor(["token", "token-and-more"])("token-and-more") == "***"


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_text_holds_a_secret_after_it(secret: str, before: str, after: str) -> None:
    redacted = Redactor([secret])(before + secret + after)
    if secret not in "***" * 20 and secret not in before + "***" + after:
        assert secret not in redacted


def test_many_threads_may_teach_and_ask_at_once() -> None:
    redact = Redactor()
    start = threading.Barrier(4, timeout=10)

    def teach(number: int) -> None:
        start.wait()
        for count in range(20):
            redact.learn([f"secret-{number}-{count}-end"])
            assert redact(f"secret-{number}-{count}-end") == "***"

    threads = [threading.Thread(target=teach, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert all(
        redact(f"secret-{number}-{count}-end") == "***"
        for number in range(4)
        for count in range(20)
    )
