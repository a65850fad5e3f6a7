"""What rules see of one snapshot after the other, at the cost of what has changed.

Whoever decodes polls gives the very same offers where nothing changed. What the same offers, in
the same order of prices, came to at the poll before is that again, as the very same object.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitor.market.offer import Offer
from monitor.market.snapshot import Snapshot
from monitor.rules.against import Against
from monitor.rules.alert import Labels, RuleName
from monitor.rules.conditions import Condition
from monitor.rules.index import Bits, Finds, OfferIndex
from monitor.rules.match import Match, Matches, are_same, matches, matches_at
from monitor.rules.past import Past
from monitor.rules.rule import Rule

Found = Mapping[Labels, Match | None]
Seen = Mapping[RuleName, Found]
"""What each rule is met by; with `None`, what a rule about the gone knows to be there."""


_MOST_STATES = 128
_MOST_HELD = 10_000
"""How many states are remembered, and how many offers and rules in all: of a large market, one."""


@dataclass(slots=True, kw_only=True)
class _Asked:
    """What rules that differ in their clocks or receivers ask for alike; `rule` is one of them.

    Rules with the same `way` make the same of the same offers.
    """

    rule: Rule
    way: int
    names: list[RuleName] = field(default_factory=list)
    found: Matches = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Question:
    """Conditions, who asks for them in which way, and what met them last: `met`, at `meeting`."""

    conditions: Sequence[Condition]
    asked: dict[object, _Asked] = field(default_factory=dict)
    met: Sequence[Offer] = ()
    meeting: Bits = 0


class View:
    """What `rules` see of one marketplace, poll after poll.

    A small market is in few states, and comes back to them: what was seen in the last ones is kept,
    by the ids of the offers, with the offers, so that no others get their ids.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._seen: Seen = {rule.name: {} for rule in self.rules}
        self._gone: dict[object, _Asked] = {}
        questions: dict[object, _Question] = {}
        ways: dict[object, int] = {}
        same: dict[Condition, Condition] = {}
        for each in self.rules:
            conditions = tuple(same.setdefault(it, it) for it in each.conditions)
            rule = replace(each, conditions=conditions)
            way = ways.setdefault((rule.per, rule.shape), len(ways))
            if rule.gone:
                asked = self._gone
            else:
                question = _Question(conditions=rule.conditions)
                asked = questions.setdefault(rule.conditions, question).asked
            asks = asked.setdefault((rule.conditions, way), _Asked(rule=rule, way=way))
            asks.names.append(rule.name)
        self._questions = list(questions.values())
        self._states: dict[tuple[int, ...], tuple[Sequence[Offer], Seen]] = {}
        self._finds: Finds | None = None
        self._depends_on_offers_alone = not self._gone and not any(
            isinstance(it, Against) for it in same
        )

    def look(self, snapshot: Snapshot, past: Past) -> Seen:
        """Return what each rule sees of `snapshot`, which `past` was fed with last."""
        if not self._depends_on_offers_alone:
            return self._find(snapshot, past)
        offers = snapshot.offers
        state = tuple(map(id, offers))
        known = self._states.pop(state, None) or (offers, self._find(snapshot, past))
        self._states[state] = known
        held = 1 + len(offers) + len(self.rules)
        while len(self._states) > min(_MOST_STATES, 1 + _MOST_HELD // held):
            del self._states[next(iter(self._states))]
        return known[1]

    def _find(self, snapshot: Snapshot, past: Past) -> Seen:
        index = OfferIndex(snapshot.offers, past, self._finds)
        changed: dict[RuleName, Found] = {}
        shared: dict[object, Matches] = {}
        for question in self._questions:
            meeting = index.meeting(question.conditions)
            if meeting == question.meeting and not meeting & index.moved:
                continue
            question.meeting = meeting
            places = index.places(meeting, question.conditions)
            met = [index.offers[place] for place in places]
            if are_same(met, question.met):
                continue
            question.met = met
            for each in question.asked.values():
                asks = (each.way, *places)
                found = shared.get(asks)
                if found is None:
                    found = matches_at(places, each.rule, snapshot.marketplace, index, each.found)
                    shared[asks] = found
                each.found = found
                for name in each.names:
                    changed[name] = found
        changed.update(self._look_for_the_gone(snapshot.marketplace, index, past))
        if changed:
            self._seen = {**self._seen, **changed}
        self._finds = index.finds
        return self._seen

    def _look_for_the_gone(
        self, marketplace: str, index: OfferIndex, past: Past
    ) -> Iterable[tuple[RuleName, Found]]:
        if not self._gone:
            return
        before = OfferIndex(past.previous.offers if past.previous else (), past)
        for each in self._gone.values():
            found = _gone(each.rule, marketplace, before, index)
            yield from ((name, found) for name in each.names)


def _gone(rule: Rule, marketplace: str, before: OfferIndex, now: OfferIndex) -> Found:
    """Return what was there at the poll before and is not now, and with `None` what is there."""
    there: dict[Labels, Match | None] = dict.fromkeys(matches(rule, marketplace, now))
    went = matches(rule, marketplace, before)
    return there | {
        labels: replace(match, offers=0) for labels, match in went.items() if labels not in there
    }
