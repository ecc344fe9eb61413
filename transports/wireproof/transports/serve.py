"""Run an ASGI app under uvicorn: deadlines on heads, our own signals, an end within seconds, port 0 told truthfully.

Knows no protocol. uvicorn is imported when something is served, and only then.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from wireproof.transports.exchange import DEFAULT_LIMITS, Limits
from wireproof.transports.http import Stoppable

if TYPE_CHECKING:
    import uvicorn

HEAD_S: Final = 10.0
"""Seconds that a connection has for the head of each request."""
MAX_HEAD: Final = 64 * 1024
"""Bytes of one request head."""
STOP_WITHIN_S: Final = 2.0
"""Seconds that running answers get after the first signal."""
_CUT_S: Final = 0.5
_COLLECT: Final = (5_000, 20, 20)
_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class MissingHTTPStack(ImportError):
    """uvicorn is not installed."""


def tell_on_stderr(url: str) -> None:
    """Say where the server listens."""
    print(f"Listening on {url}", file=sys.stderr, flush=True)  # noqa: T201


async def serve(
    app: Stoppable,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits = DEFAULT_LIMITS,
    head_s: float = HEAD_S,
    stop_within_s: float = STOP_WITHIN_S,
    tell: Callable[[str], None] = tell_on_stderr,
) -> None:
    """Serve `app` until SIGTERM or SIGINT. `port` 0 takes a free one; `tell` gets the URL once it listens.

    The first signal stops `app` (open streams end properly) and everything is over within `stop_within_s` plus about a
    second; the second ends the process at once. Raises `MissingHTTPStack` without uvicorn, `OSError` when the address
    is taken.
    """
    async with listening(app, host=host, port=port, limits=limits, head_s=head_s, stop_within_s=stop_within_s) as url:
        tell(url)
        await until_signal()


async def until_signal() -> None:
    """Return at SIGTERM or SIGINT; from then on another one ends the process at once."""
    stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with _signals(stopped):
        await stopped


def run(app: Stoppable, **options: Any) -> None:
    """`serve` in an event loop of its own, uvloop where it is installed. `options` are those of `serve`.

    The process is this server's from here on: what was loaded is no more looked at for garbage, and the collector runs
    seldom enough not to be felt (requests leave no cycles behind; it is there for an author's).
    """
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(app, **options))
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(app, **options))


@asynccontextmanager
async def listening(
    app: Stoppable,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    limits: Limits = DEFAULT_LIMITS,
    head_s: float = HEAD_S,
    stop_within_s: float = STOP_WITHIN_S,
    http: str = "auto",
) -> AsyncGenerator[str]:
    """Listen while the block runs; gives the URL. Touches no signal. `http` is auto, httptools or h11."""
    server = _make_server(app, host, port, limits, head_s, http)
    serving = asyncio.create_task(server.serve(), name="wireproof-http")
    try:
        await _started(server, serving)
        yield _url(server, host)
    finally:
        await _stop(app, server, serving, stop_within_s)


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        done, _ = await asyncio.wait([serving], timeout=0.005)
        if done:
            raise serving.exception() or OSError("the server did not start; its reason was logged")


async def _stop(app: Stoppable, server: uvicorn.Server, serving: asyncio.Task[None], within_s: float) -> None:
    """Take no more connections, let the app end what is open, then cut what does not go."""
    for listener in getattr(server, "servers", []):
        listener.close()
    if not serving.done():
        await app.stop(within_s=within_s)
    server.should_exit = True
    done, _ = await asyncio.wait([serving], timeout=_CUT_S)
    if not done:
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.wait([serving], timeout=_CUT_S)
        server.force_exit = True
    with contextlib.suppress(SystemExit):
        await serving


def _make_server(app: Stoppable, host: str, port: int, limits: Limits, head_s: float, http: str) -> uvicorn.Server:
    try:
        import uvicorn
    except ImportError as error:
        raise MissingHTTPStack("Serving over HTTP needs uvicorn: pip install 'wireproof[http]'") from error

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Generator[None]:
            yield  # signals are ours

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=_head_limited(http, head_s),
        ws="websockets-sansio",
        ws_max_size=limits.message,
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who may claim to be a proxy is for the operator to say, in front of us
        lifespan="auto",
    )
    return Server(config)


def _url(server: uvicorn.Server, host: str) -> str:
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _HeadLimits(asyncio.Protocol):
    """Mixed into uvicorn's HTTP protocol: a deadline and a bound on heads, and a way to cut the connection."""

    head_s: float
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    app_state: dict[str, Any]
    cycle: Any  # uvicorn's own, typed otherwise in each implementation
    _head_due: asyncio.TimerHandle | None = None
    _head_size = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "wireproof.abort": transport.abort}
        self._head_due = self.loop.call_later(self.head_s, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self._is_over():
            self._head_done()
        else:
            self._head_goes_on(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_done()
        super().connection_lost(exc)

    def _is_over(self) -> bool:
        """Closing, or upgraded to a protocol of its own."""
        return self.transport.is_closing() or self.transport.get_protocol() is not self

    def _head_goes_on(self, size: int) -> None:
        if self._head_due is None:
            self._head_due = self.loop.call_later(self.head_s, self.transport.abort)
        self._head_size += size
        if self._head_size > MAX_HEAD:
            if self.cycle is None:
                self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _head_done(self) -> None:
        self._head_size = 0
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None


def _head_limited(http: str, head_s: float) -> type[asyncio.Protocol]:
    return type("HeadLimited", (_HeadLimits, _protocol(http)), {"head_s": head_s})


def _protocol(http: str) -> type[asyncio.Protocol]:
    if http != "h11":
        try:
            from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
        except ImportError:
            if http == "httptools":
                raise
        else:
            return HttpToolsProtocol
    from uvicorn.protocols.http.h11_impl import H11Protocol

    return H11Protocol


@contextmanager
def _signals(stopped: asyncio.Future[None]) -> Generator[None]:
    """The first signal resolves `stopped`; until the process is over, another one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if stopped.done():
            os._exit(128 + number)
        stopped.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    yield
