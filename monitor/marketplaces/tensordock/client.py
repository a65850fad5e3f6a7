"""The TensorDock API, version 2, as a marketplace that can be polled."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self
from urllib.parse import quote

from monitor.clock import monotonic
from monitor.errors import MalformedError, MarketError, ThrottledError
from monitor.market.hostnode import HostnodeId
from monitor.market.snapshot import Outcome, Poll
from monitor.marketplaces.base import HostnodeDetail, outcome_of
from monitor.marketplaces.tensordock.decode import decode_hostnode, decode_hostnodes
from monitor.marketplaces.tensordock.http import Http

LONGEST_PAUSE = timedelta(minutes=10)
"""The longest `Retry-After` that is believed: a mistake there must not blind us for a day."""
_WAITING = "nothing was sent: the marketplace asked to wait, {left:.0f} s are left"


class TensorDock:
    """A `Marketplace` behind the documented API (`design/marketplace.md`)."""

    def __init__(
        self, *, name: str, http: Http, monotonic: Callable[[], float] = monotonic
    ) -> None:
        self._name = name
        self._http = http
        self._monotonic = monotonic
        self._not_before = 0.0

    @classmethod
    def connect(
        cls,
        *,
        name: str,
        base_url: str,
        token: str | Callable[[], str],
        timeout: timedelta,
        version: str,
    ) -> Self:
        """Return a client of the API at `base_url`; nothing is sent yet.

        `timeout` is what a read may take in all; `version` is told in the User-Agent.
        """
        http = Http(base_url=base_url, token=token, timeout=timeout, version=version)
        return cls(name=name, http=http)

    @property
    def name(self) -> str:
        """The marketplace's name in the configuration, the database and the metrics."""
        return self._name

    def poll(self, now: datetime) -> Poll:
        """Fetch all hostnodes once; whatever the marketplace does is an outcome, never raised."""
        started = self._monotonic()
        if started < self._not_before:
            left = self._not_before - started
            return self._failed(now, started, Outcome.THROTTLED, _WAITING.format(left=left))
        try:
            body = self._http.get("/hostnodes")
            snapshot = decode_hostnodes(body, marketplace=self._name, at=now)
        except MarketError as error:
            self._heed(error)
            return self._failed(now, started, outcome_of(error), str(error))
        if not snapshot.hostnodes:
            # Seen several times while the market was not empty: no evidence of anything.
            return self._failed(now, started, Outcome.EMPTY, "the list of hostnodes was empty")
        return Poll(
            marketplace=self._name,
            at=now,
            outcome=Outcome.OK,
            duration=self._monotonic() - started,
            snapshot=snapshot,
            issues=snapshot.issues,
        )

    def _heed(self, error: MarketError) -> None:
        """Remember a pause that was asked for, so that the polls before its end send nothing."""
        if isinstance(error, ThrottledError) and error.retry_after is not None:
            pause = min(error.retry_after, LONGEST_PAUSE)
            self._not_before = self._monotonic() + pause.total_seconds()

    def hostnode(self, hostnode_id: HostnodeId) -> HostnodeDetail:
        """Fetch one hostnode as it is now.

        Raises:
            MarketError: for every answer that is not this hostnode; an unknown id is a
                `RefusedError` with status 404.
        """
        detail = decode_hostnode(self._http.get(f"/hostnodes/{quote(hostnode_id, safe='')}"))
        if detail.hostnode.id != hostnode_id:
            raise MalformedError(f"asked for hostnode {hostnode_id}, got {detail.hostnode.id}")
        return detail

    def close(self) -> None:
        """Close all connections; the marketplace cannot be used afterwards."""
        self._http.close()

    def _failed(self, now: datetime, started: float, outcome: Outcome, detail: str) -> Poll:
        return Poll(
            marketplace=self._name,
            at=now,
            outcome=outcome,
            duration=self._monotonic() - started,
            detail=detail,
        )
