"""The Agent Card at its well-known path, with ETag and cache headers. Spec: A2A 1.0 sections 8.2 and 8.6."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from pydantic_core import to_json

from wireproof.a2a.bindings.duplex import WEBSOCKET, WEBSOCKET_PATH
from wireproof.a2a.bindings.versions import edge_of
from wireproof.a2a.caller import V0_3, V1_0
from wireproof.a2a.card import HTTP_JSON, JSONRPC, Interface
from wireproof.transports.http import JSON, Fields, Scope, Send, respond

if TYPE_CHECKING:
    from wireproof.a2a.bindings.http import HTTPOptions
    from wireproof.a2a.core import Core

CARD_PATHS: Final = ("/.well-known/agent-card.json", "/.well-known/agent.json")
_KEPT: Final = 100
"""Cards that are kept, one for each address that callers use."""


class CardPage:
    """Shows the card; the ETag is over the card without its signatures, so that it survives a new signing."""

    def __init__(self, core: Core, options: HTTPOptions) -> None:
        self._core: Final = core
        self._options: Final = options
        self._cards: Final[dict[str, tuple[bytes, bytes]]] = {}

    async def show(self, scope: Scope, fields: Fields, send: Send) -> None:
        """Answer a GET or HEAD."""
        body, etag = self._card(self._base(scope, fields))
        headers = [
            JSON,
            (b"etag", etag),
            (b"cache-control", b"public, max-age=%d" % self._options.card_max_age_s),
        ]
        if etag in [each.strip() for each in fields.get(b"if-none-match", b"").split(b",")]:
            await send({"type": "http.response.start", "status": 304, "headers": headers[1:]})
            await send({"type": "http.response.body", "body": b""})
            return
        if scope["method"] == "HEAD":
            await respond(send, 200, b"", [*headers])
            return
        await respond(send, 200, body, headers)

    def _card(self, base: str) -> tuple[bytes, bytes]:
        known = self._cards.get(base)
        if known is None:
            interfaces = self._interfaces(base)
            self._core.interfaces = tuple(interfaces)
            card = self._core.card(interfaces)
            if V0_3 in self._options.versions:
                card = edge_of(V0_3).hybrid_card(card, interfaces)
            etag = b'W/"%s"' % hashlib.sha256(to_json(card)).hexdigest()[:32].encode()
            if self._options.sign is not None:
                card = self._options.sign(card)
            known = (to_json(card), etag)
            if len(self._cards) < _KEPT:
                self._cards[base] = known
        return known

    def _interfaces(self, base: str) -> list[Interface]:
        """Every way to the agent, those of 1.0 first."""
        versions = self._options.versions
        found = [Interface(url=f"{base}/", binding=JSONRPC, version=each) for each in versions]
        found += [Interface(url=base, binding=HTTP_JSON, version=each) for each in versions]
        found += self._options.interfaces
        if self._options.websocket:
            url = "ws" + base.removeprefix("http") + WEBSOCKET_PATH
            found += [Interface(url=url, binding=WEBSOCKET, version=each) for each in versions]
        return sorted(found, key=lambda each: each.version != V1_0)

    def _base(self, scope: Scope, fields: Fields) -> str:
        """The URL that the card names: the configured one, else the address that this caller used."""
        if self._options.public_url is not None:
            return self._options.public_url.rstrip("/")
        host = fields.get(b"host", b"localhost").decode("latin-1")
        return f"{scope.get('scheme', 'http')}://{host}{scope.get('root_path', '')}".rstrip("/")
