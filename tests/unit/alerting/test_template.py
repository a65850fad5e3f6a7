"""Templates: what they can say, what they may not do, and what is told when they fail."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.formats import BODY_LENGTH, TITLE_LENGTH, Format, Screen, show_on
from monitor.alerting.notice import Message, Notice, NotifyReason, TemplateTexts
from monitor.alerting.render import render
from monitor.alerting.template import render_by, wrong_with
from monitor.market.money import nano
from tests.unit.alerting.test_render import ALERT, ENDED, H100, NOW, notice, offering


def told(body: str | None, of: Notice | None = None, title: str | None = None) -> Message:
    shown, failed = attempt(body, of, title)
    assert failed == ""
    return shown


def attempt(
    body: str | None, of: Notice | None = None, title: str | None = None
) -> tuple[Message, str]:
    about = of or notice()
    texts = TemplateTexts(title=title, body=body)
    return render_by(texts, about, render(about, now=NOW), NOW)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ rule }} at {{ best.price | dollars }} $", "H100 under 2.20 at 2.10 $"),
        ("{{ best.price * 24 * 30 | round }}", "1512.0"),
        ("{% for o in offers %}{{ loop.index }}: {{ o.free }}{% endfor %}", "1: 8"),
        ("{{ best.city or 'somewhere' }}, {{ best.tier is none }}", "Frankfurt, False"),
        (
            "{{ reason }} {{ severity }} {{ count }} {{ at }}",
            "first warning 1 2026-03-04 05:06 UTC",
        ),
        ("{% for a in firing %}{{ a.lasted }} {{ a.labels }}{% endfor %}", "2 h 5 min gpu=h100-"),
        ("{{ rules | join }} {{ resolved | length }}", "H100 under 2.20 0"),
        ("{{ why }}\n\n{{ title }}", "the rule began to fire\n\nH100 under 2.20: h100"),
        ("{% if reason == 'first' and best.uptime > 99 %}go{% else %}wait{% endif %}", "go"),
    ],
)
def test_what_a_template_can_say(template: str, text: str) -> None:
    assert wrong_with(template) is None
    assert told(template).body.startswith(text)


def test_a_title_alone_leaves_the_body_as_it_is() -> None:
    plainly = render(notice(), now=NOW)
    shown = told(None, title="{{ rule }}!")
    assert shown == replace(plainly, title="H100 under 2.20!")


def test_an_end_has_the_last_best_offer() -> None:
    ended = notice(NotifyReason.RESOLVED, firing=(), resolved=(ENDED,))
    body = told("{{ best.gpu }} {{ resolved[0].lasted }} {{ resolved[0].until }}", ended).body
    assert body == "h100-sxm5-80gb 2 h 5 min 2026-03-04 05:06 UTC"


def test_what_is_not_known_is_a_dash() -> None:
    unpriced = offering(replace(H100, price=None, city=None))
    assert told("{{ best.price }} {{ best.price | dollars }} {{ best.city }}", unpriced).body == (
        "– – –"
    )


def nested(loop: str, within: str) -> str:
    return 2 * loop + within + 2 * "{% endfor %}"


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("{{ rule", "line 1: unexpected end of template"),
        ("{{ rulee }}", "line 1: there is no rulee; there are at, best, body"),
        ("a\n{{ best.prize }}", "has no attribute 'prize'"),
        ("\n{{ range(9) }}", "line 2: nothing can be called"),
        ("{{ rule.upper() }}", "line 1: nothing can be called"),
        ("{{ best.__class__.__mro__ }}", "access to attribute '__class__'"),
        (3 * "{% for a in offers %}" + 3 * "{% endfor %}", "loops may stand in 1 other"),
        ("{% for a in offers recursive %}{% endfor %}", "may not be recursive"),
        ("{% set x = 1 %}", "there may be no assign here"),
        ("{% macro m() %}{% endmacro %}", "there may be no macro here"),
        ("{% include 'x' %}", "there may be no include here"),
        ("{{ 9 ** 9 ** 9 }}", "there may be no pow here"),
        ("{{ 'x' * 1000000000 }}", "\\* is for numbers, not for text"),
        ("{{ rule + 'x' }}", "\\+ is for numbers, not for text"),
        ("{{ '%999999999d' % 1 }}", "there may be no mod here"),
        ("{{ rule | format }}", "there is no filter format"),
        ("{{ rule | center(999999999) }}", "there is no filter center"),
        ("{{ rule | join(rule) }}", "join is for lists"),
        ("{{ best.price / 0 }}", "division by zero"),
        ("{{ 'x' is callable }}", "there is no test callable"),
        ("x" * 4_001, "is longer than 4000 characters"),
        ("{{ " + "(" * 2_000 + "1" + ")" * 2_000 + " }}", "longer|deeply"),
        ("{{ firing[0].price }}", "no element 0, where the reason is `resolved`"),
        ("{{ best.city.nothing }}", "has no attribute 'nothing'"),
        ("{{ body | truncate(1) }}", "expected length"),
        ("{{ 1.5 | round(100000000, 'ceil') }}", "round is to 9 digits at most"),
        ("{{ best.price | round(1, 'up') }}", "method must be"),
        ("{% for c in body %}{{ c }}{% endfor %}", "a loop is over one of firing, missed, offers"),
        (nested("{% for a in firing %}", "{% if body" + "|title" * 20 + " %}{% endif %}"), "loops"),
        ("{% if 1 %}" * 120 + "x" + "{% endif %}" * 120, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_template_is_told_before_it_is_used(template: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        raise ValueError(wrong_with(template))


def test_a_template_that_fails_is_told_plainly_with_the_error_at_its_foot() -> None:
    """It was good for every sample, and meets an offer without a price."""
    template = "{{ best.price * 24 }}"
    assert wrong_with(template) is None
    unpriced = offering(replace(H100, price=None, total=None))
    shown, failed = attempt(template, unpriced, title="{{ rule }}")
    plainly = render(unpriced, now=NOW)
    assert shown.title == plainly.title
    assert shown.body.startswith(plainly.body)
    assert shown.body.endswith(f"told plainly: {failed}")
    assert "not known" in failed


def test_whatever_a_template_raises_is_told_plainly() -> None:
    """Each sample has a price that this is good for; Jinja's filter asserts that of this one."""
    template = "{{ body | truncate((best.price * 2) | int) }}"
    assert wrong_with(template) is None
    shown, failed = attempt(template, offering(replace(H100, price=nano(0.5))))
    assert "expected length" in failed
    assert shown.body.startswith(render(offering(replace(H100, price=nano(0.5))), now=NOW).body)


