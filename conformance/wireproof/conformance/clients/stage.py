"""Where a play is staged: an HTTP port or a pipe, the server on it, and the client's process from start to end."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Final

from wireproof.conformance.clients.bridge import END
from wireproof.conformance.clients.record import Record, Seen
from wireproof.conformance.clients.server import SESSION, Emit, Gone, Play, parsed
from wireproof.conformance.ledger import HTTP
from wireproof.conformance.miniatures.web import Incoming, Listener, Outgoing
from wireproof.conformance.probe.child import Child
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import Recorder
from wireproof.schemas.jsonrpc import JSONObject

BRIDGE: Final = "wireproof.conformance.clients.bridge"
HTML: Final = b"<!doctype html><p>Sign in to the network</p>"


async def staged(command: Sequence[str], transport: str, play: Play, recorder: Recorder, limit: float) -> Record:
    """Run the client against the play. It is killed after `limit` seconds, with everything it started."""
    stage = HttpStage(play, recorder) if transport == HTTP else PipeStage(play, recorder)
    await stage.open()
    begun = time.monotonic()
    words = [*command, *stage.address]
    environment = {"WIREPROOF_CHECK": play.twist or "honest", "WIREPROOF_REVISION": play.revision}
    recorder.note(f"started {' '.join(words)} with WIREPROOF_REVISION={play.revision}")
    child = await Child.spawn(words, env=environment)
    try:
        try:
            async with asyncio.timeout(limit):
                while await child.read_line():
                    pass
                play.record.exit_code = await child.process.wait()
        except TimeoutError:
            recorder.note(f"still running after {limit:g} s, and killed")
    finally:
        await child.close()
        await stage.close()
    play.record.stderr = child.stderr.decode("utf-8", "replace")
    play.record.seconds = time.monotonic() - begun
    recorder.note(f"ended with {play.record.exit_code}: {play.record.stderr.strip()[-200:]}")
    return play.record


class HttpStage:
    """One Streamable HTTP endpoint at /mcp; other paths are not there."""

    def __init__(self, play: Play, recorder: Recorder) -> None:
        self._play, self._recorder = play, recorder
        self._listener = Listener(self._handle)

    async def open(self) -> None:
        """Listen."""
        await self._listener.start()

    async def close(self) -> None:
        """Stop."""
        await self._listener.stop()

    @property
    def address(self) -> list[str]:
        """The last argument of the client."""
        return [f"http://127.0.0.1:{self._listener.port}/mcp"]

    async def _handle(self, request: Incoming, out: Outgoing) -> None:
        shown = "".join(f"{name}: {value}\n" for name, value in request.headers)
        self._recorder.received(f"{request.method} {request.path}\n{shown}".encode() + request.body)
        if request.path != "/mcp":
            await out.send(404)
            return
        message = parsed(request.body) if request.body else None
        seen = Seen(request.body, message, request.method, tuple(request.headers))
        self._play.note(seen)
        if request.method == "DELETE" and not self._play.modern:
            await out.send(200)
        elif request.method != "POST":
            await out.send(405)
        else:
            await self._post(seen, out)

    async def _post(self, seen: Seen, out: Outgoing) -> None:
        play = self._play
        if play.twist == "session-gone" and seen.method == "tools/call" and not play.gone_once:
            play.gone_once = True
            await self._say(
                out, 404, {"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "Session not found"}}
            )
            return
        if seen.method == "tools/call" and play.twist in {"html", "bad-json", "half-event"}:
            await self._spoiled(out)
            return
        stream = _Answering(self, out)
        try:
            response = await play.answer(as_object(seen.message), stream.emit)
        except Gone:
            out.writer.close()
            return
        if response is None:
            await out.send(202)
        elif stream.started:
            await stream.emit(response)
        else:
            await self._say(out, self._status(seen, response), response, seen.method == "initialize")

    def _status(self, seen: Seen, response: JSONObject) -> int:
        code = as_object(response.get("error")).get("code")
        if code is None:
            return 200
        return 404 if self._play.modern and code == -32601 else 400

    async def _spoiled(self, out: Outgoing) -> None:
        if self._play.twist == "html":
            await out.send(200, HTML, {"content-type": "text/html"})
        elif self._play.twist == "bad-json":
            await out.send(200, b'{"jsonrpc": "2.0", "id": ', {"content-type": "application/json"})
        else:
            await out.start_events()
            out.writer.write(b'data: {"jsonrpc": "2.0", "id": 1, "resu')
            await out.writer.drain()

    async def _say(self, out: Outgoing, status: int, message: JSONObject, opens: bool = False) -> None:
        headers = {"content-type": "application/json"}
        if opens and "result" in message:
            headers["mcp-session-id"] = f"{SESSION}{self._play.opened}"
        body = json.dumps(message).encode()
        self._recorder.sent(f"HTTP {status}\n".encode() + body)
        await out.send(status, body, headers)

    def sent(self, message: JSONObject) -> None:
        """Keep an event for the evidence."""
        self._recorder.sent(json.dumps(message).encode())


class _Answering:
    """The answer to one POST: JSON, or a stream as soon as something comes before the response."""

    def __init__(self, stage: HttpStage, out: Outgoing) -> None:
        self._stage, self._out = stage, out
        self.started = False

    async def emit(self, message: JSONObject) -> None:
        """Send one message on the stream."""
        if not self.started:
            self.started = True
            await self._out.start_events()
        self._stage.sent(message)
        await self._out.event(json.dumps(message))


class PipeStage:
    """A process that the client spawns; its pipes lead here."""

    def __init__(self, play: Play, recorder: Recorder) -> None:
        self._play, self._recorder = play, recorder
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._spawned = 0

    async def open(self) -> None:
        """Wait for the process on a port of this machine."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 24)

    async def close(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    @property
    def address(self) -> list[str]:
        """The last arguments of the client: the command of its server."""
        assert self._server is not None
        return [sys.executable, "-m", BRIDGE, str(self._server.sockets[0].getsockname()[1])]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lock = asyncio.Lock()

        async def emit(message: JSONObject) -> None:
            line = json.dumps(message).encode() + b"\n"
            self._recorder.sent(line)
            async with lock:
                writer.write(line)
                await writer.drain()

        while line := await reader.readline():
            if line == END:
                self._play.record.input_ended = True
                continue
            self._recorder.received(line)
            seen = Seen(line, parsed(line))
            self._play.note(seen)
            task = asyncio.create_task(self._reply(seen, emit, writer))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        writer.close()

    async def _reply(self, seen: Seen, emit: Emit, writer: asyncio.StreamWriter) -> None:
        if seen.method == "tools/call" and self._play.twist == "bad-json":
            writer.write(b'{"jsonrpc": "2.0", "id": \n')
            return
        try:
            response = await self._play.answer(as_object(seen.message), emit)
        except Gone:
            writer.close()
            return
        if response is not None:
            await emit(response)
