"""One HTTP exchange with one address: the driver of `fetcher`, and the only module that opens its sockets.

It dials the addresses that it is given, never a name; TLS still checks the certificate against the name.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final

import httpcore2
import httpx2
from httpcore2 import AnyIOBackend, AsyncConnectionPool, AsyncNetworkBackend, AsyncNetworkStream

from wireproof.auth.addresses import Target, shorten
from wireproof.auth.fetcher import Ask, Fetched, TooBig, Unreachable

_WINDOW: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_CONNECT_S: Final = 5.0


class _Pinned(AsyncNetworkBackend):
    """Dials the classified addresses, whatever name the pool asks for."""

    def __init__(self, target: Target, addresses: Sequence[str]) -> None:
        self._target = target
        self._addresses = addresses
        self._backend = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        if port != self._target.port:
            raise httpcore2.ConnectError(f"asked for port {port} of {host}")
        last: Exception | None = None
        for address in self._addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        raise last or httpcore2.ConnectError("no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        raise httpcore2.ConnectError("no sockets of the file system")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


async def exchange(
    target: Target, addresses: Sequence[str], ask: Ask, *, max_body: int, trust: ssl.SSLContext | None = None
) -> Fetched:
    """Send `ask` to the first address that answers, and read the answer. Raises `Unreachable` and `TooBig`.

    The caller sets the total time. `trust` replaces the system's certificates.
    """
    backend = _Pinned(target, addresses)
    context = (trust or _tls()) if target.scheme == "https" else None
    pool = AsyncConnectionPool(ssl_context=context, max_connections=1, network_backend=backend, http2=False)
    request = httpcore2.Request(
        ask.method,
        httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=_headers(target, ask),
        content=ask.body,
        extensions={"timeout": {"connect": _CONNECT_S}},
    )
    try:
        async with pool:
            response = await pool.handle_async_request(request)
            try:
                return await _read(target, response, max_body)
            finally:
                await response.aclose()
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as error:
        raise Unreachable(target.url, f"{shorten(target.url)} could not be reached ({type(error).__name__})") from error


def _headers(target: Target, ask: Ask) -> list[tuple[bytes, bytes]]:
    default = {"accept": "application/json", "user-agent": "wireproof", "accept-encoding": "gzip, deflate"}
    chosen = default | {name.lower(): value for name, value in ask.headers.items()}
    chosen["host"] = target.origin.partition("://")[2]
    chosen["connection"] = "close"
    if ask.body or ask.method in ("POST", "PUT", "PATCH"):
        chosen["content-length"] = str(len(ask.body))
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in chosen.items()]


async def _read(target: Target, response: httpcore2.Response, max_body: int) -> Fetched:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    decode = _decoder(target, headers.get("content-encoding", ""), max_body)
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += decode(chunk)
        if len(body) > max_body:
            raise TooBig(target.url, f"{shorten(target.url)} answers with more than {max_body} bytes")
    return Fetched(target.url, response.status, headers, bytes(body))


def _decoder(target: Target, coding: str, cap: int) -> Callable[[bytes], bytes]:
    """Takes the coding off the body, in steps that never inflate beyond the cap."""
    name = coding.strip().lower()
    if name in ("", "identity"):
        return bytes
    if name not in _WINDOW:
        raise Unreachable(target.url, f"{shorten(target.url)} answers in the coding {shorten(name)!r}")
    inflate = zlib.decompressobj(_WINDOW[name])

    def decode(chunk: bytes) -> bytes:
        try:
            return inflate.decompress(chunk, cap + 1)  # one byte more than allowed tells that there is more
        except zlib.error:
            raise Unreachable(target.url, f"{shorten(target.url)} answers with a broken {name} body") from None

    return decode
