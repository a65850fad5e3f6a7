"""What is stored as text is read as it was written."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.grab.grab import Candidate
from monitor.market.hostnode import HostnodeId
from monitor.market.instance import Forward
from monitor.market.money import NanoDollars
from monitor.market.offer import GpuModel
from monitor.rules.alert import Labels, RuleName, Sighting
from monitor.rules.evaluate import AlertKey
from monitor.store.encoding import (
    alert_keys_text,
    best_text,
    candidates_text,
    forwards_text,
    labels_text,
    names_text,
    read_alert_keys,
    read_best,
    read_candidates,
    read_forwards,
    read_labels,
    read_names,
    read_told,
    told_text,
)

labels = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), min_size=1).map(
    lambda pairs: tuple(sorted(pairs.items()))
)


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


sightings = st.builds(
    Sighting,
    hostnode_id=st.text().map(HostnodeId),
    gpu=st.text().map(GpuModel),
    available=st.integers(0, 100),
    price=_maybe(st.integers(1, 10**15).map(NanoDollars)),
    total=_maybe(st.integers(1, 10**15).map(NanoDollars)),
    city=_maybe(st.text()),
    country=_maybe(st.text()),
    tier=_maybe(st.integers(0, 4)),
    uptime=_maybe(st.floats(0, 100)),
)


@given(labels)
def test_labels_are_read_as_they_were_written(value: Labels) -> None:
    assert read_labels(labels_text(value)) == value


@given(labels)
def test_equal_labels_have_one_text(value: Labels) -> None:
    assert labels_text(tuple(reversed(value))) == labels_text(value)


def test_labels_can_be_read_by_people_who_query_the_database() -> None:
    value = (("city", "東京"), ("gpu", "l4-pcie-24gb"))
    assert labels_text(value) == '{"city":"東京","gpu":"l4-pcie-24gb"}'


@given(st.lists(sightings, max_size=3).map(tuple))
def test_the_best_offers_are_read_as_they_were_written(value: tuple[Sighting, ...]) -> None:
    assert read_best(best_text(value)) == value


alert_keys = st.tuples(st.text().map(RuleName), labels)


@given(st.dictionaries(alert_keys, _maybe(st.integers(1, 10**15).map(NanoDollars)), max_size=3))
def test_what_was_told_is_read_as_it_was_written(value: dict[AlertKey, NanoDollars | None]) -> None:
    assert read_told(told_text(value)) == value


@given(st.frozensets(alert_keys, max_size=3))
def test_what_tells_alerts_apart_is_read_as_it_was_written(value: frozenset[AlertKey]) -> None:
    assert read_alert_keys(alert_keys_text(value)) == value


candidates = st.builds(
    Candidate,
    hostnode=st.text().map(HostnodeId),
    gpu=st.text().map(GpuModel),
    quoted=st.integers(1, 10**15).map(NanoDollars),
)
forwards = st.builds(
    Forward, internal_port=st.integers(1, 65535), external_port=st.integers(1, 65535)
)


@given(st.lists(candidates, max_size=3).map(tuple))
def test_candidates_are_read_as_they_were_written(value: tuple[Candidate, ...]) -> None:
    assert read_candidates(candidates_text(value)) == value


@given(st.lists(forwards, max_size=3).map(tuple))
def test_ports_are_read_as_they_were_written(value: tuple[Forward, ...]) -> None:
    assert read_forwards(forwards_text(value)) == value


@given(st.lists(st.text(), max_size=3).map(tuple))
def test_names_are_read_as_they_were_written(value: tuple[str, ...]) -> None:
    assert read_names(names_text(value)) == value
