"""A message on a screen: whatever a marketplace calls a city, it is text in every format."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitor.alerting.formats import Format, Screen, show_on
from monitor.alerting.notice import Message
from monitor.alerting.plain import plain
from monitor.alerting.render import render
from monitor.market.hostnode import HostnodeId
from tests.unit.alerting.test_render import ALERT, H100, NOW, notice, offering

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MESSAGE = Message(
    title="two H100s",
    body="2.10 $/h: 8 free\nFrankfurt\n\n1.90 $/h\nrest & <more>",
    strong=frozenset({0, 3}),
    lead=2,
)


class Tags(HTMLParser):
    """What an HTML text is made of: its tags, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.tags.append(tag)
        self.text += "\n" if tag == "br" else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def test_text_is_the_message_itself() -> None:
    shown = show_on(MESSAGE, Screen())
    assert (shown.title, shown.body, shown.format) == (MESSAGE.title, MESSAGE.body, Format.TEXT)


def test_html_sets_off_offers_and_escapes_the_rest() -> None:
    shown = show_on(MESSAGE, Screen(format=Format.HTML))
    assert shown.body == (
        "<b>2.10 $/h: 8 free</b><br>Frankfurt<br><br><b>1.90 $/h</b><br>rest &amp; &lt;more&gt;"
    )


def test_markdown_sets_off_offers_and_escapes_the_rest() -> None:
    shown = show_on(MESSAGE, Screen(format=Format.MARKDOWN))
    assert shown.body == ("**2.10 $/h: 8 free**  \nFrankfurt\n\n**1.90 $/h**  \nrest & \\<more\\>")


@pytest.mark.parametrize(
    ("line", "escaped"),
    [
        ("- no list", "\\- no list"),
        ("1. no list", "1\\. no list"),
        ("2.10 $", "2.10 $"),
        ("=====", "\\====="),
        ("a_b and _c_ d", "a_b and \\_c\\_ d"),
        ("AT&T &amp; &#60;", "AT&T \\&amp; \\&\\#60;"),
        ("**x** `y` ~~z~~", "\\*\\*x\\*\\* \\`y\\` \\~\\~z\\~\\~"),
    ],
)
def test_what_markdown_would_take_for_markup(line: str, escaped: str) -> None:
    message = Message(title="t", body=line)
    assert show_on(message, Screen(format=Format.MARKDOWN)).body == escaped


WIDE_ASTERISK, WIDE_STOP, STOP = "\uff0a", "\uff0e", "\u3002"
LETTERS = f"ab1 _*`~|<>[]()@#\\/&;:.!-+=$\n\t\u202e\u200b{WIDE_ASTERISK}{WIDE_STOP}{STOP}é"
HOSTILE = st.text(alphabet=st.sampled_from(LETTERS)) | (
    st.sampled_from(
        [
            "<!channel>",
            "<@U123>",
            "@everyone",
            "[x](javascript:alert(1))",
            "<script>alert(1)</script>",
            "https://evil.example/x",
            "www.evil.example",
            f"evil{WIDE_STOP}example",
            f"evil{STOP}example",
            "10.0.0.1",
            "/start",
            "&lt;b&gt;",
            "![x](y)",
            "1. a",
            "- a",
            "# a",
            "| a | b |",
            "__init__",
            "$TSLA",
        ]
    )
)
LINK = re.compile(r"://|www\.\w|\w\.[^\W\d_]|\d+\.\d+\.\d+\.\d+")


@given(HOSTILE)
@example("_/1")
def test_a_name_from_outside_is_text_and_no_link_mention_or_command(name: str) -> None:
    shown = plain(name)
    assert shown.isprintable()
    assert not set(shown) & set("*`~|<>[]@#\\\n")
    assert not LINK.search(shown)
    assert not re.search(r"(?<!\w)[/$]\w", shown)
    assert plain(shown) == shown


@given(HOSTILE, HOSTILE, st.sampled_from(Format))
def test_no_markup_of_a_marketplace_survives_in_any_format(
    city: str, host: str, form: Format
) -> None:
    """Read by a parser of the format, the message is the plain one, and what is set off ours."""
    sighting = replace(H100, city=city, hostnode_id=HostnodeId(host))
    message = render(offering(sighting), now=NOW)
    shown = show_on(message, Screen(format=form))
    match form:
        case Format.TEXT:
            assert shown.body == message.body
        case Format.HTML:
            read = Tags(shown.body)
            assert set(read.tags) <= {"b", "br"}
            assert read.tags.count("b") == 1
            assert read.text == message.body
        case Format.MARKDOWN:
            read = Tags(MARKDOWN.render(shown.body))
            assert set(read.tags) <= {"p", "strong", "br"}
            assert read.tags.count("strong") == 1
            assert read.text.split() == message.body.split()


@given(
    title=st.text(max_size=80).map(lambda text: plain(text) or "x"),
    lines=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=60)),
    form=st.sampled_from(Format),
    most=st.integers(60, 400),
    one_field=st.booleans(),
)
def test_nothing_is_longer_than_its_screen_and_the_first_line_stays_if_it_can(
    title: str, lines: list[str], form: Format, most: int, *, one_field: bool
) -> None:
    message = Message(title=title, body="\n".join(["2.10 $/h: 8 × h100", *lines]), lead=1)
    screen = Screen(format=form, title_most=50, body_most=most, one_field=one_field)
    shown = show_on(message, screen)
    assert shown.body.startswith("2.10 $/h: 8 × h100")
    if one_field:
        assert len(shown.title) + len(shown.body) <= most
    else:
        assert len(shown.title) <= 50
        assert len(shown.body) <= most


@pytest.mark.parametrize(("city", "lines"), [("Ulm", 3), ("Llanfairpwllgwyngyll " * 3, 1)])
def test_a_short_message_service_is_told_the_best_offer_before_all_else(
    city: str, lines: int
) -> None:
    found = [replace(H100, hostnode_id=HostnodeId(f"host-{n}"), city=city) for n in range(5)]
    message = render(offering(*found), now=NOW)
    shown = show_on(message, Screen(body_most=160, one_field=True))
    assert shown.title.startswith("H100 under 2.20: ")
    assert shown.body.split("\n")[:-1] == message.body.split("\n")[:lines]
    assert len(shown.title) + 2 + len(shown.body) <= 160


def test_what_is_too_long_loses_whole_lines_from_its_end() -> None:
    many = notice(firing=tuple(replace(ALERT, best=(H100,)) for _ in range(5)))
    message = render(many, now=NOW)
    shown = show_on(message, Screen(body_most=200))
    assert shown.body.endswith("\n…")
    assert message.body.startswith(shown.body.removesuffix("\n…"))
