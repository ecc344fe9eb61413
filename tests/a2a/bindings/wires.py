"""One raw client for each binding and version, all with the same face: 1.0 documents in, 1.0 documents out.

They write their own bytes and read what is on the wire; only translation of 0.3's JSON-RPC documents is the client's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol
from urllib.parse import urlencode

import grpc
import httpx2
import websockets
from google.rpc import error_details_pb2, status_pb2

from tests.a2a.bindings import old_proto
from wireproof.a2a.bindings.grpc.conversion import to_document, to_message
from wireproof.a2a.bindings.grpc.descriptors import schemas
from wireproof.a2a.client.old import METHOD_OF, event_from_03, request_to_03, result_from_03
from wireproof.schemas.a2a.tables import OPERATIONS

JSON = dict[str, Any]
ROOT = Path(__file__).parents[3]
AGENT = ROOT / "tests" / "a2a" / "bindings" / "conversationalist.py"
WITHIN_S = 20.0
STREAMING = ("SendStreamingMessage", "SubscribeToTask")


@dataclass(frozen=True)
class Served:
    """Where an agent is served."""

    url: str
    grpc: str
    environment: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """What the wire said instead of a result: each binding's own number, the reason, the fields at fault."""

    def __init__(self, number: Any, details: list[JSON], message: str) -> None:
        super().__init__(f"{number}: {message}")
        self.number = number
        self.message = message
        self.reason = next((each["reason"] for each in details if "reason" in each), "")
        self.fields = [one["field"] for each in details for one in each.get("fieldViolations", ())]


class Wire(Protocol):
    """A client of one binding in one version. `extra` are service parameters beside or instead of its own."""

    async def call(self, operation: str, params: JSON, **extra: str) -> Any:
        """A unary operation. Raises `Refused`."""
        ...

    def stream(self, operation: str, params: JSON, **extra: str) -> AsyncIterator[JSON]:
        """A streaming operation. Raises `Refused`."""
        ...


def parameters(version: str, extra: dict[str, str]) -> dict[str, str]:
    """The service parameters: the version, unless `extra` says otherwise; an empty one is not sent."""
    said = {"A2A-Version": version} | {name.replace("_", "-"): value for name, value in extra.items()}
    return {name: value for name, value in said.items() if value}


def _refusal_of_rpc(error: JSON) -> Refused:
    return Refused(error["code"], error.get("data") or [], error["message"])


class HTTPRPC:
    """JSON-RPC over HTTP."""

    kind = "jsonrpc"

    def __init__(self, served: Served, version: str) -> None:
        self.version = version
        self.http = httpx2.AsyncClient(base_url=served.url, timeout=WITHIN_S)

    def _body(self, operation: str, params: JSON) -> JSON:
        if self.version == "1.0":
            return {"jsonrpc": "2.0", "id": 7, "method": operation, "params": params}
        method = METHOD_OF.get(operation, operation)
        return {"jsonrpc": "2.0", "id": 7, "method": method, "params": request_to_03(operation, params)}

    def _result(self, operation: str, result: Any) -> Any:
        return result if self.version == "1.0" else result_from_03(operation, result)

    async def call(self, operation: str, params: JSON, **extra: str) -> Any:
        headers = parameters(self.version, extra)
        answer = await self.http.post("/", json=self._body(operation, params), headers=headers)
        said = answer.json()
        assert answer.headers["content-type"] == "application/json"
        assert said["jsonrpc"] == "2.0"
        assert said["id"] == 7
        if "error" in said:
            raise _refusal_of_rpc(said["error"])
        return self._result(operation, said["result"])

    async def stream(self, operation: str, params: JSON, **extra: str) -> AsyncGenerator[JSON, None]:
        request = {"json": self._body(operation, params), "headers": parameters(self.version, extra)}
        async with self.http.stream("POST", "/", **request) as answer:
            if answer.headers["content-type"] != "text/event-stream":
                raise _refusal_of_rpc(json.loads(await answer.aread())["error"])
            async for said in _events(answer):
                assert said["id"] == 7
                yield said["result"] if self.version == "1.0" else event_from_03(said["result"])

    async def close(self) -> None:
        await self.http.aclose()


async def _events(answer: Any) -> AsyncGenerator[JSON, None]:
    async for line in answer.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line[5:])


