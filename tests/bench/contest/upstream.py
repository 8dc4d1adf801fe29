"""An upstream for machines without nginx: `python -m tests.bench.contest.upstream`."""

import asyncio
import sys

from tests.bench.contest.kilobyte import BODY

ANSWER = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
).encode()


class Answering(asyncio.Protocol):
    """Answers every head that ends; the requests of the bench have no body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._read = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole, keep the rest."""
        *heads, self._read = (self._read + data).split(b"\r\n\r\n")
        self._transport.write(ANSWER * len(heads))


async def serve(port: int) -> None:
    """Answer until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
