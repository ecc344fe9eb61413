"""MCP conversations over the duplex wires: a child's stdio, a WebSocket, and HTTP+SSE of 2024-11-05.

Each moves bytes for `DuplexTalk`.
"""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urljoin

from wireproof.conformance.ledger import SSE, STDIO, WEBSOCKET
from wireproof.conformance.probe.child import Child
from wireproof.conformance.probe.http import HttpBroken, Stream, fetch, open_stream
from wireproof.conformance.probe.talk import DuplexTalk
from wireproof.conformance.probe.websocket import CLOSE, WebSocket, open_websocket
from wireproof.conformance.verdict import PeerGone, Recorder, pipe_command


class StdioTalk(DuplexTalk):
    """Lines on the pipes of a child that belongs to this conversation."""

    transport = STDIO

    def __init__(self, child: Child, revision: str, recorder: Recorder) -> None:
        """Talk to a spawned child."""
        super().__init__(revision, recorder)
        self.child = child
        self.lines: list[bytes] = []

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
        self.lines.append(line)
        if sum(map(len, self.lines[-40:])) < 8192:
            self.recorder.command = pipe_command(self.lines[-40:], self.child.command)
        try:
            await self.child.write(line)
        except TimeoutError:
            raise PeerGone("The target does not read its standard input any more.") from None

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
        self.statuses: list[int] = []

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
            reply = await fetch(self.endpoint, "POST", [("Content-Type", "application/json")], data, timeout=10)
        except (HttpBroken, TimeoutError) as error:
            raise PeerGone(f"A message could not be posted: {error}") from error
        self.statuses.append(reply.status)

    async def read(self) -> bytes | None:
        """One event's data, None at the end."""
        event = await self.stream.next_event()
        return None if event is None else event.data.encode()

    async def close(self) -> None:
        """Close the stream."""
        await self.stream.close()
        await super().close()
