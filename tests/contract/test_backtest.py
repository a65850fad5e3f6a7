"""A backtest in memory does what the daemon's cycle does on a database, poll by poll."""

from itertools import islice
from pathlib import Path

from monitor.backtest.result import results
from monitor.backtest.run import Backtest, usual_interval
from monitor.cycle import run_cycle
from monitor.market.money import nano
from monitor.marketplaces.recording import polls
from monitor.marketplaces.replay import open_replay
from monitor.rules.rule import Per
from monitor.store.engine import Database
from monitor.store.ledger import Ledgers
from tests.contract.cycles import CHEAP, Answering, a_plan, a_rule, written
from tests.contract.samples import MINUTE

RECORDED = Path(__file__).parents[1] / "fixtures" / "replay" / "h100-pcie-2025-10.jsonl.gz"
POLLS = 150


def test_a_recording_leads_to_the_same_transitions_and_messages_as_on_a_database(
    database: Database,
) -> None:
    with open_replay(RECORDED) as lines:
        recorded = list(islice(polls(lines, "tensordock"), POLLS))
    interval = usual_interval(poll.at for poll in recorded)
    plan = a_plan(
        a_rule(
            limit=nano(2.49), per=Per.HOSTNODE, hold_for=30 * MINUTE, keep_firing_for=60 * MINUTE
        )
    )
    store = Ledgers(database)
    for poll in recorded:
        run_cycle(Answering(poll), plan, store, interval=interval, now=poll.at)
    run = Backtest(plan, "tensordock", interval=interval)
    run.feed(recorded)

    lived, tested = written(database), results(plan.rules, run.ledger)[CHEAP]
    assert tested.firing > 5
    assert tested.transitions == lived.transitions
    assert [(each.at, each.reason, each.title) for each in tested.told] == [
        (each.created_at, each.reason, each.title) for each in lived.notifications
    ]
