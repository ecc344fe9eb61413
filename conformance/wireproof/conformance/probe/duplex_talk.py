"""MCP conversations over the duplex wires: a child's stdio, a WebSocket, and HTTP+SSE of 2024-11-05.

Each moves bytes for `DuplexTalk`.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final
from urllib.parse import urljoin

from wireproof.conformance.ledger import SSE, STDIO, WEBSOCKET
from wireproof.conformance.probe.child import Child
from wireproof.conformance.probe.http import HttpBroken, Response, Stream, fetch, open_stream
from wireproof.conformance.probe.talk import WAIT, Answer, DuplexTalk, RequestId
from wireproof.conformance.probe.websocket import CLOSE, WebSocket, open_websocket
from wireproof.conformance.verdict import PeerGone, Recorder, pipe_command
from wireproof.schemas.jsonrpc import is_object

KEEP_LINES: Final = 40


class StdioTalk(DuplexTalk):
    """Lines on the pipes of a child that belongs to this conversation."""

    transport = STDIO

    def __init__(self, child: Child, revision: str, recorder: Recorder) -> None:
        """Talk to a spawned child."""
        super().__init__(revision, recorder)
        self.child = child
        self.lines: list[bytes] = []
        self.opening: list[bytes] = []
        self._told: Recorder | None = None

    @classmethod
    async def open(cls, command: list[str], revision: str, recorder: Recorder) -> StdioTalk:
        """Spawn the command and begin to read. Raises PeerGone when it cannot be started."""
        try:
            child = await Child.spawn(command)
        except OSError as error:
            raise PeerGone(f"The command could not be started: {error.strerror or error}.") from error
        talk = cls(child, revision, recorder)
        talk.start()
        return talk

    async def write(self, data: bytes) -> None:
        """One line."""
        line = data + b"\n"
        self._remember(line)
        try:
            await self.child.write(line)
        except TimeoutError:
            raise PeerGone("The target does not read its standard input any more.") from None

    def _remember(self, line: bytes) -> None:
        """Keep how to send the same again: the handshake, and what this check sent."""
        if self.recorder is not self._told:
            self._told, self.lines = self.recorder, []
        if b'"initialize' in line or b"notifications/initialized" in line:
            self.opening.append(line)
        else:
            self.lines.append(line)
        again = [*self.opening[:2], *self.lines[-KEEP_LINES:]]
        if sum(map(len, again)) < 8192:
            self.recorder.command = pipe_command(again, self.child.command)

    async def read(self) -> bytes | None:
        """One line, None at the end."""
        line = await self.child.read_line()
        return line.rstrip(b"\r\n") if line else None

    async def close(self) -> None:
        """End the child and stop reading."""
        await self.child.close()
        await super().close()


class WebSocketTalk(DuplexTalk):
    """Text frames."""

    transport = WEBSOCKET

    def __init__(self, socket: WebSocket, revision: str, recorder: Recorder) -> None:
        """Talk over an open socket."""
        super().__init__(revision, recorder)
        self.socket = socket

    @classmethod
    async def open(cls, url: str, revision: str, recorder: Recorder) -> WebSocketTalk:
        """Connect with the subprotocol `mcp`. Raises PeerGone when the handshake fails."""
        try:
            socket = await open_websocket(url)
        except (OSError, TimeoutError) as error:
            raise PeerGone(f"The WebSocket could not be opened: {error}.") from error
        talk = cls(socket, revision, recorder)
        talk.start()
        return talk

    async def write(self, data: bytes) -> None:
        """One text frame."""
        await self.socket.send(data)

    async def read(self) -> bytes | None:
        """One message, None at the end."""
        opcode, payload = await self.socket.receive()
        return None if opcode == CLOSE else payload

    async def close(self) -> None:
        """Close the socket."""
        await self.socket.close()
        await super().close()


class SseTalk(DuplexTalk):
    """POSTs to the endpoint that the event stream named; answers come as events."""

    transport = SSE

    def __init__(self, stream: Stream, url: str, endpoint: str, revision: str, recorder: Recorder) -> None:
        """Talk over an open event stream."""
        super().__init__(revision, recorder)
        self.stream = stream
        self.url = url
        self.endpoint = urljoin(url, endpoint)
        self.reply: Response | None = None
        """The HTTP answer to the newest POST."""

    @classmethod
    async def open(cls, url: str, revision: str, recorder: Recorder) -> SseTalk:
        """GET the event stream and wait for its `endpoint` event. Raises PeerGone when none comes."""
        try:
            stream = await open_stream(url, "GET", [("Accept", "text/event-stream")], timeout=4)
        except (OSError, TimeoutError) as error:
            raise PeerGone(f"The event stream could not be opened: {error}.") from error
        event = None
        if stream.response.status == 200 and stream.response.media_type == "text/event-stream":
            with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
                async with asyncio.timeout(3):
                    event = await stream.next_event()
        if event is None or event.event != "endpoint":
            await stream.close()
            raise PeerGone("The event stream did not begin with an endpoint event.")
        talk = cls(stream, url, event.data, revision, recorder)
        talk.start()
        return talk

    async def write(self, data: bytes) -> None:
        """One POST."""
        try:
            self.reply = await fetch(self.endpoint, "POST", [("Content-Type", "application/json")], data, timeout=10)
        except (HttpBroken, TimeoutError) as error:
            raise PeerGone(f"A message could not be posted: {error}") from error

    async def raw(self, data: bytes, *, expect: RequestId | None = None, timeout: float = WAIT) -> Answer:
        """See `Talk.raw`. A POST that is refused is answered by its HTTP response, not by an event."""
        if expect is not None or self.ended.is_set():
            return await super().raw(data, expect=expect, timeout=timeout)
        mark = len(self.strays)
        await self.put(data)
        refused = self.reply
        if refused is None or refused.status < 400:
            return await self._anonymous(mark)
        self.recorder.received(refused.raw_head + refused.body)
        value = refused.json()
        return Answer(value if is_object(value) else None, status=refused.status, raw=refused.body)

    async def read(self) -> bytes | None:
        """One event's data, None at the end."""
        event = await self.stream.next_event()
        return None if event is None else event.data.encode()

    async def close(self) -> None:
        """Close the stream."""
        await self.stream.close()
        await super().close()