def test_what_is_joined_is_bounded_however_often() -> None:
    five_deep = "body"
    for _ in range(5):
        five_deep = "[" + ",".join([five_deep] * 3) + "]|join"
    assert len(told("{{ " + five_deep + " }}").body) <= BODY_LENGTH


def test_a_template_that_is_taken_is_quick_where_all_lists_are_full() -> None:
    """As much as may be done in loops, of the slowest, where there are 25 of each."""
    many = notice(firing=(ALERT,) * 30)
    slow = nested("{% for a in firing %}", "{% if body" + "|title" * 14 + " %}{% endif %}") + "x"
    assert wrong_with(slow) is None
    begun = time.process_time()
    assert told(slow, many).body == "x"
    assert time.process_time() - begun < 2


def test_a_template_that_says_nothing_is_told_plainly() -> None:
    assert attempt("{% if count > 9 %}many{% endif %}")[1] == "it says nothing"


def test_what_a_template_makes_is_bounded_and_printable() -> None:
    many = notice(firing=tuple(replace(ALERT, value=nano(1)) for _ in range(30)))
    double = (
        "{% for a in firing %}{% for b in firing %}{{ a.labels }}\t\x07{% endfor %}{% endfor %}"
    )
    shown = told(double, many, title="{{ body }}")
    assert len(shown.body) <= BODY_LENGTH
    assert len(shown.title) <= TITLE_LENGTH
    assert all(line.isprintable() for line in (shown.title, *shown.body.split("\n")))


def test_markup_in_a_template_is_text_where_it_arrives() -> None:
    shown = show_on(told("<b>{{ best.city }}</b>"), Screen(format=Format.HTML))
    assert shown.body == "&lt;b&gt;Frankfurt&lt;/b&gt;"


PIECES = st.sampled_from(
    [
        "{{", "}}", "{%", "%}", "for a in offers", "for c in rule", "endfor", "if", "endif", "best",
        "rule", "offers", ".price", "[0]", "*", "+", "~", "99999999", "'x'", "|", "join", "upper",
        "truncate", "(", ")", " ", "loop", "self", "range", "default", "\n", "a", "body", "-", "/",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map(" ".join))
def test_no_template_that_is_taken_takes_long_or_breaks_a_message(template: str) -> None:
    begun = time.perf_counter()
    if wrong_with(template) is None:
        shown, _ = attempt(template)
        assert 0 < len(shown.body) <= BODY_LENGTH
    assert time.perf_counter() - begun < 2
