"""What a backtest of the history lives through: the polls that were made, and no other."""

from datetime import timedelta

from monitor.cli.lived import Lived
from monitor.history.window import Window
from monitor.store.engine import Database
from tests.contract.samples import MINUTE, at, record, selling


def test_between_two_polls_that_came_a_little_late_nothing_is_lived(database: Database) -> None:
    """Each sees a change; a poll is never on the very interval, and what is not polled is not."""
    instants = [at(0), at(1) + timedelta(milliseconds=10), at(2.1), at(3.3)]
    for price, instant in enumerate(instants, start=1):
        record(database, selling(instant, price))
    lived = Lived(
        database=database, marketplace="tensordock", window=Window(at(-1), at(9)), interval=MINUTE
    )
    assert [poll.at for poll in lived.polls()] == instants
