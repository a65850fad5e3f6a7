"""Mistakes that involve several keys at once.

They are looked for in the raw tables, not in the model: so they are told even where other mistakes
keep the model from being built. A value that is wrong by itself is passed over here.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from monitor.config.model import (
    GrabConfig,
    MarketplaceConfig,
    MatchConfig,
    PresetConfig,
    QuietHoursConfig,
    ReceiverConfig,
    RuleConfig,
    Table,
)
from monitor.config.names import did_you_mean
from monitor.config.place import Finding, Place, show
from monitor.config.shape import tables
from monitor.config.times import TimeOfDay
from monitor.config.values import Dollars, Flag, Percentage, Ports, Whole
from monitor.rules.against import Yardstick
from monitor.rules.system import PREFIX, PROGRAM

LIMITS = (
    "max_instances",
    "max_total_per_hour",
    "max_spend_per_day",
    "max_spend_per_month",
    "max_creates_per_hour",
)
"""What live buying must be limited by."""
SSH_PORT = 22

_DOLLARS: Final[TypeAdapter[Any]] = TypeAdapter(Dollars)
_WHOLE: Final[TypeAdapter[Any]] = TypeAdapter(Whole)
_FLAG: Final[TypeAdapter[Any]] = TypeAdapter(Flag)
_PERCENT: Final[TypeAdapter[Any]] = TypeAdapter(Percentage)
_TIME_OF_DAY: Final[TypeAdapter[Any]] = TypeAdapter(TimeOfDay)
_PORTS: Final[TypeAdapter[Any]] = TypeAdapter(Ports)

Raw = dict[str, Any]


def check(root: object) -> Iterator[Finding]:
    """Yield what is wrong between the keys of the configuration `root`."""
    for place, table, raw in tables(root):
        if table in _CHECKS:
            yield from _CHECKS[table](place, raw)
    if isinstance(root, dict):
        for section in ("marketplaces", "receivers", "rules", "presets"):
            yield from _twice(root, section)
        yield from _unknown_names(root)


def _match(place: Place, raw: Raw) -> Iterator[Finding]:
    bounds = (
        ("min_price_per_gpu_hour", "max_price_per_gpu_hour", _DOLLARS),
        ("min_tier", "max_tier", _WHOLE),
    )
    for low, high, kind in bounds:
        least, most = _good(kind, raw.get(low)), _good(kind, raw.get(high))
        if least is not None and most is not None and least > most:
            yield (*place, high), f"is below `{low}`"
    if raw.get("max_total_per_hour") is not None and raw.get("resources") is None:
        yield (*place, "max_total_per_hour"), "needs `resources`: a total is the price of a shape"
    if raw.get("min_uptime") is not None and raw.get("uptime_below") is not None:
        yield from _no_uptime(place, raw)
    if _good(_FLAG, raw.get("gone")):
        for key in (each.value for each in Yardstick if raw.get(each.value) is not None):
            yield (*place, key), "cannot stand beside `gone`: what is gone has no price to compare"


def _no_uptime(place: Place, raw: Raw) -> Iterator[Finding]:
    least, below = _good(_PERCENT, raw["min_uptime"]), _good(_PERCENT, raw["uptime_below"])
    if least is not None and below is not None and below <= least:
        yield (*place, "uptime_below"), "is not above `min_uptime`: no uptime is both"


def _marketplace(place: Place, raw: Raw) -> Iterator[Finding]:
    if raw.get("name") == PROGRAM:
        yield (*place, "name"), "is what the program calls itself in alerts: choose another one"


def _rule(place: Place, raw: Raw) -> Iterator[Finding]:
    if str(raw.get("name")).startswith(PREFIX):
        yield (*place, "name"), f"must not begin with `{PREFIX}`: those are the program's own rules"
    match = raw.get("match")
    gone = isinstance(match, dict) and _good(_FLAG, match.get("gone"))
    if gone and raw.get("grab") is not None:
        yield (*place, "grab"), "cannot stand beside `gone`: what is gone cannot be bought"


def _preset(place: Place, raw: Raw) -> Iterator[Finding]:
    keys = [key for key in ("ssh_key_id", "ssh_key") if raw.get(key) is not None]
    if not keys:
        yield place, "has no SSH key: give one of `ssh_key_id`, `ssh_key`, `ssh_key_file`"
    elif len(keys) > 1:
        yield (*place, "ssh_key"), "stands beside `ssh_key_id`: give one of them"
    ports = _good(_PORTS, raw.get("port_forwards"))
    ubuntu = str(raw.get("image")).lower().startswith("ubuntu")
    if ubuntu and ports is not None and SSH_PORT not in ports:
        yield (
            (*place, "port_forwards"),
            f"must hold {SSH_PORT}: the marketplace refuses Ubuntu without it",
        )


def _quiet_hours(place: Place, raw: Raw) -> Iterator[Finding]:
    begin, end = (_good(_TIME_OF_DAY, raw.get(key)) for key in ("from", "to"))
    if begin is not None and begin == end:
        yield (*place, "to"), "is `from`: name an earlier or later time"


def _receiver(place: Place, raw: Raw) -> Iterator[Finding]:
    kind = "alertmanager" if raw.get("kind") == "alertmanager" else "apprise"
    wanted, others = ("url", _OF_APPRISE) if kind == "alertmanager" else ("urls", _OF_ALERTMANAGER)
    given = [key for key in others if raw.get(key) is not None]
    if raw.get(wanted) is None:
        hint = "; give it or `urls_file`" if kind == "apprise" else ": the address of Alertmanager"
        yield (*place, wanted), f"is missing{hint}"
    for key in given:
        yield (*place, key), f"is not a key of a receiver of the kind `{kind}`"
    if kind == "alertmanager":
        yield from _authorization(place, raw)


_OF_APPRISE = ("urls", "rate_limit", "templates")
_OF_ALERTMANAGER = ("url", "generator_url", "username", "password", "token")


def _authorization(place: Place, raw: Raw) -> Iterator[Finding]:
    username, password = (raw.get(key) is not None for key in ("username", "password"))
    if username != password:
        lacking = "password" if username else "username"
        yield place, f"has a {'username' if username else 'password'} and no `{lacking}`"
    if raw.get("token") is not None and username:
        yield (*place, "token"), "stands beside `username`: give one of them"


def _grab(place: Place, raw: Raw) -> Iterator[Finding]:
    missing = [limit for limit in LIMITS if raw.get(limit) is None]
    if raw.get("mode") == "live" and missing:
        yield (*place, "mode"), f"live buying needs all five limits; missing: {', '.join(missing)}"


_CHECKS: Mapping[type[Table], Callable[[Place, Raw], Iterator[Finding]]] = {
    MatchConfig: _match,
    RuleConfig: _rule,
    MarketplaceConfig: _marketplace,
    PresetConfig: _preset,
    ReceiverConfig: _receiver,
    GrabConfig: _grab,
    QuietHoursConfig: _quiet_hours,
}


def _twice(root: Raw, section: str) -> Iterator[Finding]:
    first: dict[object, int] = {}
    for index, name in enumerate(_names(root, section)):
        if isinstance(name, str) and first.setdefault(name, index) != index:
            yield (section, index, "name"), f"is the name of {section}[{first[name]}] already"


def _unknown_names(root: Raw) -> Iterator[Finding]:
    """Yield the receivers and presets that are referred to and do not exist.

    Where one of them has a name that cannot be read, nothing is said: it may be the one meant.
    """
    for section, references in (("receivers", _receivers(root)), ("presets", _presets(root))):
        known = _names(root, section)
        if all(isinstance(name, str) for name in known):
            for place, name in references:
                if isinstance(name, str) and name not in known:
                    hint = did_you_mean(name, known)
                    yield place, f"there is no `{show(name)}` among the {section}{hint}"


def _receivers(root: Raw) -> Iterator[tuple[Place, object]]:
    sections = [((name,), root.get(name)) for name in ("notifications", "system")]
    telling = [*sections, *_items(root, "rules")]
    inner = [
        ((*place, key), table[key])
        for place, table in telling
        for key in ("escalate", "digest")
        if isinstance(table, dict) and key in table
    ]
    for place, table in (*telling, *inner):
        match table.get("notify") if isinstance(table, dict) else None:
            case list() as names:
                yield from (((*place, "notify", i), name) for i, name in enumerate(names))
            case name:
                yield (*place, "notify"), name


def _presets(root: Raw) -> Iterator[tuple[Place, object]]:
    for place, rule in _items(root, "rules"):
        grab = rule.get("grab") if isinstance(rule, dict) else None
        if isinstance(grab, dict):
            yield (*place, "grab", "preset"), grab.get("preset")


def _names(root: Raw, section: str) -> list[Any]:
    return [
        item.get("name") if isinstance(item, dict) else None for _, item in _items(root, section)
    ]


def _items(root: Raw, section: str) -> list[tuple[Place, Any]]:
    items = root.get(section)
    return [((section, i), item) for i, item in enumerate(items)] if isinstance(items, list) else []


def _good(kind: TypeAdapter[Any], value: object) -> Any:
    """Return `value` as its `kind`, or `None` if it is not given or wrong."""
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None
