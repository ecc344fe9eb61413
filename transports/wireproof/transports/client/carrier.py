"""What a client sends through: one face for every wire. Knows no method; nothing here does I/O.

A carrier binds an answer to the request that asked for it. What the other side sends of its own accord goes to the
`Endpoint` that the carrier was opened with (`answer`, `notice`, `drain`, `lost`; `settle` is never called).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from wireproof.schemas.jsonrpc import Failure, RequestId, Result

HeaderFields: TypeAlias = Sequence[tuple[str, str]]
"""Header fields of one HTTP request; wires without headers ignore them."""


class CarrierError(ConnectionError):
    """The base of what a carrier raises; `str()` says what happened and what to do next."""


class Unreachable(CarrierError):
    """No connection could be made: nothing was sent."""


class CarrierLost(CarrierError):
    """The connection went away before the answer; the request may have been carried out."""


class PeerExited(CarrierLost):
    """The child process ended. `code` is its exit code (negative: the signal), `stderr` the tail of its stderr."""

    def __init__(self, message: str, *, code: int | None, stderr: str) -> None:
        super().__init__(message)
        self.code = code
        self.stderr = stderr


class BadAnswer(CarrierError):
    """The peer answered with something that is no answer: wrong content type, half an event, no JSON, too long."""


class StatusRefused(CarrierError):
    """An HTTP status that is no success, without a JSON-RPC answer to the request in its body.

    `body` is the first 64 KiB. `session_gone` is True for a 404 to a request that carried a session id.
    """

    def __init__(
        self, status: int, *, body: bytes = b"", headers: HeaderFields = (), session_gone: bool = False
    ) -> None:
        super().__init__(f"the server answered with HTTP status {status}")
        self.status = status
        self.body = body
        self.headers = headers
        self.session_gone = session_gone


class Answered(NamedTuple):
    """The answer to one request. `status` is the HTTP status, 200 on other wires."""

    message: Result | Failure
    status: int = 200


class Carrier(Protocol):
    """One connection of a client. Every method is cancel-safe; `aclose` may come from any task, twice."""

    transport: str
    """stdio, memory, unix, tcp, websocket, http or sse."""

    duplex: bool
    """True when both sides may send at any time; False when each request is an exchange of its own (HTTP).

    On a duplex wire, giving up a request tells the other side nothing: the protocol sends its own cancellation. On HTTP
    cancelling `ask` closes the exchange.
    """

    async def ask(self, id_: RequestId, data: bytes, *, headers: HeaderFields = (), operation: str = "") -> Answered:
        """Send one encoded request and wait for its answer, however long: the caller sets the deadline.

        Requests and notifications that come meanwhile go to the endpoint, in order, before the answer is returned.
        `operation` names what is asked (`tools/call add`) for authorization. Raises `CarrierError`.
        """
        ...

    async def tell(self, data: bytes, *, headers: HeaderFields = ()) -> None:
        """Send one encoded notification or response. Raises `CarrierError`."""
        ...

    async def aclose(self) -> None:
        """End the connection and everything it owns, each wait bounded. Pending `ask`s raise `CarrierLost`."""
        ...


@runtime_checkable
class SessionCarrier(Carrier, Protocol):
    """A carrier over Streamable HTTP, which may hold a session (revisions before 2026-07-28)."""

    session: str | None
    """The `Mcp-Session-Id` that the server gave; sent with every request. Set None to begin anew."""

    resumes: bool
    """Whether a broken stream is resumed with `Last-Event-ID`; the protocol sets it when the revision has it."""

    async def hear(self, *, headers: HeaderFields = ()) -> None:
        """Hold the GET stream for what the server sends of its own accord, reconnecting, until cancelled.

        Returns when the server has no such stream (405). Raises `StatusRefused` with `session_gone` on 404.
        """
        ...

    async def end_session(self, *, headers: HeaderFields = ()) -> None:
        """Tell the server that the session is over (DELETE); what it answers is ignored."""
        ...
