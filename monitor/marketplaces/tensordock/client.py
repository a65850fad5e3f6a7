"""The TensorDock API, version 2, as a marketplace that can be polled and bought from."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Self
from urllib.parse import quote

from monitor.clock import monotonic
from monitor.errors import (
    MalformedError,
    MarketError,
    RefusedError,
    ThrottledError,
    UnsentError,
)
from monitor.market.hostnode import HostnodeId
from monitor.market.instance import (
    CreateOutcome,
    Instance,
    InstanceId,
    NotCreated,
    NotCreatedReason,
    Order,
    Unclear,
)
from monitor.market.snapshot import HostnodeDetail, Outcome, Poll
from monitor.marketplaces.base import outcome_of
from monitor.marketplaces.tensordock.decode import decode_hostnode, decode_hostnodes
from monitor.marketplaces.tensordock.http import Http, judged
from monitor.marketplaces.tensordock.instances import (
    check_deleted,
    decode_instance,
    decode_instances,
)
from monitor.marketplaces.tensordock.orders import outcome, request_body
from monitor.marketplaces.tensordock.rows import Reader

CREATE_WITHIN = timedelta(seconds=120)
"""Creating was seen to outlast a minute."""
DELETE_WITHIN = timedelta(seconds=20)
LONGEST_PAUSE = timedelta(minutes=10)
"""The longest `Retry-After` that is believed: a mistake there must not blind us for a day."""
_WAITING = "nothing was sent: the marketplace asked to wait, {left:.0f} s are left"


class TensorDock:
    """A `Marketplace` behind the documented API (`design/marketplace.md`).

    A pause that the marketplace asked for holds for all calls but `delete`: another 429 costs
    nothing, an instance that goes on does.
    """

    def __init__(
        self,
        *,
        name: str,
        http: Http,
        create_timeout: timedelta = CREATE_WITHIN,
        delete_timeout: timedelta = DELETE_WITHIN,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._name = name
        self._http = http
        self._create_timeout = create_timeout
        self._delete_timeout = delete_timeout
        self._monotonic = monotonic
        self._not_before = 0.0
        self._reader = Reader()

    @classmethod
    def connect(
        cls,
        *,
        name: str,
        base_url: str,
        token: str | Callable[[], str],
        write_token: str | None = None,
        timeout: timedelta,
        create_timeout: timedelta = CREATE_WITHIN,
        version: str,
    ) -> Self:
        """Return a client of the API at `base_url`; nothing is sent yet.

        `timeout` is what a read or a delete may take in all, `create_timeout` a create;
        `write_token` creates and deletes, if `token` may not; `version` is told in the
        User-Agent.
        """
        http = Http(
            base_url=base_url,
            token=token,
            write_token=write_token,
            timeout=timeout,
            version=version,
        )
        return cls(name=name, http=http, create_timeout=create_timeout, delete_timeout=timeout)

    @property
    def name(self) -> str:
        """The marketplace's name in the configuration, the database and the metrics."""
        return self._name

    def poll(self, now: datetime) -> Poll:
        """Fetch all hostnodes once; whatever the marketplace does is an outcome, never raised."""
        started = self._monotonic()
        try:
            snapshot = decode_hostnodes(
                self._get("/hostnodes"), marketplace=self._name, at=now, reader=self._reader
            )
        except MarketError as error:
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

    def hostnode(self, hostnode_id: HostnodeId) -> HostnodeDetail:
        """Fetch one hostnode as it is now.

        Raises:
            MarketError: for every answer that is not this hostnode; an unknown id is a
                `RefusedError` with status 404.
        """
        detail = decode_hostnode(self._get(f"/hostnodes/{quote(hostnode_id, safe='')}"))
        if detail.hostnode.id != hostnode_id:
            raise MalformedError(f"asked for hostnode {hostnode_id}, got {detail.hostnode.id}")
        return detail

    def create(self, order: Order) -> CreateOutcome:
        """Ask for one instance, in one request that is never sent again.

        Whatever the marketplace does is an outcome, never raised. While a pause is asked for,
        nothing is sent.
        """
        try:
            self._wait_not()
            answer = self._http.act(
                "POST", "/instances", content=self.request(order), within=self._create_timeout
            )
        except ThrottledError as error:
            return NotCreated(
                reason=NotCreatedReason.THROTTLED, detail=str(error), retry_after=error.retry_after
            )
        except UnsentError as error:
            return NotCreated(reason=NotCreatedReason.UNREACHABLE, detail=str(error))
        except MarketError as error:
            return Unclear(detail=str(error))
        came = outcome(answer, order)
        if isinstance(came, NotCreated):
            self._heed(came.retry_after)
        return came

    def request(self, order: Order) -> bytes:
        """Return the body that `create` would send, in JSON; it may hold secrets of the user."""
        return request_body(order)

    def instances(self) -> tuple[Instance, ...]:
        """Fetch all instances of the organisation, whoever made them.

        Raises:
            MarketError: for every answer that is not the whole list; a list of which a part
                cannot be read is a `MalformedError`, so that no instance looks absent by mistake.
        """
        return decode_instances(self._get("/instances"))

    def instance(self, instance_id: InstanceId) -> Instance | None:
        """Fetch one instance; `None` if the marketplace says (404) that there is none.

        Raises:
            MarketError: for every other answer that is not this instance.
        """
        try:
            found = decode_instance(self._get(_path(instance_id)))
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        if found.id != instance_id:
            raise MalformedError(f"asked for instance {instance_id}, got {found.id}")
        return found

    def delete(self, instance_id: InstanceId) -> None:
        """Ask once for an instance to be deleted; one that is gone already is deleted.

        That it returns is no proof: only a list without the instance is.

        Raises:
            MarketError: the marketplace did not say that it deletes it.
        """
        path = _path(instance_id)
        try:
            answer = self._http.act("DELETE", path, within=self._delete_timeout)
            check_deleted(judged(answer, f"DELETE {path}"))
        except ThrottledError as error:
            self._heed(error.retry_after)
            raise
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def close(self) -> None:
        """Close all connections; the marketplace cannot be used afterwards."""
        self._http.close()

    def _get(self, path: str) -> bytes:
        self._wait_not()
        try:
            return self._http.get(path)
        except ThrottledError as error:
            self._heed(error.retry_after)
            raise

    def _wait_not(self) -> None:
        """Raise `ThrottledError` while a pause is asked for: who is in a hurry must not wait."""
        left = self._not_before - self._monotonic()
        if left > 0:
            pause = timedelta(seconds=left)
            raise ThrottledError(_WAITING.format(left=left), retry_after=pause)

    def _heed(self, pause: timedelta | None) -> None:
        """Remember a pause that was asked for, so that the calls before its end send nothing."""
        if pause is not None:
            until = self._monotonic() + min(pause, LONGEST_PAUSE).total_seconds()
            self._not_before = max(self._not_before, until)

    def _failed(self, now: datetime, started: float, outcome: Outcome, detail: str) -> Poll:
        return Poll(
            marketplace=self._name,
            at=now,
            outcome=outcome,
            duration=self._monotonic() - started,
            detail=detail,
        )


def _path(instance_id: InstanceId) -> str:
    return f"/instances/{quote(instance_id, safe='')}"
