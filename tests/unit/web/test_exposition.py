import gzip
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from monitor.web.exposition import (
    LONGEST_LABEL_VALUE,
    Format,
    Page,
    label_value,
    negotiate,
    render,
    wants_gzip,
)
from tests.unit.web.exposed import families

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_PREFERRING_TEXT = (
    "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.4"
)


class Counted:
    """A collector of one gauge with one label, which counts how often it is asked."""

    def __init__(self, label: str = "x") -> None:
        self.label = label
        self.collected = 0

    def collect(self) -> Iterator[Metric]:
        self.collected += 1
        family = GaugeMetricFamily("a_gauge", "Something.", labels=["label"])
        family.add_metric([self.label], 1)
        yield family


class Lingering(Counted):
    """A collector that gives others time to ask while it is being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.overtaken = Event()

    def collect(self) -> Iterator[Metric]:
        yield from super().collect()
        if self.collected > len(Format):
            self.overtaken.set()
        self.overtaken.wait(0.1)


class Rest:
    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("another_gauge", "Something else.", value=2)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.TEXT),
        ("text/plain;version=0.0.4", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", Format.OPENMETRICS),
        (PROMETHEUS_2, Format.OPENMETRICS),
        (PROMETHEUS_3, Format.OPENMETRICS),
        (PROMETHEUS_PREFERRING_TEXT, Format.TEXT),
        ("application/openmetrics-text;version=0.0.1,text/plain;q=0.1", Format.TEXT),
        ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", Format.TEXT),
        ("application/openmetrics-text;version=nonsense", Format.TEXT),
        ("application/openmetrics-text;q=0,text/plain", Format.TEXT),
        ("application/openmetrics-text;q=much,text/plain;q=0.1", Format.TEXT),
        (";;,=;q==,", Format.TEXT),
    ],
)
def test_the_format_is_the_one_the_reader_likes_best(accept: str, form: Format) -> None:
    assert negotiate(accept) is form


@given(st.text())
def test_no_header_is_an_error(header: str) -> None:
    negotiate(header)
    wants_gzip(header)


@pytest.mark.parametrize(
    ("accept_encoding", "wanted"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0, identity", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_used_only_where_it_is_asked_for(accept_encoding: str, *, wanted: bool) -> None:
    assert wants_gzip(accept_encoding) is wanted


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (None, ""),
        ("東京 – Düsseldorf", "東京 – Düsseldorf"),
        ('a "quoted" \\ back\nslash', 'a "quoted" \\ back\nslash'),
        ("nul\0 bell\a return\r next\x85", "nul\ufffd bell\ufffd return\ufffd next\ufffd"),
        ("half of an emoji \ud83d", "half of an emoji \ufffd"),
    ],
)
def test_a_label_value_keeps_what_the_formats_can_carry(told: str | None, shown: str) -> None:
    assert label_value(told) == shown


def test_a_label_value_too_long_is_cut_off_and_says_so() -> None:
    shown = label_value("x" * 100_000)
    assert len(shown) == LONGEST_LABEL_VALUE
    assert shown.endswith("x…")


@pytest.mark.parametrize("form", Format)
@given(told=st.text(st.characters()))
def test_any_text_comes_back_from_a_strict_reader_as_the_label_value(
    form: Format, told: str
) -> None:
    """`st.characters()` makes lone surrogates and control characters too."""
    (family,) = families(render(Counted(label_value(told)), form), form)
    assert family.samples[0].labels == {"label": label_value(told)}


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("form", Format)
def test_a_page_and_its_rest_are_one_exposition(form: Format, *, gzipped: bool) -> None:
    whole = Page(Counted()).followed_by(render(Rest(), form), form, gzipped=gzipped)
    plain = gzip.decompress(whole) if gzipped else whole
    assert [family.name for family in families(plain, form)] == ["a_gauge", "another_gauge"]
    assert plain.count(b"# EOF\n") == (form is Format.OPENMETRICS)


def test_a_packed_page_is_one_gzip_member() -> None:
    """Many HTTP clients stop reading at the end of the first member."""
    rest = render(Rest(), Format.TEXT)
    page = Page(Counted())
    for _ in range(3):
        packed = page.followed_by(rest, Format.TEXT, gzipped=True)
        reader = zlib.decompressobj(wbits=31)
        assert reader.decompress(packed).endswith(rest)
        assert reader.eof
        assert reader.unused_data == b""


def test_a_page_is_rendered_once_per_format_however_many_ask_at_once() -> None:
    collector = Lingering()
    page = Page(collector)
    asked = [(form, gzipped) for form in Format for gzipped in (False, True)] * 10
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda one: page.followed_by(b"", one[0], gzipped=one[1]), asked))
    assert collector.collected == len(Format)
