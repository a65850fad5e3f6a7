"""Books take turns, in whatever process: the last free slot of a limit is had by one."""

import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import timedelta

import pytest

from monitor.errors import StoreBusyError, StoreError
from monitor.grab.grab import COUNTING
from monitor.store.engine import Database
from monitor.store.grabs import Books
from tests.contract.grabs import a_new, add

LIMIT = 3
BUYERS = 6


def run(works: Iterable[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)


def test_the_last_free_slot_of_a_limit_is_had_once(url: str) -> None:
    """Each buyer has a database of its own, as processes do; all come for the first at once."""
    together = threading.Barrier(BUYERS)

    def buy(buyer: int) -> None:
        with closing(Database.open(url)) as database:
            together.wait(timeout=10)
            for turn in range(2):
                with Books(database).book() as book:
                    if len(book.with_status(COUNTING)) < LIMIT:
                        book.add(a_new(f"{buyer}-{turn}"))

    run(lambda buyer=buyer: buy(buyer) for buyer in range(BUYERS))  # type: ignore[misc]  # mypy cannot type the bound number
    with closing(Database.open(url)) as database, Books(database).reading() as book:
        assert len(book.with_status(COUNTING)) == LIMIT


def test_one_installation_has_one_name_whoever_asks_first(url: str) -> None:
    together = threading.Barrier(BUYERS)
    names: list[str] = []

    def ask() -> None:
        with closing(Database.open(url)) as database:
            together.wait(timeout=10)
            with Books(database).reading() as book:
                names.append(book.installation())

    run([ask] * BUYERS)
    assert len(names) == BUYERS
    assert len(set(names)) == 1


def test_a_reading_book_waits_for_nobody_and_sees_what_was_committed(
    database: Database, url: str
) -> None:
    add(database, "before")
    other = Database.open(url, busy_timeout=timedelta(milliseconds=100))
    with closing(other), Books(database).book() as book:
        book.add(a_new("after"))
        with Books(other).reading() as reading:
            assert [grab.instance_name for grab in reading.with_status(COUNTING)] == ["before"]
        with pytest.raises(StoreBusyError), Books(other).book():
            pass


def test_a_reading_book_cannot_be_written(database: Database) -> None:
    add(database, "a")
    with pytest.raises(StoreError, match=r"read.?only"), Books(database).reading() as book:
        book.add(a_new("b"))
    add(database, "b")


def test_each_book_that_was_written_has_another_version_and_each_that_was_undone_has_not(
    database: Database,
) -> None:
    """So what was read before still stands if the version does."""
    books = Books(database)
    versions = []

    def note(*, undone: bool) -> None:
        with books.book() as book:
            versions.append(book.version())
            if undone:
                raise ZeroDivisionError

    note(undone=False)
    with pytest.raises(ZeroDivisionError):
        note(undone=True)
    with books.reading() as reading:
        versions.append(reading.version())
    note(undone=False)
    with books.reading() as reading:
        versions.append(reading.version())
    assert versions == [0, 1, 1, 1, 2]


def test_a_rule_whose_first_book_was_undone_is_written_by_the_next(database: Database) -> None:
    books = Books(database)
    for undone in (True, False):
        with suppress(ZeroDivisionError), books.book() as book:
            book.add(a_new("a", rule="never seen"))
            if undone:
                raise ZeroDivisionError
    with books.reading() as reading:
        assert list(reading.named(["a"])) == ["a"]


def test_a_crash_in_a_book_leaves_nothing_of_it(database: Database) -> None:
    def crash() -> None:
        with Books(database).book() as book:
            book.add(a_new("lost"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    with Books(database).reading() as book:
        assert book.named(["lost"]) == {}
