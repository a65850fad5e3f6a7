"""What is polled, where history lives, and where metrics are served."""

from datetime import timedelta
from typing import Literal

from monitor.config.model.table import Table
from monitor.config.secret import Secret
from monitor.config.values import (
    BaseUrl,
    DatabaseUrl,
    Flag,
    Listen,
    ListenAddress,
    SomeTime,
    Text,
    Token,
)


class MarketplaceConfig(Table):
    """One marketplace to poll, and the tokens for it; `write_token` buys, if it is another one."""

    name: Text
    kind: Literal["tensordock"]
    base_url: BaseUrl = "https://dashboard.tensordock.com/api/v2"
    token: Token
    write_token: Token | None = None
    poll_interval: SomeTime = timedelta(seconds=60)
    timeout: SomeTime = timedelta(seconds=20)
    create_timeout: SomeTime = timedelta(seconds=120)


class DatabaseConfig(Table):
    """Where history lives and for how long; relative SQLite paths start at the working folder."""

    url: DatabaseUrl = Secret("sqlite:///data/monitor.db")
    retention: SomeTime = timedelta(days=400)


class ServerConfig(Table):
    """Where `/metrics` and the health checks are served."""

    listen: Listen = ListenAddress(host="127.0.0.1", port=9470)


class MetricsConfig(Table):
    """Which metrics are exported; `hostnode_series` are those with a `hostnode` label."""

    hostnode_series: Flag = True
