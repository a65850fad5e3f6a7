"""Whose template a message is made by, and what becomes of one that fails."""

from dataclasses import replace

from monitor.alerting.formats import Format, Screen
from monitor.alerting.notice import NotifyPolicy, TemplateTexts
from monitor.alerting.outbox import DestinationKey
from monitor.letter import TemplateFault
from monitor.market.hostnode import HostnodeId
from monitor.market.offer import GpuModel
from monitor.plan import Plan
from monitor.rules.alert import Sighting
from monitor.rules.rule import Rule
from monitor.telling import tell
from tests.unit.test_telling import NOON, A, Memory, an_alert

ONE, TWO = DestinationKey("json#1"), DestinationKey("tgram#2")
UNPRICED = Sighting(hostnode_id=HostnodeId("x"), gpu=GpuModel("h100"), available=1, price=None)


def plan(
    own: TemplateTexts | None = None,
    receiver: TemplateTexts | None = None,
) -> Plan:
    return Plan(
        rules={A: Rule(name=A, conditions=())},
        policies={A: NotifyPolicy(notify=("chat", "phone"), templates=own or TemplateTexts())},
        destinations={"chat": (ONE,), "phone": (TWO,)},
        templates={"phone": receiver or TemplateTexts()},
    )


def told(by: Plan) -> tuple[list[tuple[str, str]], tuple[TemplateFault, ...]]:
    ledger = Memory(an_alert(best=(UNPRICED,)))
    result = tell(ledger, by, "m", ledger.active, NOON)
    return [(each.title, each.body.split("\n")[0]) for each in ledger.queued], result.faults


def test_a_receivers_template_counts_for_it_alone() -> None:
    (chat, phone), faults = told(plan(receiver=TemplateTexts(title="{{ rule }}!", body="hi")))
    assert chat[0].startswith("a: h100")
    assert phone == ("a!", "hi")
    assert faults == ()


def test_a_rules_template_counts_before_the_receivers_for_what_it_says() -> None:
    own, theirs = TemplateTexts(title="mine"), TemplateTexts(title="theirs", body="theirs")
    (chat, phone), _ = told(plan(own, theirs))
    assert (chat[0], phone) == ("mine", ("mine", "theirs"))


def test_a_template_that_fails_is_told_plainly_and_reported() -> None:
    (chat, phone), faults = told(plan(receiver=TemplateTexts(body="{{ best.price * 2 }}")))
    assert phone == chat
    assert [(each.rules, each.receiver) for each in faults] == [((A,), "phone")]


def test_each_destination_is_queued_its_own_format() -> None:
    screens = {TWO: Screen(format=Format.HTML, one_field=True)}
    ledger = Memory(an_alert(best=(replace(UNPRICED, city="A&B"),)))
    tell(ledger, replace(plan(), screens=screens), "m", ledger.active, NOON)
    assert [each.format for each in ledger.queued] == [Format.TEXT, Format.HTML]
    assert "<b>unpriced: 1 × h100 free</b><br>A&amp;B<br>" in ledger.queued[1].body
