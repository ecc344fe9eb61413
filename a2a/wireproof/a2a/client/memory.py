"""The wire to an agent in this process: its core, called directly; documents are read and copied as on any wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from wireproof.a2a.caller import V1_0, Caller
from wireproof.a2a.client.errors import ConnectionLost, DeadlineExceeded, of_core
from wireproof.a2a.client.wires import Times, event_of_wire, result_of, within
from wireproof.a2a.core import Core
from wireproof.a2a.errors import A2AError
from wireproof.schemas.jsonrpc import JSONObject, JSONValue


class MemoryWire:
    """Calls a core as `caller`. The core is held open by a task of its own, so that any task may close the wire."""

    binding: str = "memory"
    version: str = V1_0

    def __init__(self, core: Core, caller: Caller, times: Times) -> None:
        self._core: Final = core
        self._caller: Final = caller
        self._times: Final = times
        self._end: Final = asyncio.Event()
        self._holder: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the agent. Raises what opening its store raises."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._holder = asyncio.create_task(self._hold(ready), name="wireproof-agent-in-memory")
        await ready

    async def _hold(self, ready: asyncio.Future[None]) -> None:
        try:
            async with self._core:
                ready.set_result(None)
                await self._end.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def call(self, operation: str, params: JSONObject, *, within_s: float) -> JSONValue:
        """See `Wire.call`."""
        self._check()
        try:
            async with asyncio.timeout(within_s):
                return result_of(operation, await self._core.call(operation, params, self._caller))
        except A2AError as error:
            raise of_core(error) from None
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {within_s:g} s") from None

    async def stream(self, operation: str, params: JSONObject) -> AsyncGenerator[JSONObject, None]:
        """See `Wire.stream`."""
        self._check()
        try:
            async with asyncio.timeout(self._times.answer):
                events = await self._core.stream(operation, params, self._caller)
            async with aclosing(within(events, self._times)) as timed:
                async for event in timed:
                    yield event_of_wire(event)
        except A2AError as error:
            raise of_core(error) from None
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {self._times.answer:g} s") from None

    def _check(self) -> None:
        if self._end.is_set():
            raise ConnectionLost("the client is closed: connect again")

    async def aclose(self) -> None:
        """Let go of the agent; the last one to do so stops it."""
        self._end.set()
        if self._holder is not None:
            await asyncio.wait([self._holder])
