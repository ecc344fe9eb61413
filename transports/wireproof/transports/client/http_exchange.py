"""One HTTP request of a client, as often as it takes: credentials, challenges, redirects inside the origin.

Knows no JSON-RPC. Spec: RFC 9110 section 15.4; MCP basic/authorization (the loop is the one of docs/auth.md).
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Final, Protocol

from wireproof.transports.client.carrier import BadAnswer, HeaderFields
from wireproof.transports.client.http_connection import Incoming
from wireproof.transports.client.http_pool import Endpoint, HTTPPool, endpoint_of

MAX_REDIRECTS: Final = 3
MAX_CHALLENGES: Final = 5
"""Challenges to one request after which it is given up, whatever the credentials say."""
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


class ClientAuth(Protocol):
    """Credentials for requests; `wireproof.auth.OAuthClient` is one."""

    async def headers_for(self, method: str, url: str) -> dict[str, str]:
        """The headers of one request."""
        ...

    async def on_challenge(
        self,
        status: int,
        www_authenticate: str | None,
        *,
        method: str,
        url: str,
        sent: Mapping[str, str],
        attempt: int = 1,
        dpop_nonce: str | None = None,
        operation: str = "",
    ) -> bool:
        """Answer a 401 or 403; True when the request should be sent again."""
        ...

    def observe(self, url: str, dpop_nonce: str | None) -> None:
        """Hear the nonce of any other response."""
        ...


class HTTPExchange:
    """Sends requests to one endpoint. Owns its connections, not the credentials."""

    def __init__(
        self,
        url: str,
        *,
        headers: HeaderFields = (),
        auth: ClientAuth | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """`headers` go with every request. Raises `Unreachable` when `url` is no http URL."""
        self.endpoint: Final = endpoint_of(url)
        self._url: Final = self.endpoint.url
        self._headers: Final = [(name, value) for name, value in headers if name.lower() not in _OURS]
        self._headers.append(("accept-encoding", "identity"))  # a small bomb of zeros is no answer
        self._auth: Final = auth
        self._pool: Final = HTTPPool(self.endpoint, trust=trust)

    async def send(
        self,
        method: str,
        fields: HeaderFields,
        body: bytes | None = None,
        *,
        operation: str = "",
        endpoint: Endpoint | None = None,
    ) -> Incoming:
        """Send one request; its response must be closed. Raises `CarrierError`, and what the credentials raise.

        `endpoint` is another place of the same origin.
        """
        if self._auth is None:
            return await self._follow(method, fields, body, endpoint or self.endpoint)
        url = self._url if endpoint is None else endpoint.url
        attempt = 0
        while True:
            sent = await self._auth.headers_for(method, url)
            response = await self._follow(method, [*fields, *sent.items()], body, endpoint or self.endpoint)
            nonce = response.header("dpop-nonce")
            if response.status not in (401, 403) or attempt >= MAX_CHALLENGES:
                self._auth.observe(url, nonce)
                return response
            attempt += 1
            try:
                again = await self._auth.on_challenge(
                    response.status,
                    response.header("www-authenticate"),
                    method=method,
                    url=url,
                    sent=sent,
                    attempt=attempt,
                    dpop_nonce=nonce,
                    operation=operation,
                )
            except BaseException:
                await response.aclose()
                raise
            if not again:
                return response
            await response.aclose()

    async def _follow(self, method: str, fields: HeaderFields, body: bytes | None, endpoint: Endpoint) -> Incoming:
        all_fields = [*self._headers, *fields]
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._pool.send(method, endpoint.target, all_fields, body)
            if response.status not in (301, 302, 303, 307, 308):
                return response
            location = response.header("location")
            await response.aclose()
            endpoint = self._next(endpoint, response.status, location, method)
        raise BadAnswer(f"the server redirects more than {MAX_REDIRECTS} times: connect to the endpoint itself")

    def _next(self, endpoint: Endpoint, status: int, location: str | None, method: str) -> Endpoint:
        """Where a redirect leads, if it may be followed: only inside the origin, only with the same method."""
        if location is None:
            raise BadAnswer(f"the server answered with HTTP status {status} and no Location")
        target = endpoint.relative(location)
        if target.origin != endpoint.origin:
            raise BadAnswer(
                f"the server redirects to another origin, {target.url[:120]!r}: if you trust it, connect to it by name"
            )
        if status in (301, 302, 303) and method != "GET":
            raise BadAnswer(
                f"the server redirects by {status}, which loses the message: connect to {target.url[:120]!r}"
            )
        return target

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()
