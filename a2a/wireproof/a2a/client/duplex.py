"""The duplex wires of the client: one connection, many exchanges, told apart by id. docs/a2a-bindings has the frames.

A `Line` moves frames; `DuplexWire` knows what they mean. An exchange whose events are not read is ended, so that it
never holds up another one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import jiter
from pydantic_core import to_json

from wireproof.a2a.bindings.duplex import STDIO, SUBPROTOCOLS, WEBSOCKET
from wireproof.a2a.caller import V1_0
from wireproof.a2a.client.errors import BadAnswer, ClientError, ConnectionLost, DeadlineExceeded, of_jsonrpc, of_status
from wireproof.a2a.client.errors import Unreachable as NotReached
from wireproof.a2a.client.wires import MAX_EVENT, event_of_wire, result_of
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    from wireproof.a2a.client.discovery import Chosen
    from wireproof.a2a.client.http import HTTPSettings
    from wireproof.a2a.client.wires import Wire

MAX_UNREAD: Final = 4096
"""Events of one stream that wait to be read; beyond, the stream is ended and taken up again."""

Exchange: TypeAlias = "asyncio.Queue[JSONObject | ClientError]"
Heard: TypeAlias = Callable[[bytes], None]
Lost: TypeAlias = Callable[[ClientError], None]


class Line(Protocol):
    """Moves frames. Tells `heard` of each and `lost`, once, of the end."""

    async def send(self, frame: bytes) -> None:
        """Send one frame. Raises `ConnectionLost`."""
        ...

    async def aclose(self) -> None:
        """End the line and what it owns."""
        ...


class OpenLine(Protocol):
    """Makes a line."""

    async def __call__(self, heard: Heard, lost: Lost) -> Line:
        """Connect. Raises `ClientError`."""
        ...


class DuplexWire:
    """A `Wire` over a line. A line that was lost is opened anew for the next call, where `again` allows it."""

    version: str = V1_0

    def __init__(self, binding: str, open_line: OpenLine, settings: HTTPSettings, *, again: bool = True) -> None:
        self.binding = binding
        self._open_line: Final = open_line
        self._settings: Final = settings
        self._again: Final = again
        self._ids: Final = itertools.count(1)
        self._exchanges: Final[dict[int, Exchange]] = {}
        self._line: Line | None = None
        self._opening: Final = asyncio.Lock()
        self._error: ClientError | None = None
        self._params: Final[dict[str, str]] = {"a2a-version": self.version}
        if settings.extensions:
            self._params["a2a-extensions"] = ", ".join(settings.extensions)

    # -- operations ---------------------------------------------------------------------------------------------

    async def call(self, operation: str, params: JSONObject, *, within_s: float) -> JSONValue:
        """See `Wire.call`."""
        id_, exchange = self._begin()
        try:
            async with asyncio.timeout(within_s):
                await self._ask(id_, operation, params)
                return result_of(operation, _result(await _next(exchange)))
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {within_s:g} s") from None
        finally:
            del self._exchanges[id_]

    async def stream(self, operation: str, params: JSONObject) -> AsyncGenerator[JSONObject, None]:
        """See `Wire.stream`. Left before its end, the agent is told to end it."""
        id_, exchange = self._begin()
        times, asked, has_ended = self._settings.times, False, False
        try:
            while True:
                limit = times.quiet if asked else times.answer
                try:
                    async with asyncio.timeout(limit):
                        if not asked:
                            await self._ask(id_, operation, params)
                            asked = True
                        frame = await _next(exchange)
                except TimeoutError:
                    raise DeadlineExceeded(f"no event within {limit:g} s") from None
                has_ended = frame.get("streamEnd") is True
                if has_ended and "error" not in frame and "result" not in frame:
                    return
                yield event_of_wire(_result(frame))
                if has_ended:
                    return
        except ConnectionLost:
            has_ended = True
            raise
        finally:
            del self._exchanges[id_]
            if not has_ended and self._line is not None:
                await self._tell_end(self._line, id_)

    @staticmethod
    async def _tell_end(line: Line, id_: int) -> None:
        try:
            async with asyncio.timeout(5.0):
                await line.send(to_json({"jsonrpc": "2.0", "id": id_, "cancelStream": True}))
        except (TimeoutError, ConnectionLost):
            return

    def _begin(self) -> tuple[int, Exchange]:
        id_ = next(self._ids)
        self._exchanges[id_] = asyncio.Queue(MAX_UNREAD)
        return id_, self._exchanges[id_]

    async def _ask(self, id_: int, operation: str, params: JSONObject) -> None:
        from wireproof.a2a.client.http import encoded

        request = {"jsonrpc": "2.0", "id": id_, "method": operation, "params": params, "serviceParams": self._params}
        line = await self.open()
        await line.send(encoded(request))

    # -- the line -----------------------------------------------------------------------------------------------

    async def open(self) -> Line:
        """The line, opened if it is not. Raises `ClientError`."""
        async with self._opening:
            if self._line is None:
                if self._error is not None and not self._again:
                    raise type(self._error)(str(self._error))
                self._line = await self._open_line(self._heard, self._lost)
            return self._line

    def _heard(self, frame: bytes) -> None:
        try:
            found: Any = jiter.from_json(frame, allow_inf_nan=False)
        except ValueError:
            self._fail(BadAnswer(f"the agent sent something that is no JSON: {frame[:60]!r}"))
            return
        exchange = self._exchanges.get(found.get("id", 0)) if is_object(found) else None
        if exchange is None:
            return  # of an exchange that was given up
        try:
            exchange.put_nowait(found)
        except asyncio.QueueFull:
            _end(exchange, ConnectionLost(f"{MAX_UNREAD} events wait to be read: the stream was ended"))

    def _lost(self, error: ClientError) -> None:
        self._line, self._error = None, error
        self._fail(error)

    def _fail(self, error: ClientError) -> None:
        for exchange in list(self._exchanges.values()):
            _end(exchange, type(error)(str(error)))

    async def aclose(self) -> None:
        """End the connection; what waits fails."""
        line, self._line = self._line, None
        self._fail(ConnectionLost("the client was closed"))
        if line is not None:
            await line.aclose()


async def _next(exchange: Exchange) -> JSONObject:
    found = await exchange.get()
    if isinstance(found, ClientError):
        raise found
    return found


def _end(exchange: Exchange, error: ClientError) -> None:
    while exchange.full():
        exchange.get_nowait()
    exchange.put_nowait(error)


def _result(frame: JSONObject) -> JSONValue:
    error: JSONValue = frame.get("error")
    if is_object(error):
        raise of_jsonrpc(error)
    if "result" not in frame:
        raise BadAnswer("the agent's answer is no JSON-RPC response")
    return frame["result"]


# -- WebSocket ------------------------------------------------------------------------------------------------------


class _Socket:
    def __init__(self, connection: Any, heard: Heard, lost: Lost) -> None:
        """`Any`: a connection of the package websockets, which is an extra."""
        self._connection: Final = connection
        self._reader: Final = asyncio.create_task(self._read(heard, lost), name="wireproof-a2a-websocket")

    async def _read(self, heard: Heard, lost: Lost) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                frame: str | bytes = await self._connection.recv()
                heard(frame.encode() if isinstance(frame, str) else frame)
        except ConnectionClosed:
            lost(ConnectionLost("the agent closed the connection: ask again if that does no harm"))

    async def send(self, frame: bytes) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(frame, text=True)
        except ConnectionClosed:
            raise ConnectionLost("the connection is closed: ask again") from None

    async def aclose(self) -> None:
        await self._connection.close()
        self._reader.cancel()
        await asyncio.wait([self._reader])


def open_websocket_wire(chosen: Chosen, settings: HTTPSettings) -> Wire:
    """A wire to `ws://` or `wss://`; connected with the first call. The credentials go with the handshake."""

    async def open_line(heard: Heard, lost: Lost) -> Line:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
        from websockets.typing import Subprotocol

        fields = {"a2a-version": V1_0, **settings.headers}
        if settings.auth is not None:
            fields |= await settings.auth.headers_for("GET", "http" + chosen.url.removeprefix("ws"))
        extra: dict[str, Any] = {"ssl": settings.tls} if settings.tls is not None else {}
        try:
            connection = await connect(
                chosen.url,
                additional_headers=fields,
                subprotocols=[Subprotocol(name) for name in SUBPROTOCOLS],
                open_timeout=settings.times.answer,
                close_timeout=2.0,
                max_size=MAX_EVENT,
                compression=None,
                proxy=None,
                **extra,
            )
        except InvalidStatus as error:
            raise of_status(error.response.status_code, None) from error
        except (InvalidURI, InvalidHandshake, OSError, TimeoutError) as error:
            raise NotReached(f"{chosen.url.partition('?')[0][:120]} opens no WebSocket: is the agent there?") from error
        return _Socket(connection, heard, lost)

    return DuplexWire(WEBSOCKET, open_line, settings)


# -- a child process ------------------------------------------------------------------------------------------------


class _Child:
    """A child process as a line: newline frames on its pipes. An `Events` of the process."""

    def __init__(self, heard: Heard, lost: Lost) -> None:
        self._heard: Final = heard
        self._lost: Final = lost
        self._rest = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()
        self._process: Any = None
        self._over = False

    def own(self, process: Any) -> None:
        """`Any`: a `ChildProcess` of the transports."""
        self._process = process

    def output(self, data: bytes) -> None:
        """Bytes of its stdout."""
        self._rest += data
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            if line.strip():
                self._heard(line)
        if len(self._rest) > MAX_EVENT:
            self._end(f"the agent sent a frame of more than {MAX_EVENT} bytes")

    def output_ended(self) -> None:
        """The end of its stdout."""
        self._end("the agent closed its output")

    def pause_writing(self) -> None:
        """It does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It reads again."""
        self._writable.set()

    def exited(self, code: int) -> None:
        """It is dead."""
        self._end(f"the agent's process ended with {code}")

    def _end(self, why: str) -> None:
        self._writable.set()
        if not self._over:
            self._over = True
            self._lost(ConnectionLost(f"{why}: connect again"))

    async def send(self, frame: bytes) -> None:
        """Write a frame; waits while the child does not read."""
        await self._writable.wait()
        if self._over:
            raise ConnectionLost("the agent's process is gone: connect again")
        self._process.write(frame + b"\n")

    async def aclose(self) -> None:
        """End the process and its whole tree."""
        self._over = True
        await self._process.end()


async def open_child_wire(command: list[str], settings: HTTPSettings) -> DuplexWire:
    """Spawn an agent and speak to it over its pipes. Raises `Unreachable` when it cannot be started."""
    import subprocess

    from wireproof.transports.client.child import environment
    from wireproof.transports.client.process import ChildProcess, Tail

    async def open_line(heard: Heard, lost: Lost) -> Line:
        pipe = subprocess.PIPE
        line = _Child(heard, lost)
        try:
            process = subprocess.Popen(  # noqa: ASYNC220, S603  running the caller's command is the point
                command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment(None), bufsize=0, start_new_session=True
            )
        except (OSError, ValueError) as error:
            raise NotReached(f"cannot start the agent {command[0]!r}: {error}") from error
        child = ChildProcess(process, Tail(pass_on=True))
        line.own(child)
        try:
            await child.attach(line, high=MAX_EVENT)
        except BaseException:
            child.kill()
            raise
        return line

    wire = DuplexWire(STDIO, open_line, settings, again=False)
    await wire.open()
    return wire


WIRES: Final[Mapping[tuple[str, str], Callable[[Chosen, HTTPSettings], Wire]]] = {
    (WEBSOCKET, V1_0): open_websocket_wire
}
