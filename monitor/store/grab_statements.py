"""The statements of the book of grabs, made once: no purchase waits for SQL to be put together.

Their parameters are told by name where each is used.
"""

from functools import cache
from typing import Any

from sqlalchemy import Insert, Update, bindparam, func, insert, select, union_all, update
from sqlalchemy.sql.dml import ReturningInsert

from monitor.grab.grab import BILLED, GrabStatus
from monitor.store.keys import insertion_on
from monitor.store.prepared import Prepared
from monitor.store.schema import (
    GRAB_A_PERSON_ENDED,
    NAMED_GRAB,
    UNENDED_GRAB,
    buying,
    grab_events,
    grab_spending,
    grabbing_rules,
    grabs,
)

_BOUGHT = sorted(status.value for status in BILLED | {GrabStatus.DELETED})
_other = grabs.alias("other")
_newest = select(func.max(_other.c.id)).where(_other.c.rule == grabbing_rules.c.rule)

BY_ID = select(grabs).where(grabs.c.id == bindparam("id"))
# Neither one condition with an `or` nor in order: for that SQLite would scan all grabs.
_older = select(grabs).where(
    GRAB_A_PERSON_ENDED, grabs.c.ended_at >= bindparam("at"), grabs.c.created_at < bindparam("at")
)
SINCE = union_all(select(grabs).where(grabs.c.created_at >= bindparam("at")), _older)
WITH_STATUS = (
    select(grabs)
    .where(grabs.c.status.in_(bindparam("statuses", expanding=True)))
    .order_by(grabs.c.id)
)
UNENDED = WITH_STATUS.where(UNENDED_GRAB)
NAMED = select(grabs).where(
    grabs.c.instance_name.in_(bindparam("names", expanding=True)), NAMED_GRAB
)
LAST_REFUSALS = (
    select(grabs)
    .select_from(grabbing_rules)
    .join(grabs, grabs.c.id == _newest.scalar_subquery())
    .where(grabs.c.status == GrabStatus.REFUSED.value)
)
BOUGHT_BY = select(func.count()).where(
    grabs.c.rule == bindparam("rule"), grabs.c.status.in_(_BOUGHT)
)
HISTORY = (
    select(grab_events)
    .where(grab_events.c.grab_id == bindparam("grab_id"))
    .order_by(grab_events.c.id)
)
SPENT = (
    select(grab_spending)
    .where(grab_spending.c.day >= bindparam("since"))
    .order_by(grab_spending.c.day, grab_spending.c.rule)
)
NEWEST_STEP = select(func.max(grab_events.c.id))
REACHED = (
    select(grabs.c.rule, grab_events.c.after, func.count().label("number"))
    .join(grabs)
    .where(
        grab_events.c.id > bindparam("step"),
        grab_events.c.before.is_distinct_from(grab_events.c.after),
    )
    .group_by(grabs.c.rule, grab_events.c.after)
)


@cache
def opening() -> Prepared:
    """Return the first statement of every book: it takes the one row of `buying`, or makes it."""
    return Prepared(_opening_on, [column.name for column in buying.c if not column.nullable])


@cache
def adding() -> Prepared:
    """Return the statement that writes a new grab, and returns its id."""
    adding = insert(grabs).returning(grabs.c.id)
    return Prepared(
        lambda _: adding, [column.name for column in grabs.c if column is not grabs.c.id]
    )


@cache
def adding_steps() -> Prepared:
    """Return the statement that writes steps of the history of grabs."""
    adding = insert(grab_events)
    events = grab_events.c
    return Prepared(lambda _: adding, [column.name for column in events if column is not events.id])


@cache
def _opening_on(dialect: str) -> ReturningInsert[Any]:
    statement = insertion_on(dialect, buying)
    return statement.on_conflict_do_update(
        index_elements=[buying.c.id], set_={"version": buying.c.version + 1}
    ).returning(buying)


@cache
def changing(columns: tuple[str, ...]) -> Update:
    """Return the statement that changes some columns of grab `key`, if its version is `known`."""
    return (
        update(grabs)
        .where(grabs.c.id == bindparam("key"), grabs.c.version == bindparam("known"))
        .values({name: bindparam(name) for name in columns})
    )


@cache
def knowing_rule(dialect: str) -> Insert:
    """Return the statement that writes a rule unless it is there."""
    return insertion_on(dialect, grabbing_rules).on_conflict_do_nothing()


@cache
def charging(dialect: str) -> Insert:
    """Return the statement that adds to what a rule has spent on a day."""
    statement = insertion_on(dialect, grab_spending)
    return statement.on_conflict_do_update(
        index_elements=[grab_spending.c.day, grab_spending.c.rule],
        set_={"spent": grab_spending.c.spent + statement.excluded.spent},
    )
