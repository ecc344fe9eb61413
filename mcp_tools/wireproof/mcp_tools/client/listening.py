"""Hearing of changes: `subscriptions/listen` in 2026-07-28, notifications and `resources/subscribe` before.

Bounded: a listener holds one pending event a list and one a URI, so that a slow reader gets the newest state.
A lost stream is opened again, with growing pauses; then every event that may have been missed is told once.
Spec: 2026-07-28 basic/patterns/subscriptions; 2025-11-25 server/resources#subscriptions.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from wireproof.mcp_tools.client.connection import Connection, Deadline
from wireproof.mcp_tools.client.errors import ClientError, ConnectionFailed, RequestRefused
from wireproof.mcp_tools.client.results import Changed, Updated
from wireproof.schemas.jsonrpc import JSONObject

if TYPE_CHECKING:
    from wireproof.mcp_tools.client.client import Client

log = logging.getLogger("wireproof.mcp_tools.client")

_FILTER: Final = {"tools": "toolsListChanged", "prompts": "promptsListChanged", "resources": "resourcesListChanged"}
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 10.0
_FOR_EVER: Final = Deadline(None, None)
_GIVE_UP_AFTER: Final = 8


class Listening:
    """One subscription, whatever the revision; it outlives connections."""

    def __init__(self, client: Client, kinds: Sequence[str], uris: Sequence[str]) -> None:
        self._client: Final = client
        self._kinds: Final = tuple(kinds)
        self._uris: Final = tuple(uris)
        self._pending: Final[dict[Changed | Updated, None]] = {}
        self._wake = asyncio.Event()
        self._ready: Final[asyncio.Future[JSONObject]] = asyncio.get_running_loop().create_future()
        self._failure: ClientError | None = None
        self._ended = False
        self._keeper: asyncio.Task[None] | None = None

    # -- Hearer -------------------------------------------------------------------------------------------------

    def acknowledged(self, wanted: JSONObject) -> None:
        """The server took the subscription."""
        if self._ready.done():  # opened again: what was missed meanwhile is not known
            for kind in self._kinds:
                self.tell(Changed(kind))
            for uri in self._uris:
                self.tell(Updated(uri))
        else:
            self._ready.set_result(wanted)

    def tell(self, event: Changed | Updated) -> None:
        """Note an event that was asked for; an equal one that is still pending is the same."""
        wanted = event.kind in self._kinds if isinstance(event, Changed) else event.uri in self._uris
        if wanted:
            self._pending[event] = None
            self._wake.set()

    # -- the reader ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the subscription and return when the server took it. Raises `ClientError`."""
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def __aiter__(self) -> AsyncGenerator[Changed | Updated]:
        """The events, oldest first, until the server ends the subscription. Raises `ClientError`."""
        mine = self._keeper is None
        await self._open()
        try:
            while True:
                while self._pending:
                    event = next(iter(self._pending))
                    del self._pending[event]
                    yield event
                if self._failure is not None:
                    raise self._failure
                if self._ended:
                    return
                self._wake.clear()
                await self._wake.wait()
        finally:
            if mine:
                await self.aclose()

    async def aclose(self) -> None:
        """End the subscription; the server is told."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def _open(self) -> None:
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep())
        await asyncio.wait(
            (asyncio.ensure_future(self._keeper), asyncio.ensure_future(self._ready)),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self._failure is not None:
            await self.aclose()
            raise self._failure

    async def _keep(self) -> None:
        """Hold the subscription open over lost connections."""
        failures = 0
        try:
            while failures < _GIVE_UP_AFTER:
                try:
                    connection = await self._client.connection()
                    if not connection.modern:
                        await self._hold_session(connection)
                    elif await self._hold(connection):
                        self._ended = True
                        return
                    failures = 0
                except ConnectionFailed as error:
                    failures += 1
                    if failures == _GIVE_UP_AFTER or not self._ready.done():
                        raise
                    log.info("a subscription lost its connection and is opened again: %s", error)
                    await asyncio.sleep(_pause(failures))
        except ClientError as error:
            self._failure = error
        finally:
            self._wake.set()

    async def _hold(self, connection: Connection) -> bool:
        """Hold one stream; True when the server ended it properly."""
        wanted: JSONObject = {_FILTER[kind]: True for kind in self._kinds}
        if self._uris:
            wanted["resourceSubscriptions"] = list(self._uris)
        id_ = connection.new_id()
        connection.incoming.hearers[id_] = self
        try:
            await connection.request("subscriptions/listen", {"notifications": wanted}, _FOR_EVER, id_=id_)
        finally:
            del connection.incoming.hearers[id_]
        return True

    async def _hold_session(self, connection: Connection) -> None:
        id_ = connection.new_id()
        connection.incoming.hearers[id_] = self
        limit = Deadline(connection.settings.timeout_s, connection.settings.timeout_s)
        try:
            for uri in self._uris:
                await connection.request("resources/subscribe", {"uri": uri}, limit)
            self.acknowledged({})
            await connection.lost()
            raise ConnectionFailed("the connection of the subscription was lost")
        finally:
            del connection.incoming.hearers[id_]
            if not connection.is_lost:
                await asyncio.shield(self._unsubscribe(connection, limit))

    async def _unsubscribe(self, connection: Connection, limit: Deadline) -> None:
        for uri in self._uris:
            with suppress(RequestRefused, ConnectionFailed):
                await connection.request("resources/unsubscribe", {"uri": uri}, limit)


def _pause(failures: int) -> float:
    """Seconds before the next try: doubled each time, with jitter."""
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (failures - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
