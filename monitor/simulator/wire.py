"""Delivers an answer in each way a server, or the network between, can; the broken ones too."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from typing import Final, assert_never, cast

from fastapi import Response
from starlette.types import Receive, Scope, Send

from monitor.simulator.answers import Answer, Delivery

TRANSPORT: Final = "simulator.transport"
"""The key of the connection's transport in the ASGI scope; `server` puts it there."""

DRIPS = 20
_LINGER_NOT = struct.pack("ii", 1, 0)
"""SO_LINGER on and 0 seconds: closing resets the connection."""


class Delivered(Response):
    """An answer on its way."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(
            content=answer.body,
            status_code=answer.status,
            headers=dict(answer.headers),
            media_type=answer.media_type,
        )
        self.answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Deliver it, as ASGI wants."""
        match self.answer.delivery:
            case Delivery.WHOLE:
                await super().__call__(scope, receive, send)
            case Delivery.LATE:
                if not await _gone_within(self.answer.seconds, receive):
                    await super().__call__(scope, receive, send)
            case Delivery.DRIP:
                await self._drip(receive, send)
            case Delivery.CUT_OFF:
                await self._begin(send)
                await _body(send, bytes(self.body[: len(self.body) // 2]), more=True)
                _transport(scope).close()
                await _gone(receive)
            case Delivery.DROP:
                _transport(scope).close()
                await _gone(receive)
            case Delivery.RESET:
                _reset(_transport(scope))
                await _gone(receive)
            case Delivery.HANG:
                await _gone(receive)
            case _:
                assert_never(self.answer.delivery)

    async def _begin(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )

    async def _drip(self, receive: Receive, send: Send) -> None:
        await self._begin(send)
        for piece in _pieces(bytes(self.body)):
            await _body(send, piece, more=True)
            if await _gone_within(self.answer.seconds / DRIPS, receive):
                return
        await _body(send, b"", more=False)


def _pieces(body: bytes) -> Iterator[bytes]:
    size = max(1, -(-len(body) // DRIPS))
    return (body[start : start + size] for start in range(0, len(body), size))


async def _body(send: Send, body: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    """Wait until the client gave up or the server stops."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _gone_within(seconds: float, receive: Receive) -> bool:
    """Wait `seconds`, or less if the client gives up or the server stops; return whether."""
    try:
        await asyncio.wait_for(_gone(receive), timeout=seconds)
    except TimeoutError:
        return False
    return True


def _transport(scope: Scope) -> asyncio.Transport:
    return cast("asyncio.Transport", scope["extensions"][TRANSPORT])


def _reset(transport: asyncio.Transport) -> None:
    connection = cast("socket.socket", transport.get_extra_info("socket"))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()
