"""A load generator for HTTP/1.1: so many connections, one request each at a time, bodies made beforehand.

    python -m benchmarks.load URL --connections 16 --seconds 5 --header "A2A-Version: 1.0" --body '{"id": "%d"}'

Raw asyncio protocols, so that the generator costs less than what it measures. `%d` in the body becomes a counter.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

_LENGTH: Final = re.compile(rb"(?i)content-length: *(\d+)")


class Client(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last is whole."""

    def __init__(self, head: bytes, body: str, counter: list[int], prefix: str) -> None:
        self._head = head
        self._body = body
        self._counter = counter
        self._prefix = prefix
        self._held = b""
        self._transport: Any = None
        self.done = 0
        self.bad = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._counter[0] += 1
        body = self._body.replace("%d", f"{self._prefix}{self._counter[0]}").encode()
        self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (self._head, len(body), body))

    def data_received(self, data: bytes) -> None:
        """Count whole answers."""
        self._held += data
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self._held, 0, end)
        size = end + 4 + (int(found.group(1)) if found else 0)
        if len(self._held) < size:
            return
        if not self._held.startswith(b"HTTP/1.1 200") or b'"error"' in self._held:
            self.bad += 1
        self.done += 1
        self._held = self._held[size:]
        self._send()

    def stop(self) -> None:
        """End the connection."""
        self._transport.abort()


async def load(url: str, body: str, headers: list[str], connections: int, seconds: float) -> tuple[float, int]:
    """Requests per second, and how many answers were no good ones."""
    parts = urlsplit(url)
    lines = [f"POST {parts.path or '/'} HTTP/1.1", f"host: {parts.netloc}", "content-type: application/json", *headers]
    head = ("\r\n".join(lines) + "\r\n").encode()
    loop = asyncio.get_running_loop()
    counter, clients = [0], []
    for number in range(connections):
        client = Client(head, body, counter, f"{id(counter)}-{number}-")
        await loop.create_connection(lambda client=client: client, parts.hostname, parts.port)  # type: ignore[misc]
        clients.append(client)
    await asyncio.sleep(seconds / 5)  # warm up
    before, begun = sum(client.done for client in clients), perf_counter()
    await asyncio.sleep(seconds)
    rate = (sum(client.done for client in clients) - before) / (perf_counter() - begun)
    for client in clients:
        client.stop()
    return rate, sum(client.bad for client in clients)


def main() -> int:
    """Print the rate; exit code 1 when an answer was bad."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--body", required=True)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    run = asyncio.run
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        pass
    rate, bad = run(load(options.url, options.body, options.header, options.connections, options.seconds))
    print(f"{rate:.0f} requests/s, {bad} bad answers")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
