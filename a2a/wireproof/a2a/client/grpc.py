"""The gRPC wire of the client, for 1.0. Needs the extra `grpc`. Spec: A2A 1.0 section 10."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from wireproof.a2a.bindings.grpc.conversion import to_document, to_message
from wireproof.a2a.bindings.grpc.descriptors import schemas
from wireproof.a2a.caller import V1_0
from wireproof.a2a.client.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DeadlineExceeded,
    InvalidRequest,
    Unreachable,
    refused,
)
from wireproof.a2a.client.wires import MAX_EVENT, event_of_wire, result_of, within
from wireproof.a2a.errors import BAD_REQUEST, ERROR_INFO, Kind
from wireproof.schemas.a2a.reading import BadMessage
from wireproof.schemas.a2a.tables import OPERATIONS
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

if TYPE_CHECKING:
    from wireproof.a2a.client.discovery import Chosen
    from wireproof.a2a.client.http import HTTPSettings
    from wireproof.a2a.client.wires import Wire

_DETAILS: Final = "grpc-status-details-bin"
_LOOPBACK: Final = ("127.", "localhost:", "[::1]:", "unix:")
_OPTIONS: Final = (("grpc.max_receive_message_length", MAX_EVENT), ("grpc.enable_http_proxy", 0))
_KINDS: Final[Mapping[str, Kind]] = {
    "INVALID_ARGUMENT": Kind.INVALID_PARAMS,
    "NOT_FOUND": Kind.TASK_NOT_FOUND,
    "UNIMPLEMENTED": Kind.METHOD_NOT_FOUND,
    "UNAUTHENTICATED": Kind.UNAUTHENTICATED,
    "PERMISSION_DENIED": Kind.PERMISSION_DENIED,
    "INTERNAL": Kind.INTERNAL,
    "UNKNOWN": Kind.INTERNAL,
}


class GRPCWire:
    """One channel. `Any` inside: grpc and protobuf have no types of their own."""

    binding: str = "GRPC"
    version: str = V1_0

    def __init__(self, url: str, settings: HTTPSettings) -> None:
        """`url` is host:port; plain text for loopback names and `grpc://`, else TLS with the system's certificates."""
        scheme, _, rest = url.rpartition("://")
        self._address: Final = rest.rstrip("/")
        self._settings: Final = settings
        self._schema: Final = schemas()[0]
        plain = scheme in ("grpc", "http") or (not scheme and rest.startswith(_LOOPBACK))
        self._secure: Final = not plain
        self._channel: Any = None

    def _rpc(self, operation: str) -> Any:
        if self._channel is None:
            if self._secure:
                credentials = grpc.ssl_channel_credentials()
                self._channel = grpc.aio.secure_channel(self._address, credentials, options=_OPTIONS)
            else:
                self._channel = grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        path = f"/{self._schema.service}/{operation}"
        return self._channel.unary_stream(path) if OPERATIONS[operation].streams else self._channel.unary_unary(path)

    async def _metadata(self, operation: str) -> tuple[tuple[str, str], ...]:
        fields = {"a2a-version": self.version}
        if self._settings.extensions:
            fields["a2a-extensions"] = ", ".join(self._settings.extensions)
        given = dict(self._settings.headers)
        if self._settings.auth is not None:
            scheme = "https" if self._secure else "http"
            url = f"{scheme}://{self._address}/{self._schema.service}/{operation}"
            given |= await self._settings.auth.headers_for("POST", url)
        return tuple({**fields, **{name.lower(): value for name, value in given.items()}}.items())

    def _encoded(self, operation: str, params: JSONObject) -> bytes:
        try:
            data: bytes = to_message(self._schema, OPERATIONS[operation].request, params).SerializeToString()
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidRequest(f"the request cannot be carried over gRPC: {error}") from error
        return data

    def _decoded(self, operation: str, data: bytes) -> JSONObject:
        name = OPERATIONS[operation].response
        message = self._schema.new(name)
        try:
            message.ParseFromString(data)
            return to_document(self._schema, name, message)
        except (DecodeError, BadMessage) as error:
            raise BadAnswer(f"the agent's answer to {operation} is none: {error}") from None

    async def call(self, operation: str, params: JSONObject, *, within_s: float) -> JSONValue:
        """See `Wire.call`."""
        body, metadata = self._encoded(operation, params), await self._metadata(operation)
        try:
            async with asyncio.timeout(within_s):
                data = await self._rpc(operation)(body, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise _of_status(error) from None
        except grpc.aio.UsageError:
            raise ConnectionLost("the client was closed") from None
        except TimeoutError:
            raise DeadlineExceeded(f"no answer within {within_s:g} s") from None
        return result_of(operation, _with_required(operation, self._decoded(operation, data)))

    async def stream(self, operation: str, params: JSONObject) -> AsyncGenerator[JSONObject, None]:
        """See `Wire.stream`."""
        body, metadata = self._encoded(operation, params), await self._metadata(operation)
        events = within(self._events(operation, body, metadata), self._settings.times)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def _events(self, operation: str, body: bytes, metadata: Any) -> AsyncGenerator[JSONObject, None]:
        call = self._rpc(operation)(body, metadata=metadata)
        try:
            async for data in call:
                yield event_of_wire(self._decoded(operation, data))
        except grpc.aio.AioRpcError as error:
            raise _of_status(error) from None
        except grpc.aio.UsageError:
            raise ConnectionLost("the client was closed") from None
        finally:
            call.cancel()

    async def aclose(self) -> None:
        """Close the channel; calls that run are cancelled."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(0)


def _with_required(operation: str, document: JSONObject) -> JSONObject:
    """proto3 leaves out required members that hold their default; in JSON they are there."""
    if operation == "ListTasks":
        return {"tasks": [], "nextPageToken": "", "pageSize": 0, "totalSize": 0, **document}
    return document


def _of_status(error: Any) -> ClientError:
    code: str = error.code().name
    message: str = error.details() or code
    packed = next((value for key, value in error.trailing_metadata() or () if key == _DETAILS), None)
    if packed is None:
        if code == "UNAVAILABLE":
            lost = "Connection refused" not in message and "Failed to connect" not in message
            what = f"the agent cannot be reached over gRPC: {message[:200]}"
            return ConnectionLost(what) if lost else Unreachable(what)
        if code == "DEADLINE_EXCEEDED":
            return DeadlineExceeded("the agent did not answer in time")
        if code in ("CANCELLED", "ABORTED"):
            return ConnectionLost(f"the agent broke the call off: {message[:200]}")
    return refused(_KINDS.get(code), message, details=_details(packed))


def _details(packed: bytes | None) -> list[JSONObject]:
    """The typed details as JSON has them."""
    found: list[JSONObject] = []
    status = status_pb2.Status()
    try:
        status.ParseFromString(packed or b"")
        details: Any = status.details
        for detail in details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo()
                detail.Unpack(info)
                found.append({"@type": ERROR_INFO, "reason": info.reason, "metadata": dict(info.metadata)})
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                bad = error_details_pb2.BadRequest()
                detail.Unpack(bad)
                listed = [{"field": each.field, "description": each.description} for each in bad.field_violations]
                found.append({"@type": BAD_REQUEST, "fieldViolations": listed})
    except DecodeError:
        pass
    return found


WIRES: Final[Mapping[tuple[str, str], Callable[[Chosen, HTTPSettings], Wire]]] = {
    ("GRPC", V1_0): lambda chosen, settings: GRPCWire(chosen.url, settings)
}
