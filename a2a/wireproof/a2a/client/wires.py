"""The face of a wire, as the client sees it, and what every wire shares: reading answers, deadlines.

Documents are those of 1.0 on this face; a wire to an agent of 0.3 translates. Nothing here does I/O.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from wireproof.a2a.client.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Unreachable,
)
from wireproof.schemas.a2a.reading import BadMessage, read
from wireproof.schemas.a2a.tables import OPERATIONS
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.transports.client import carrier

MAX_EVENT: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long anything may take, in seconds. `answer`: one answer, or the first event. `quiet`: between two events."""

    answer: float = 60.0
    quiet: float = 300.0


class Wire(Protocol):
    """One connection, or pool of them, to one interface of an agent. Cancel-safe; `aclose` may come twice."""

    binding: str
    """The interface's `protocolBinding`; `memory` for an agent in this process."""
    version: str
    """The interface's version, Major.Minor."""

    async def call(self, operation: str, params: JSONObject, *, within_s: float) -> JSONValue:
        """Do a unary operation. Raises `ClientError`."""
        ...

    def stream(self, operation: str, params: JSONObject) -> AsyncGenerator[JSONObject, None]:
        """Do a streaming operation; gives its events in canonical form. Raises `ClientError`."""
        ...

    async def aclose(self) -> None:
        """End it and everything it owns."""
        ...


def result_of(operation: str, result: JSONValue) -> JSONValue:
    """The result in canonical form. Raises `BadAnswer` for one that is none."""
    message = OPERATIONS[operation].response
    if message == "Empty":
        return {}
    if message == "AgentCard":
        return result
    try:
        return read(message, result)
    except BadMessage as bad:
        raise BadAnswer(f"the agent's answer to {operation} is none: {bad}") from None


def event_of_wire(event: JSONValue) -> JSONObject:
    """A StreamResponse in canonical form. Raises `BadAnswer`."""
    if not is_object(event):
        raise BadAnswer("an event of the agent is no object")
    try:
        return read("StreamResponse", event)
    except BadMessage as bad:
        raise BadAnswer(f"an event of the agent is none: {bad}") from None


@contextmanager
def translated() -> Generator[None]:
    """Exceptions of the transports as the client's own."""
    from wireproof.auth.oauth.errors import AuthorizationError

    try:
        yield
    except carrier.Unreachable as error:
        raise Unreachable(str(error)) from error
    except carrier.CarrierLost as error:
        raise ConnectionLost(str(error)) from error
    except carrier.CarrierError as error:
        raise BadAnswer(str(error)) from error
    except AuthorizationError as error:
        raise AuthenticationFailed(str(error)) from error


async def within(events: AsyncGenerator[JSONObject, None], times: Times) -> AsyncGenerator[JSONObject, None]:
    """The events, each in its time. Raises `DeadlineExceeded`. Owns `events`."""
    limit = times.answer
    try:
        while True:
            try:
                async with asyncio.timeout(limit):
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError:
                what = "event" if limit == times.quiet else "first event"
                raise DeadlineExceeded(f"no {what} within {limit:g} s") from None
            yield event
            limit = times.quiet
    finally:
        await events.aclose()
