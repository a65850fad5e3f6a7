"""What the configuration comes to for the cycle: rules, when to tell, and whom. Frozen."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from monitor.alerting.formats import PLAIN, Screen, show_on
from monitor.alerting.grouping import Homes
from monitor.alerting.notice import (
    OF_ALERTS,
    Message,
    NotifyPolicy,
    NotifyReason,
    TemplateTexts,
)
from monitor.alerting.outbox import DestinationKey, Draft, is_told_states
from monitor.rules.alert import RuleName
from monitor.rules.past import Needs
from monitor.rules.rule import Rule, needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The rules, the policy of each, and the destinations of each receiver.

    `system` are the rules about the program itself, which have policies too. `operators` are the
    receivers that are told when the program itself is in trouble. `screens` says what each
    destination can show; one that is not in it shows plain text. `templates` are those of
    receivers, where a rule has none of its own. Made of these are `every_rule`, about offers and
    the program, what the rules about offers need of the past, and `homes`, which says what group
    an alert belongs to.
    """

    rules: Mapping[RuleName, Rule]
    policies: Mapping[RuleName, NotifyPolicy]
    destinations: Mapping[str, tuple[DestinationKey, ...]]
    operators: tuple[str, ...] = ()
    screens: Mapping[DestinationKey, Screen] = field(default_factory=dict)
    templates: Mapping[str, TemplateTexts] = field(default_factory=dict)
    system: Mapping[RuleName, Rule] = field(default_factory=dict)
    every_rule: Mapping[RuleName, Rule] = field(init=False, compare=False, repr=False)
    needs: Needs = field(init=False, compare=False, repr=False)
    homes: Homes = field(init=False, compare=False, repr=False)
    _addressed: dict[tuple[tuple[str, ...], NotifyReason], Mapping[DestinationKey, str]] = field(
        init=False, compare=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        every_rule = {**self.rules, **self.system}
        object.__setattr__(self, "every_rule", every_rule)
        object.__setattr__(self, "needs", needs(self.rules.values()))
        object.__setattr__(self, "homes", Homes(self.policies, every_rule))

    def drafts(
        self,
        receivers: Iterable[str],
        message: Message,
        reason: NotifyReason,
        rule: RuleName | None = None,
    ) -> list[Draft]:
        """Return `message` as one draft for each different destination of `receivers`.

        Alertmanagers are left out of what they learn from the state of the alerts.
        """
        return self.drafts_by(receivers, lambda _: message, reason, rule)

    def drafts_by(
        self,
        receivers: Iterable[str],
        message: Callable[[str], Message],
        reason: NotifyReason,
        rule: RuleName | None = None,
    ) -> list[Draft]:
        """Return likewise what `message` makes for each receiver."""
        return [
            self._draft(destination, receiver, message(receiver), reason, rule)
            for destination, receiver in self.addressed(receivers, reason).items()
        ]

    def addressed(
        self, receivers: Iterable[str], reason: NotifyReason
    ) -> Mapping[DestinationKey, str]:
        """Return each different destination of `receivers` that is told, and as which of them."""
        way = tuple(receivers), reason
        if way not in self._addressed:
            self._addressed[way] = self._find_addressed(*way)
        return self._addressed[way]

    def _find_addressed(
        self, receivers: Iterable[str], reason: NotifyReason
    ) -> Mapping[DestinationKey, str]:
        told: dict[DestinationKey, str] = {}
        for receiver in receivers:
            for destination in self.destinations[receiver]:
                if reason in OF_ALERTS and is_told_states(destination):
                    continue
                told.setdefault(destination, receiver)
        return told

    def _draft(
        self,
        destination: DestinationKey,
        receiver: str,
        message: Message,
        reason: NotifyReason,
        rule: RuleName | None,
    ) -> Draft:
        shown = show_on(message, self.screens.get(destination, PLAIN))
        return Draft(
            receiver=receiver,
            destination=destination,
            reason=reason,
            rule=rule,
            title=shown.title,
            body=shown.body,
            format=shown.format,
        )
