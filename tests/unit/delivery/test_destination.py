"""Destinations are told apart by their URLs, and never show them."""

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.delivery.destination import Destination, SecretUrl, destinations, scheme, scrub

URL = "slack://bot:p%40ss-w0rd@T1JJ3T3L2/a1brtb4wk/TIiajkdnlazkcOXrIdevi7FQ/?channel=r00m-42"
SECRETS = [
    "p%40ss-w0rd",
    "p@ss-w0rd",
    "T1JJ3T3L2",
    "a1brtb4wk",
    "TIiajkdnlazkcOXrIdevi7FQ",
    "r00m-42",
]


def test_a_key_names_the_scheme_and_eight_digits_of_the_digest() -> None:
    (destination,) = destinations("chat", ["json://127.0.0.1/x"])
    assert destination.key == "json#44ec9fef"
    assert destination.receiver == "chat"
    assert destination.url.reveal() == "json://127.0.0.1/x"


def test_urls_keep_their_order_and_each_counts_once() -> None:
    made = destinations("chat", ["json://b", "json://a", "json://b"])
    assert [destination.url.reveal() for destination in made] == ["json://b", "json://a"]


@pytest.mark.parametrize("text", ["no scheme at all", "T0KEN", "://x", "a b://x"])
def test_a_text_without_a_scheme_shows_nothing_of_itself(text: str) -> None:
    assert scheme(text) is None
    (destination,) = destinations("chat", [text])
    assert destination.key.startswith("unknown#")
    assert repr(destination.url) == "unknown://***"


def test_a_url_is_shown_by_its_scheme_only() -> None:
    (destination,) = destinations("chat", [URL])
    for shown in (
        repr(destination),
        str(destination.url),
        f"{destination.url}",
        f"{[destination]}",
    ):
        assert "slack://***" in shown
        assert not any(secret in shown for secret in SECRETS)


def test_no_part_of_a_url_survives_scrubbing_in_any_form() -> None:
    basic = base64.b64encode(b"bot:p@ss-w0rd").decode()
    said = f"cannot reach {URL}: {' '.join(SECRETS)} {'/'.join(SECRETS).upper()} Basic {basic}"
    scrubbed = scrub(said, URL)
    assert scrubbed.startswith("cannot reach ")
    for secret in [*SECRETS, basic]:
        assert secret.lower() not in scrubbed.lower()


def test_words_that_are_not_of_the_url_stay() -> None:
    assert scrub("chat not found", "tgram://123456:ABC-def/99887766/") == "chat not found"


UNSTARRED = st.characters(exclude_characters="*", exclude_categories=["Cs"])


@given(st.text(UNSTARRED, min_size=3), st.text(UNSTARRED, max_size=30))
def test_scrubbing_never_leaves_the_rest_of_a_url(rest: str, around: str) -> None:
    assume(rest not in "json://")
    assert rest not in scrub(f"{around}json://{rest}{around}", f"json://{rest}")


def test_a_destination_can_be_compared_and_hashed() -> None:
    one, same = (destinations("chat", [URL])[0] for _ in range(2))
    assert one == same
    assert len({one, same}) == 1
    assert isinstance(one, Destination)
    assert isinstance(one.url, SecretUrl)