PATHS = {
    "SendMessage": ("POST", "/message:send"),
    "SendStreamingMessage": ("POST", "/message:stream"),
    "GetTask": ("GET", "/tasks/{id}"),
    "ListTasks": ("GET", "/tasks"),
    "CancelTask": ("POST", "/tasks/{id}:cancel"),
    "SubscribeToTask": ("POST", "/tasks/{id}:subscribe"),
    "CreateTaskPushNotificationConfig": ("POST", "/tasks/{taskId}/pushNotificationConfigs"),
    "GetTaskPushNotificationConfig": ("GET", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    "ListTaskPushNotificationConfigs": ("GET", "/tasks/{taskId}/pushNotificationConfigs"),
    "DeleteTaskPushNotificationConfig": ("DELETE", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    "GetExtendedAgentCard": ("GET", "/extendedAgentCard"),
}


class REST:
    """HTTP+JSON."""

    kind = "rest"

    def __init__(self, served: Served, version: str) -> None:
        self.version = version
        self.http = httpx2.AsyncClient(base_url=served.url, timeout=WITHIN_S)

    def _request(self, operation: str, params: JSON, extra: dict[str, str]) -> JSON:
        method, path = PATHS[operation]
        if self.version == "0.3":
            path = "/v1" + path.replace("/extendedAgentCard", "/card")
        kept = dict(params)
        for name in ("taskId", "id"):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", kept.pop(name, "none"))
        headers = parameters(self.version, extra)
        if method != "POST":
            query = {key: str(value).lower() if value is True else value for key, value in kept.items()}
            return {"method": method, "url": path + ("?" + urlencode(query) if query else ""), "headers": headers}
        body = old_proto.request(operation, params) if self.version == "0.3" else kept
        media = "application/json" if self.version == "0.3" else "application/a2a+json"
        return {
            "method": method,
            "url": path,
            "content": json.dumps(body),
            "headers": {**headers, "content-type": media},
        }

    async def call(self, operation: str, params: JSON, **extra: str) -> Any:
        answer = await self.http.request(**self._request(operation, params, extra))
        said = answer.json()
        if answer.status_code != 200:
            self._refuse(answer, said)
        media = "application/json" if self.version == "0.3" else "application/a2a+json"
        assert answer.headers["content-type"] == media
        return said if self.version == "1.0" else old_proto.result(operation, said)

    async def stream(self, operation: str, params: JSON, **extra: str) -> AsyncGenerator[JSON, None]:
        async with self.http.stream(**self._request(operation, params, extra)) as answer:
            if answer.status_code != 200:
                self._refuse(answer, json.loads(await answer.aread()))
            async for said in _events(answer):
                yield said if self.version == "1.0" else old_proto.event(said)

    def _refuse(self, answer: Any, said: JSON) -> None:
        error = said["error"]
        assert answer.headers["content-type"] == "application/a2a+json"
        assert error["code"] == answer.status_code
        raise Refused((answer.status_code, error["status"]), error.get("details", []), error["message"])

    async def close(self) -> None:
        await self.http.aclose()


class GRPC:
    """gRPC."""

    kind = "grpc"
    OLD_NAMES: ClassVar[dict[str, str]] = {
        "SubscribeToTask": "TaskSubscription",
        "ListTaskPushNotificationConfigs": "ListTaskPushNotificationConfig",
        "GetExtendedAgentCard": "GetAgentCard",
    }

    def __init__(self, served: Served, version: str) -> None:
        self.version = version
        self.schema = next(each for each in schemas() if each.version == version)
        self.channel: Any = grpc.aio.insecure_channel(served.grpc)

    def _parts(self, operation: str, params: JSON, extra: dict[str, str]) -> tuple[str, Any, bytes, Any]:
        rpc = self.OLD_NAMES.get(operation, operation) if self.version == "0.3" else operation
        row = self.schema.rpcs[rpc]
        shown = params if self.version == "1.0" else old_proto.request(operation, params)
        body = to_message(self.schema, row.request, shown).SerializeToString()
        metadata = tuple((key.lower(), value) for key, value in parameters(self.version, extra).items())
        return f"/{self.schema.service}/{rpc}", row, body, metadata

    def _read(self, row: Any, data: bytes) -> JSON:
        message = self.schema.new(row.response)
        message.ParseFromString(data)
        return to_document(self.schema, row.response, message)

    async def call(self, operation: str, params: JSON, **extra: str) -> Any:
        path, row, body, metadata = self._parts(operation, params, extra)
        try:
            data = await self.channel.unary_unary(path)(body, metadata=metadata, timeout=WITHIN_S)
        except grpc.aio.AioRpcError as error:
            raise _refusal_of_grpc(error) from None
        said = self._read(row, data)
        return said if self.version == "1.0" else old_proto.result(operation, said)

    async def stream(self, operation: str, params: JSON, **extra: str) -> AsyncGenerator[JSON, None]:
        path, row, body, metadata = self._parts(operation, params, extra)
        call = self.channel.unary_stream(path)(body, metadata=metadata, timeout=WITHIN_S)
        try:
            async for data in call:
                said = self._read(row, data)
                yield said if self.version == "1.0" else old_proto.event(said)
        except grpc.aio.AioRpcError as error:
            raise _refusal_of_grpc(error) from None
        finally:
            call.cancel()

    async def close(self) -> None:
        await self.channel.close()


def _refusal_of_grpc(error: Any) -> Refused:
    details: list[JSON] = []
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            assert status.code == error.code().value[0]
            details = [_detail(packed) for packed in status.details]
    return Refused(error.code().name, details, error.details())


def _detail(packed: Any) -> JSON:
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    if packed.Unpack(info):
        assert info.domain == "a2a-protocol.org"
        return {"reason": info.reason}
    assert packed.Unpack(bad)
    return {"fieldViolations": [{"field": each.field} for each in bad.field_violations]}


class Frames:
    """JSON-RPC frames over a duplex carrier."""

    kind = "jsonrpc"

    def __init__(self, carrier: Any, version: str) -> None:
        self.carrier = carrier
        self.version = version
        self._last = 0
        self._waiting: dict[int, asyncio.Queue[JSON]] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for frame in self.carrier.frames():
            self._waiting[frame["id"]].put_nowait(frame)

    async def _ask(self, operation: str, params: JSON, extra: dict[str, str]) -> tuple[int, asyncio.Queue[JSON]]:
        self._last += 1
        answers = self._waiting[self._last] = asyncio.Queue()
        old = self.version == "0.3"
        frame = {
            "jsonrpc": "2.0",
            "id": self._last,
            "method": METHOD_OF.get(operation, operation) if old else operation,
            "params": request_to_03(operation, params) if old else params,
            "serviceParams": parameters(self.version, extra),
        }
        await self.carrier.send(frame)
        return self._last, answers

    async def call(self, operation: str, params: JSON, **extra: str) -> Any:
        _, answers = await self._ask(operation, params, extra)
        said = await asyncio.wait_for(answers.get(), WITHIN_S)
        if "error" in said:
            raise _refusal_of_rpc(said["error"])
        return said["result"] if self.version == "1.0" else result_from_03(operation, said["result"])

    async def stream(self, operation: str, params: JSON, **extra: str) -> AsyncGenerator[JSON, None]:
        id_, answers = await self._ask(operation, params, extra)
        ended = False
        try:
            while not ended:
                said = await asyncio.wait_for(answers.get(), WITHIN_S)
                ended = said.get("streamEnd", False)
                if "error" in said:
                    assert ended
                    raise _refusal_of_rpc(said["error"])
                if not ended:
                    yield said["result"] if self.version == "1.0" else event_from_03(said["result"])
            assert said == {"jsonrpc": "2.0", "id": id_, "streamEnd": True}
        finally:
            if not ended:
                await self.carrier.send({"jsonrpc": "2.0", "id": id_, "cancelStream": True})
                while "streamEnd" not in await asyncio.wait_for(answers.get(), WITHIN_S):
                    pass

    async def close(self) -> None:
        self._reading.cancel()
        await self.carrier.close()


class WebSocketCarrier:
    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def send(self, frame: JSON) -> None:
        await self.socket.send(json.dumps(frame))

    async def frames(self) -> AsyncGenerator[JSON, None]:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self.socket:
                yield json.loads(text)

    async def close(self) -> None:
        await self.socket.close()


class StdioCarrier:
    def __init__(self, process: asyncio.subprocess.Process, *, lengths: bool) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.stdin, self.stdout = process, process.stdin, process.stdout
        self.lengths = lengths

    async def send(self, frame: JSON) -> None:
        data = json.dumps(frame).encode()
        self.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data) if self.lengths else data + b"\n")
        await self.stdin.drain()

    async def frames(self) -> AsyncGenerator[JSON, None]:
        while line := await self.stdout.readline():
            if self.lengths:
                size = int(line.removeprefix(b"Content-Length:"))
                assert await self.stdout.readline() == b"\r\n"
                yield json.loads(await self.stdout.readexactly(size))
            else:
                yield json.loads(line)

    async def close(self) -> None:
        self.stdin.close()
        assert await asyncio.wait_for(self.process.wait(), WITHIN_S) == 0


BINDINGS = ("jsonrpc", "rest", "grpc", "websocket", "stdio", "stdio-length")
WIRES = [f"{binding} {version}" for binding in BINDINGS for version in ("1.0", "0.3")]


@asynccontextmanager
async def opened(name: str, served: Served) -> AsyncGenerator[Any, None]:
    """The wire of that name."""
    binding, _, version = name.partition(" ")
    wire: Any
    if binding in ("jsonrpc", "rest", "grpc"):
        wire = {"jsonrpc": HTTPRPC, "rest": REST, "grpc": GRPC}[binding](served, version)
    elif binding == "websocket":
        address = "ws" + served.url.removeprefix("http") + "/a2a/ws"
        wire = Frames(WebSocketCarrier(await websockets.connect(address, subprotocols=["a2a.v1"])), version)
    else:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wireproof.cli", "run", str(AGENT)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=served.environment,
            limit=2**24,
        )
        wire = Frames(StdioCarrier(process, lengths=binding == "stdio-length"), version)
    try:
        yield wire
    finally:
        await wire.close()


assert set(PATHS) == set(OPERATIONS)
