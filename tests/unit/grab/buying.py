"""Values that tests of buying share: a market of three hostnodes, a wish, a book with grabs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.grab.grab import BILLED, Grab, GrabStatus, Mode, NewGrab
from monitor.grab.preset import Preset
from monitor.grab.wish import Buying, Limits, Wish
from monitor.market.hostnode import ComponentPrices, Hostnode, HostnodeId, Location, Resources
from monitor.market.instance import InstanceId
from monitor.market.money import NanoDollars, nano
from monitor.market.offer import GpuModel, Offer
from monitor.market.quote import Shape
from monitor.rules.alert import RuleName
from tests.unit.grab.books import MemoryBooks

NOON = datetime(2026, 3, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GPU = GpuModel("h100-sxm5-80gb")
RULE = RuleName("cheap-h100")
MARKET = "sim"
PLENTY = Limits(
    max_instances=10,
    max_total_per_hour=nano(1000),
    max_spend_per_day=nano(10_000),
    max_spend_per_month=nano(100_000),
    max_creates_per_hour=100,
)


def an_offer(name: str = "hn-1", dollars: float | None = 2, **changes: Any) -> Offer:
    """Return an offer of four GPUs; all but the GPUs is free of charge."""
    uptime, tier = changes.pop("uptime", 99.5), changes.pop("tier", 3)
    hostnode = Hostnode(
        id=HostnodeId(name),
        location=Location(tier=tier),
        resources=Resources(vcpu_count=64, ram_gb=256, storage_gb=2000),
        prices=ComponentPrices(
            per_vcpu=NanoDollars(0), per_gb_ram=NanoDollars(0), per_gb_storage=NanoDollars(0)
        ),
        uptime=uptime,
        ports=(20001, 20002, 20003),
    )
    price = None if dollars is None else nano(dollars)
    return Offer(**{"hostnode": hostnode, "gpu": GPU, "available": 4, "price": price, **changes})


def a_preset(name: str = "box", **changes: Any) -> Preset:
    fields: dict[str, Any] = {
        "image": "ubuntu2404",
        "shape": Shape(gpu_count=1, vcpu_count=8, ram_gb=64, storage_gb=200),
        "ports": (22,),
        "ssh_key_id": "key",
    }
    return Preset(name=name, **{**fields, **changes})


def a_wish(rule: RuleName = RULE, **changes: Any) -> Wish:
    """Return a wish that no limit of its own holds back."""
    fields: dict[str, Any] = {
        "preset": a_preset(),
        "mode": Mode.LIVE,
        "limits": Limits(),
        "cooldown": timedelta(0),
        "time_to_live": 12 * HOUR,
    }
    return Wish(rule=rule, **{**fields, **changes})


def a_buying(*wishes: Wish, limits: Limits = PLENTY, **changes: Any) -> Buying:
    """Return live buying of these wishes."""
    found = {wish.rule: wish for wish in wishes or (a_wish(),)}
    return Buying(**{"mode": Mode.LIVE, "wishes": found, "limits": limits, **changes})


def a_new_grab(status: GrabStatus = GrabStatus.PLANNED, **changes: Any) -> NewGrab:
    fields: dict[str, Any] = {
        "chain": "c1",
        "attempt": 1,
        "marketplace": MARKET,
        "rule": RULE,
        "preset": "box",
        "mode": Mode.LIVE,
        "reason": "decided",
        "instance_name": "",
        "hostnode": HostnodeId("hn-1"),
        "gpu": GPU,
        "quoted": nano(2),
        "cap": nano(3),
        "created_at": NOON,
        "time_to_live": 12 * HOUR,
    }
    return NewGrab(status=status, **{**fields, **changes})


def a_grab(books: MemoryBooks, status: GrabStatus = GrabStatus.RUNNING, **changes: Any) -> Grab:
    """Put a grab into the book, as if it had come to `status` at noon, or at `created_at`."""
    at = changes.get("created_at", NOON)
    later: dict[str, Any] = {}
    if status in BILLED | {GrabStatus.FAILED, GrabStatus.DELETED}:
        later["submitted_at"] = at
    if status in {GrabStatus.CREATED, GrabStatus.RUNNING, GrabStatus.DELETING}:
        later["instance_id"] = InstanceId(f"i-{len(books.all()) + 1}")
    own = {key: value for key, value in changes.items() if key in Grab.__dataclass_fields__}
    first = {key: value for key, value in own.items() if key in NewGrab.__dataclass_fields__}
    name = f"box-gma1b2c3{len(books.all()):010x}"
    new = a_new_grab(status, **{"instance_name": name, **first})
    with books.book() as book:
        added = book.add(new)
        books.kept.grabs[added.id] = Grab(
            **{**_values(added), **later, **{k: v for k, v in own.items() if k not in first}}
        )
    return books.kept.grabs[added.id]


def names(found: Iterable[Any]) -> list[str]:
    """Return the hostnodes of candidates or grabs."""
    return [each.hostnode for each in found]


def _values(grab: Grab) -> dict[str, Any]:
    return {name: getattr(grab, name) for name in Grab.__dataclass_fields__}
