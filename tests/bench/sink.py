"""`python -m tests.bench.sink`: an HTTP receiver in a process of its own, that takes everything.

It prints its port, and at the end of its input how many requests it has answered.
"""

import asyncio
import re
import sys

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Sink:
    """Answers each request once it has been read."""

    def __init__(self) -> None:
        self.answered = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on one connection until it is closed."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                await reader.readexactly(int(found[1]) if found else 0)
                writer.write(_ANSWER)
                await writer.drain()
                self.answered += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _serve() -> None:
    sink = Sink()
    server = await asyncio.start_server(sink.converse, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  what the parent reads
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(sink.answered, flush=True)  # noqa: T201  likewise


if __name__ == "__main__":
    asyncio.run(_serve())
