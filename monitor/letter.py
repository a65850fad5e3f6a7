"""A notice on its way to receivers, composed for each destination where it is to be sent."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from monitor.alerting.notice import NO_TEMPLATES, Message, Notice, TemplateTexts
from monitor.alerting.outbox import DestinationKey, Draft
from monitor.alerting.render import render
from monitor.alerting.template import render_by
from monitor.market.value import value
from monitor.plan import Plan
from monitor.rules.alert import RuleName
from monitor.rules.system import is_system


@value
class TemplateFault:
    """A template that failed; the message was told plainly."""

    rules: tuple[RuleName, ...]
    receiver: str
    what: str


@value
class Told:
    """What one telling came to: how many notifications were queued, and which templates failed."""

    queued: int = 0
    faults: tuple[TemplateFault, ...] = ()


@value
class Letter:
    """A notice to `receivers`; `templates` are the rule's own, which count before a receiver's."""

    plan: Plan
    receivers: tuple[str, ...]
    templates: TemplateTexts
    notice: Notice

    def addressed(self) -> Mapping[DestinationKey, str]:
        """Return each destination that is told, and as which receiver."""
        return self.plan.addressed(self.receivers, self.notice.reason)

    def compose(self) -> tuple[list[Draft], list[TemplateFault]]:
        """Return the notice as each destination is told it, and which templates failed."""
        notice = self.notice
        plainly = render(notice, now=notice.at)
        faults: list[TemplateFault] = []

        @cache
        def by(receiver: str) -> Message:
            theirs = self.plan.templates.get(receiver, NO_TEMPLATES)
            texts = NO_TEMPLATES if is_of_program(notice) else self.templates.over(theirs)
            message, what = render_by(texts, notice, plainly, notice.at)
            if what:
                faults.append(TemplateFault(rules=notice.rules, receiver=receiver, what=what))
            return message

        rule = notice.rules[0] if len(notice.rules) == 1 else None
        drafts = self.plan.drafts_by(self.receivers, by, notice.reason, rule=rule)
        return [replace(draft, rules=notice.rules) for draft in drafts], faults


def composed(letters: Iterable[Letter]) -> tuple[list[Draft], Told]:
    """Return the notifications to queue, and what is told of them."""
    drafts: list[Draft] = []
    faults: list[TemplateFault] = []
    for letter in letters:
        theirs, failed = letter.compose()
        drafts += theirs
        faults += failed
    return drafts, Told(queued=len(drafts), faults=tuple(faults))


def is_of_program(notice: Notice) -> bool:
    """Return whether a notice is about the program itself, which is told in its own words."""
    return all(map(is_system, notice.rules))
