from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.transports.http.wire import Client, Maker, TestDialect
from wireproof.transports.http import Paths
from wireproof.transports.serve import listening
from wireproof.transports.streamable_http import StreamableHTTP


@pytest.fixture
def maker() -> Maker:
    return Maker()


Listen = Callable[..., Awaitable[Client]]


@pytest.fixture
async def listen(maker: Maker) -> AsyncIterator[Listen]:
    """Starts listeners on real sockets; they end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*, http: str = "auto", head_s: float = 10.0, **options: Any) -> Client:
            app = StreamableHTTP(maker, TestDialect(), **options)
            listener = listening(Paths({"/mcp": app}), http=http, head_s=head_s, stop_within_s=0.3)
            client = Client(await stack.enter_async_context(listener))
            client.app = app
            stack.callback(client.close)
            return client

        yield start


@pytest.fixture
async def client(listen: Listen) -> Client:
    """A client of a listener with default settings."""
    return await listen()
