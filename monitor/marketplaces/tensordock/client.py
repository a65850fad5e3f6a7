"""The read side of the TensorDock API: both hostnode endpoints."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from monitor.clock import monotonic
from monitor.errors import MalformedError, MarketError
from monitor.market.hostnode import HostnodeId
from monitor.market.snapshot import Outcome, Poll, Snapshot
from monitor.marketplaces.base import HostnodeDetail, outcome_of
from monitor.marketplaces.tensordock.decode import decode_hostnode, decode_hostnodes
from monitor.marketplaces.tensordock.http import Http


class TensorDock:
    """One account's view of the marketplace; safe to share between threads."""

    def __init__(self, *, name: str, http: Http, seconds: Callable[[], float] = monotonic) -> None:
        self.name = name
        self._http = http
        self._seconds = seconds

    @classmethod
    def connect(
        cls, *, name: str, base_url: str, token: str, timeout: timedelta, version: str
    ) -> "TensorDock":
        """Return a client; nothing is sent before the first call."""
        agent = f"gpu-monitor/{version}"
        http = Http(base_url=base_url, token=token, timeout=timeout, user_agent=agent)
        return cls(name=name, http=http)

    def poll(self, now: datetime) -> Poll:
        """Fetch all hostnodes once; whatever the marketplace does is an outcome, never raised."""
        began = self._seconds()
        snapshot: Snapshot | None = None
        try:
            body = self._http.get("hostnodes")
            found = decode_hostnodes(body, marketplace=self.name, at=now)
        except MarketError as error:
            outcome, detail = outcome_of(error), str(error)
        else:
            # An empty list "happens while the market is not empty": it is no evidence.
            outcome = Outcome.OK if found.hostnodes else Outcome.EMPTY
            detail = "" if found.hostnodes else "the list has no hostnodes"
            snapshot = found if found.hostnodes else None
        return Poll(
            marketplace=self.name,
            at=now,
            outcome=outcome,
            duration=self._seconds() - began,
            snapshot=snapshot,
            detail=detail,
        )

    def hostnode(self, hostnode_id: HostnodeId) -> HostnodeDetail:
        """Fetch one hostnode as it is now.

        Raises:
            MarketError: for every answer that is not this hostnode; an unknown id is a
                `RefusedError` with status 404.
        """
        detail = decode_hostnode(self._http.get(f"hostnodes/{quote(hostnode_id, safe='')}"))
        if detail.hostnode.id != hostnode_id:
            raise MalformedError(f"asked for hostnode {hostnode_id}, another one came")
        return detail

    def close(self) -> None:
        """Close all connections; the client cannot be used afterwards."""
        self._http.close()
