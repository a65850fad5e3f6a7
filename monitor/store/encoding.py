"""Values that are stored as JSON text: labels, best offers, what was told, parts of a grab.

The text of labels is canonical (an object with sorted names), for it tells alerts apart.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from monitor.alerting.silence import Matcher, MatchOperator
from monitor.grab.grab import Candidate
from monitor.market.instance import Forward
from monitor.market.money import NanoDollars
from monitor.rules.alert import Labels, Sighting
from monitor.rules.evaluate import AlertKey

_NONE = "[]"


def labels_text(labels: Labels) -> str:
    """Return labels as stored: `{"gpu":"h100-sxm5-80gb","marketplace":"tensordock"}`."""
    return _dump(dict(sorted(labels)))


def read_labels(text: str) -> Labels:
    """Return stored labels."""
    return tuple(json.loads(text).items())


def best_text(best: Iterable[Sighting]) -> str:
    """Return sightings as stored; what is not known is left out."""
    return _dump(
        [
            {name: value for name, value in asdict(sighting).items() if value is not None}
            for sighting in best
        ]
    )


def read_best(text: str) -> tuple[Sighting, ...]:
    """Return stored sightings."""
    return tuple(Sighting(**{"price": None, **each}) for each in json.loads(text))


def told_text(told: Mapping[AlertKey, NanoDollars | None]) -> str:
    """Return what was told of each alert as stored: its rule, its labels, and a value."""
    return _dump([[rule, dict(sorted(labels)), value] for (rule, labels), value in told.items()])


def read_told(text: str) -> dict[AlertKey, NanoDollars | None]:
    """Return what was told of each alert."""
    return {(rule, tuple(labels.items())): value for rule, labels, value in json.loads(text)}


def alert_keys_text(keys: Iterable[AlertKey]) -> str:
    """Return what tells alerts apart as stored: rules and labels."""
    return _dump([[rule, dict(sorted(labels))] for rule, labels in sorted(keys)])


def read_alert_keys(text: str) -> frozenset[AlertKey]:
    """Return what tells alerts apart."""
    return frozenset((rule, tuple(labels.items())) for rule, labels in json.loads(text))


def matchers_text(matchers: Iterable[Matcher]) -> str:
    """Return matchers as stored: label, operator and value of each."""
    return _dump([[each.label, each.operator.value, each.value] for each in matchers])


def read_matchers(text: str) -> tuple[Matcher, ...]:
    """Return stored matchers."""
    return tuple(
        Matcher(label=label, operator=MatchOperator(operator), value=value)
        for label, operator, value in json.loads(text)
    )


def candidates_text(candidates: Iterable[Candidate]) -> str:
    """Return candidates as stored."""
    return _dump([asdict(each) for each in candidates])


def read_candidates(text: str) -> tuple[Candidate, ...]:
    """Return stored candidates."""
    return () if text == _NONE else tuple(Candidate(**each) for each in json.loads(text))


def forwards_text(forwards: Iterable[Forward]) -> str:
    """Return forwarded ports as stored: pairs of an internal and an external one."""
    return _dump([[each.internal_port, each.external_port] for each in forwards])


def read_forwards(text: str) -> tuple[Forward, ...]:
    """Return stored ports."""
    return (
        ()
        if text == _NONE
        else tuple(Forward(internal_port=i, external_port=e) for i, e in json.loads(text))
    )


def names_text(names: Iterable[str]) -> str:
    """Return names as stored, in their order."""
    return _dump(list(names))


def read_names(text: str) -> tuple[str, ...]:
    """Return stored names."""
    return () if text == _NONE else tuple(json.loads(text))


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
