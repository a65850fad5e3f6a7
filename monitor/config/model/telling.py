"""Who is told, and when."""

from datetime import timedelta

from monitor.config.model.table import Table
from monitor.config.values import Duration, Flag, Secrets, Share, SomeTime, Text, Texts


class ReceiverConfig(Table):
    """A name for one or several Apprise URLs, each of which is delivered to on its own."""

    name: Text
    urls: Secrets


class NotificationsConfig(Table):
    """When alerts are told and to whom, unless a rule says otherwise; names as in Alertmanager.

    `group_wait` is zero: a whole snapshot is evaluated at once, so waiting gathers nothing more,
    and to a buyer seconds matter. `improve_by` is a share: 0.05 is 5 %.
    """

    notify: Texts = ()
    group_wait: Duration = timedelta(0)
    group_interval: SomeTime = timedelta(minutes=1)
    repeat_interval: SomeTime = timedelta(hours=4)
    send_resolved: Flag = True
    improve_by: Share = 0.05
