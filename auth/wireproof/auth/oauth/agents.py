"""How a user is sent to an authorization server and how the answer comes back. Knows URLs, not what is in them.

The callback server listens on this machine alone, takes one answer, and shows a fixed page.
Spec: RFC 8252 sections 7.3 and 8.3; MCP 2026-07-28 tutorials/security.
"""

from __future__ import annotations

import asyncio
import hmac
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from wireproof.auth.fetcher import Ask, Fetcher, FetchError, GuardedFetcher, Rules
from wireproof.auth.oauth.errors import BadRedirect, DiscoveryFailed, NobodyAnswered

MAX_REQUEST: Final = 16 * 1024
"""Bytes of a request to the callback server, headers included."""
MAX_VISITORS: Final = 16
"""Connections that the callback server serves at once; more are closed."""
_VISIT_S: Final = 10.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class UserAgent(Protocol):
    """Takes a user through one authorization."""

    async def prepare(self, registered: Sequence[str]) -> str:
        """Be ready to receive the answer; the redirect URI. `registered` are URIs that the server knows already."""
        ...

    async def authorize(self, url: str, state: str) -> str:
        """Send the user to `url`; the URL that the answer came to. Answers with another `state` are not ours.

        Raises `NobodyAnswered` after a while, and `BadRedirect`.
        """
        ...

    async def aclose(self) -> None:
        """Stop receiving."""
        ...


async def open_browser(url: str) -> None:
    """Show a URL in the user's browser, without a shell. The URL goes to stderr too, for machines without one."""
    import webbrowser

    print(f"Open this page to authorize:\n  {url}", file=sys.stderr, flush=True)  # noqa: T201
    await asyncio.to_thread(webbrowser.open, url)


_PAGE: Final = b"<!doctype html><meta charset=utf-8><title>Authorization</title><p>%b</p>"
_DONE: Final = _PAGE % b"Thank you. You may close this page."
_LOST: Final = _PAGE % b"Nothing to see here."


class BrowserAgent:
    """The user's own browser, and a callback server on the loopback.

    `opener` shows the URL. The user has `seconds` to finish. `port` 0 takes a free one, or the one of a registration.
    """

    def __init__(
        self, *, opener: Callable[[str], Awaitable[None]] = open_browser, seconds: float = 300.0, port: int = 0
    ) -> None:
        self._opener = opener
        self._seconds = seconds
        self._port = port
        self._server: asyncio.Server | None = None
        self._redirect_uri = ""
        self._waiting: tuple[str, asyncio.Future[str]] | None = None
        self._visitors: set[asyncio.Task[None]] = set()

    async def prepare(self, registered: Sequence[str]) -> str:
        """Listen; on the port of a registered redirect URI if it is free, so that the registration stays good."""
        if self._server is None:
            for port in (*(filter(None, map(_port, registered))), self._port):
                with suppress(OSError):
                    self._server = await asyncio.start_server(self._visit, "127.0.0.1", port, limit=MAX_REQUEST)
                    break
            if self._server is None:
                raise NobodyAnswered(f"port {self._port} for the callback is in use; choose another one")
            bound = self._server.sockets[0].getsockname()[1]
            self._redirect_uri = f"http://127.0.0.1:{bound}/callback"
        return self._redirect_uri

    async def authorize(self, url: str, state: str) -> str:
        """Open the browser and wait for the answer with this state; others get a page and are forgotten."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting = (state, answer)
        try:
            async with asyncio.timeout(self._seconds):
                await self._opener(url)
                return await answer
        except TimeoutError:
            raise NobodyAnswered(f"nobody finished the authorization within {self._seconds:g} s; try again") from None
        finally:
            self._waiting = None
            await self.aclose()

    async def aclose(self) -> None:
        """Stop listening; visitors are let go."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for visitor in self._visitors:
                visitor.cancel()
            await server.wait_closed()

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visitors.add(task)
        try:
            if len(self._visitors) <= MAX_VISITORS:
                async with asyncio.timeout(_VISIT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    ours = self._take(head)
                    writer.write(_page(200, _DONE) if ours else _page(404, _LOST))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a visitor who left, or who sent no request
        finally:
            self._visitors.discard(task)
            writer.close()

    def _take(self, head: bytes) -> bool:
        """True when this request is the answer that is waited for."""
        line = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if self._waiting is None or len(line) != 3 or line[0] != "GET":
            return False
        path, _, query = line[1].partition("?")
        state, answer = self._waiting
        given = dict(parse_qsl(query)).get("state", "")
        if path != "/callback" or answer.done() or not hmac.compare_digest(given.encode(), state.encode()):
            return False
        answer.set_result(f"{self._redirect_uri}?{query}")
        return True


class HeadlessAgent:
    """For authorization servers that approve without a user: asks the URL itself and reads where it redirects.

    Nothing listens at `redirect_uri`. For tests and for machines without a browser.
    """

    def __init__(
        self,
        redirect_uri: str = "http://127.0.0.1:8765/callback",
        *,
        fetcher: Fetcher | None = None,
        rules: Rules | None = None,
    ) -> None:
        self._redirect_uri = redirect_uri
        self._fetcher = fetcher or GuardedFetcher()
        self._rules = rules or Rules(loopback=True)

    async def prepare(self, registered: Sequence[str]) -> str:
        """The redirect URI that was given."""
        return self._redirect_uri

    async def authorize(self, url: str, state: str) -> str:
        """Ask the URL without following it. Raises `BadRedirect` when it does not redirect."""
        try:
            answer = await self._fetcher.fetch(Ask("GET", url, {"accept": "*/*"}), rules=self._rules)
        except FetchError as error:
            raise DiscoveryFailed(f"{error}; the authorization endpoint cannot be asked") from error
        where = answer.headers.get("location")
        if answer.status not in _REDIRECTS or where is None:
            raise BadRedirect(f"the authorization endpoint answers {answer.status} without a redirect; use a browser")
        return where

    async def aclose(self) -> None:
        """Nothing to stop."""


def _port(uri: str) -> int | None:
    try:
        parts = urlsplit(uri)
        return parts.port if parts.hostname == "127.0.0.1" and parts.path == "/callback" else None
    except ValueError:
        return None


def _page(status: int, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n"
        "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n"
    )
    return head.encode() + body
