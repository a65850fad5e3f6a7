"""What is written about buying arrives where it is decided."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.config.buying import buying
from monitor.grab.grab import Mode
from monitor.grab.wish import Limits, Orphans, WhenDearer
from monitor.market.money import nano
from monitor.rules.alert import RuleName

TEXT = """\
    rules:
      - name: r
        match: {{gpu: l4-*}}
        grab:
          {{preset: p, mode: {rule}, max_total_per_hour: 1.5, max_spend_per_day: 9,
           max_creates_per_hour: 2, cooldown: 1h, one_shot: true, stop_when_spent: 4}}
      - {{name: other, match: {{gpu: l4-*}}}}
    presets:
      - name: p
        image: ubuntu2404
        resources: {{vcpu_count: 2, ram_gb: 4, storage_gb: 100}}
        ssh_key_id: k
    grab:
      {{mode: {all}, max_instances: 3, max_total_per_hour: 5, max_spend_per_day: 10,
       max_spend_per_month: 100, max_creates_per_hour: 7, approve_within: 1h, max_attempts: 2,
       host_cooldown: 5m, orphans: adopt, when_dearer: delete}}
"""
RULE = RuleName("r")


def test_every_key_reaches_its_place(load_text: Any) -> None:
    found = buying(load_text(TEXT.format(rule="live", all="live")))
    assert found.limits == Limits(
        max_instances=3,
        max_total_per_hour=nano(5),
        max_spend_per_day=nano(10),
        max_spend_per_month=nano(100),
        max_creates_per_hour=7,
    )
    assert (found.approve_within, found.max_attempts) == (timedelta(hours=1), 2)
    assert (found.host_cooldown, found.stop_file) == (timedelta(minutes=5), "data/STOP")
    assert (found.orphans, found.when_dearer) == (Orphans.ADOPT, WhenDearer.DELETE)
    assert found.wishes.keys() == {RULE}
    wish = found.wishes[RULE]
    assert wish.limits == Limits(max_instances=1, max_spend_per_day=nano(9), max_creates_per_hour=2)
    assert (wish.max_total_per_hour, wish.stop_when_spent) == (nano(1.5), nano(4))
    assert (wish.cooldown, wish.one_shot) == (timedelta(hours=1), True)
    assert wish.preset.name == "p"
    assert wish.conditions


@pytest.mark.parametrize(
    ("rule", "every", "counts"),
    [
        ("live", "live", Mode.LIVE),
        ("live", "dry_run", Mode.DRY_RUN),
        ("approve", "live", Mode.APPROVE),
        ("dry_run", "approve", Mode.DRY_RUN),
    ],
)
def test_a_rule_is_never_looser_than_all_together(
    load_text: Any, rule: str, every: str, counts: Mode
) -> None:
    text = TEXT.format(rule=rule, all=every)
    assert buying(load_text(text)).wishes[RULE].mode is counts
