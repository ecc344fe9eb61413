"""The seam between wires and protocols: what a transport hands over, and what it takes back.

A protocol is a function from one incoming message, and what the transport knows about its sender, to a stream of
outgoing messages. A transport carries messages and knows no method. Nothing here does I/O.

Two roles meet. The transport offers a `Line` (one connection). The protocol's `Accept` makes an `Endpoint` for it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from wireproof.schemas.caller import ANONYMOUS, Principal
from wireproof.schemas.jsonrpc import MAX_MESSAGE, Failure, Notification, Reply, Request, RequestId, Result


class RepeatedHeader(ValueError):
    """A field that decides something stands more than once."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(f"{name} is sent {count} times")


class Headers:
    """The header fields of an HTTP-born exchange: names compared without case, repeats kept."""

    __slots__ = ("_fields", "_index", "_unique")

    def __init__(self, fields: Iterable[tuple[bytes, bytes]] = (), unique: Mapping[bytes, bytes] | None = None) -> None:
        """Take ASGI's pairs (lower-case latin-1 names), and the same by name when no name stands twice."""
        self._fields: Final = tuple(fields)
        self._unique: Final = unique
        self._index: dict[bytes, list[bytes]] | None = None

    def get(self, name: str) -> str | None:
        """The value of the first field of that name, outer white space trimmed; None when absent."""
        values = self._find(name)
        return values[0].decode("latin-1").strip(" \t") if values else None

    def get_all(self, name: str) -> list[str]:
        """Every value of that name in order."""
        return [value.decode("latin-1").strip(" \t") for value in self._find(name)]

    def single(self, name: bytes) -> bytes | None:
        """The value of a field that stands at most once, as it came. Raises `RepeatedHeader`."""
        if self._unique is not None:
            return self._unique.get(name)
        values = self._find(name.decode("latin-1"))
        if len(values) > 1:
            raise RepeatedHeader(name.decode("latin-1"), len(values))
        return values[0] if values else None

    def _find(self, name: str) -> list[bytes]:
        index = self._index
        if index is None:
            index = self._index = {}
            for key, value in self._fields:
                index.setdefault(key, []).append(value)
        return index.get(name.lower().encode("latin-1"), [])

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for key, value in self._fields:
            yield key.decode("latin-1"), value.decode("latin-1").strip(" \t")

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({[key.decode('latin-1') for key, _ in self._fields]})"  # values may be secrets


NO_HEADERS: Final = Headers()


class Peer(NamedTuple):
    """What the transport knows about the sender of a message; the principal comes from here and nowhere else.

    `transport` is one of stdio, memory, unix, tcp, websocket, http, sse. `headers` is empty unless HTTP carried the
    message. `address` is for logs only.
    """

    transport: str
    principal: Principal = ANONYMOUS
    headers: Headers = NO_HEADERS
    address: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a connection; every default is safe for a public listener.

    `message`: bytes of one incoming message (longer ones are refused, the connection lives).
    `in_flight`: answers being made at once; at the bound the transport stops reading (policy: block the sender).
    `outgoing`: bytes waiting for a slow reader; above it `send` waits and the transport stops reading (block).
    `write_s`: seconds a peer may refuse to read before the connection is closed (end the slow reader).
    `drain_s`: seconds that accepted requests get to finish after the peer's end of input.
    """

    message: int = MAX_MESSAGE
    in_flight: int = 1024
    outgoing: int = 1024 * 1024
    write_s: float = 60.0
    drain_s: float = 10.0


DEFAULT_LIMITS: Final = Limits()


class LineClosed(ConnectionError):
    """The connection is gone; nothing more can be sent on it."""


class Outlet(Protocol):
    """Where the messages of one exchange go, in order, before its last one."""

    @property
    def peer(self) -> Peer:
        """Who sent the message that is being answered."""
        ...

    async def send(self, data: bytes) -> None:
        """Send one encoded message that belongs to this exchange.

        Waits while the peer is slow. Raises `LineClosed` when the connection or stream is gone. Cancel-safe.
        """
        ...


class Line(Outlet, Protocol):
    """One connection as the protocol sees it: for messages that belong to no exchange, and for its control."""

    @property
    def duplex(self) -> bool:
        """True when both sides may send at any time (stdio, sockets, WebSocket, a session); False for one exchange."""
        ...

    def cancel(self, id_: RequestId) -> bool:
        """End the running answer to that request of the peer; nothing more is sent for it. False when none runs."""
        ...

    def close(self) -> None:
        """Close the connection; `Endpoint.lost` follows."""
        ...


Answer: TypeAlias = Reply | Coroutine[Any, Any, Reply | None]
"""A reply made at once, or the work that makes it. None: the exchange ends without a message (it was cancelled)."""


class Endpoint(Protocol):
    """The protocol's end of one connection. It never blocks outside `answer`'s coroutine."""

    batches: bool
    """True when a JSON array of messages may come now (MCP 2025-03-26); the transport asks on each array."""

    def answer(self, request: Request, out: Outlet) -> Answer:
        """Answer one request. The transport runs the coroutine as a task of its own and sends the reply.

        Related notifications and requests go through `out.send` before the end. The coroutine is cancelled when the
        peer goes away or `Line.cancel` names it. It must not raise anything else.
        """
        ...

    def notice(self, notification: Notification, out: Outlet) -> None:
        """Take one notification. May not block."""
        ...

    def settle(self, response: Result | Failure, out: Outlet) -> None:
        """Take the answer to a request that this side sent. Unknown ids are dropped here. May not block."""
        ...

    def drain(self) -> None:
        """This side is stopping: end long-lived answers properly now; others may finish within the drain window."""
        ...

    def lost(self) -> None:
        """The connection is gone: fail everything that waits for the peer. Called exactly once."""
        ...


Accept: TypeAlias = Callable[[Line], Endpoint]
"""How a protocol takes a new connection: called once for each, before its first message."""
