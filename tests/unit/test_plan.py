from monitor.alerting.notice import Message, NotifyReason
from monitor.alerting.outbox import DestinationKey, Draft
from monitor.plan import Plan
from monitor.rules.alert import RuleName

ONE, TWO, THREE = (DestinationKey(key) for key in ("json#1", "json#2", "mailto#3"))
PLAN = Plan(
    rules={}, policies={}, destinations={"chat": (ONE, TWO), "mail": (THREE,), "nobody": ()}
)
MESSAGE = Message(title="H100 is cheap", body="buy")


def test_a_message_is_drafted_once_for_each_destination_of_each_receiver() -> None:
    drafts = PLAN.drafts(["mail", "chat"], MESSAGE, NotifyReason.FIRST, RuleName("cheap"))
    assert [(each.receiver, each.destination) for each in drafts] == [
        ("mail", THREE),
        ("chat", ONE),
        ("chat", TWO),
    ]


def test_two_receivers_with_one_destination_are_told_once() -> None:
    plan = Plan(rules={}, policies={}, destinations={"chat": (ONE, TWO), "night": (TWO, THREE)})
    drafts = plan.drafts(["chat", "night"], MESSAGE, NotifyReason.FIRST)
    assert [(each.receiver, each.destination) for each in drafts] == [
        ("chat", ONE),
        ("chat", TWO),
        ("night", THREE),
    ]


def test_a_draft_says_what_the_message_says_and_why() -> None:
    assert PLAN.drafts(["mail"], MESSAGE, NotifyReason.NEW, RuleName("cheap")) == [
        Draft(
            receiver="mail",
            destination=THREE,
            reason=NotifyReason.NEW,
            rule=RuleName("cheap"),
            title="H100 is cheap",
            body="buy",
        )
    ]


def test_a_message_about_the_program_has_no_rule() -> None:
    assert [each.rule for each in PLAN.drafts(["mail"], MESSAGE, NotifyReason.SYSTEM)] == [None]


def test_a_receiver_without_destinations_and_no_receivers_draft_nothing() -> None:
    assert PLAN.drafts(["nobody"], MESSAGE, NotifyReason.TEST) == []
    assert PLAN.drafts([], MESSAGE, NotifyReason.TEST) == []
