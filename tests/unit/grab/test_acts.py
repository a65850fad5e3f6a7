"""What a person can do to a grab, and when."""

import pytest

from monitor.grab.acts import (
    SEND_WITHIN,
    approve,
    end,
    resolve_as_created,
    resolve_as_failed,
)
from monitor.grab.grab import Grab, GrabStatus
from monitor.grab.names import instance_name, preset_of
from monitor.market.instance import InstanceId
from tests.unit.grab.books import MemoryBooks
from tests.unit.grab.buying import MINUTE, NOON, a_grab


def having(status: GrabStatus, until: int = 15) -> Grab:
    return a_grab(MemoryBooks(), status, valid_until=NOON + until * MINUTE)


def test_what_is_approved_is_planned_and_must_be_sent_soon() -> None:
    found = approve(having(GrabStatus.AWAITING_APPROVAL), "ada", NOON)
    assert isinstance(found, Grab)
    assert (found.status, found.reason) == (GrabStatus.PLANNED, "approved: by ada")
    assert found.valid_until == NOON + SEND_WITHIN


def test_an_approval_comes_too_late_when_its_time_is_over() -> None:
    waiting = having(GrabStatus.AWAITING_APPROVAL)
    assert approve(waiting, "ada", NOON + 15 * MINUTE) == (
        "it could be approved until 2026-03-21 12:15 UTC"
    )


@pytest.mark.parametrize("status", sorted(set(GrabStatus) - {GrabStatus.AWAITING_APPROVAL}))
def test_nothing_else_can_be_approved(status: GrabStatus) -> None:
    assert isinstance(approve(having(status), "ada", NOON), str)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("awaiting_approval", "expired"),
        ("planned", "expired"),
        ("created", "deleting"),
        ("running", "deleting"),
    ],
)
def test_a_person_ends_what_has_not_ended(before: str, after: str) -> None:
    found = end(having(GrabStatus(before)), "ada", NOON)
    assert isinstance(found, Grab)
    assert (found.status.value, found.reason) == (after, "requested: by ada")
    assert found.is_to_end == (after == "deleting")


@pytest.mark.parametrize("status", ["submitted", "unknown"])
def test_what_has_no_id_yet_is_deleted_once_it_is_found(status: str) -> None:
    found = end(having(GrabStatus(status)), "ada", NOON)
    assert isinstance(found, Grab)
    assert found.status.value == status
    assert found.is_to_end


@pytest.mark.parametrize(
    "status", ["deleting", "deleted", "failed", "refused", "expired", "dry_run"]
)
def test_what_ends_already_cannot_be_ended(status: str) -> None:
    assert isinstance(end(having(GrabStatus(status)), "ada", NOON), str)


def test_a_person_says_what_became_of_an_unknown_one() -> None:
    unknown = having(GrabStatus.UNKNOWN)
    failed = resolve_as_failed(unknown, "ada", NOON)
    assert isinstance(failed, Grab)
    assert (failed.status, failed.ended_at) == (GrabStatus.FAILED, NOON)
    made = resolve_as_created(unknown, InstanceId("i-7"), "ada", NOON)
    assert isinstance(made, Grab)
    assert (made.status, made.instance_id) == (GrabStatus.CREATED, "i-7")
    assert isinstance(resolve_as_failed(having(GrabStatus.RUNNING), "ada", NOON), str)
    made = resolve_as_created(having(GrabStatus.FAILED), InstanceId("i-7"), "ada", NOON)
    assert isinstance(made, str)


def test_only_our_own_names_are_ours() -> None:
    ours = instance_name("train-box", "a1b2c3", "0123456789")
    assert ours == "train-box-gma1b2c30123456789"
    assert preset_of(ours, "a1b2c3") == "train-box"


@pytest.mark.parametrize(
    "name",
    [
        "train-box-gma1b2c40123456789",
        "train-box-gma1b2c3012345678",
        "train-box-gma1b2c301234567890",
        "train-box-gma1b2c30123456789-copy",
        "Train-Box-gma1b2c30123456789",
        "train-box-GMa1b2c30123456789",
        "train-box-gma1b2c3012345678g",
        " train-box-gma1b2c30123456789",
        "train-box-gma1b2c30123456789\n",
        "-gma1b2c30123456789",
        "gma1b2c30123456789",
        "",
    ],
)
def test_a_name_that_only_looks_like_ours_is_somebody_elses(name: str) -> None:
    assert preset_of(name, "a1b2c3") is None


def test_a_preset_whose_name_looks_like_an_instance_is_told_apart() -> None:
    name = instance_name("x-gma1b2c30123456789", "a1b2c3", "aaaaaaaaaa")
    assert preset_of(name, "a1b2c3") == "x-gma1b2c30123456789"
