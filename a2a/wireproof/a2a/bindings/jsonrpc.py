"""JSON-RPC bodies: from bytes to an operation, from its result to bytes. Pure; the wire is somebody else's.

Spec: A2A 1.0 section 9; JSON-RPC 2.0.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from wireproof.a2a.errors import A2AError, Kind
from wireproof.schemas.a2a.tables import OPERATIONS
from wireproof.schemas.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    Batch,
    JSONObject,
    JSONValue,
    Notification,
    Refusal,
    Request,
    RequestId,
    decode,
    encode_error,
    encode_result,
)

STREAMING: Final = frozenset(name for name, operation in OPERATIONS.items() if operation.streams)


class Asked(NamedTuple):
    """One request: an operation of 1.0 with its params as they came, and the version its method name belongs to."""

    id: RequestId
    operation: str
    params: JSONObject
    version: str

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream."""
        return self.operation in STREAMING


def read_request(body: bytes, max_bytes: int) -> Asked | bytes:
    """The request in a body, or the encoded error to answer with."""
    message = decode(body, max_bytes=max_bytes)
    if isinstance(message, Request):
        return asked(message)
    if isinstance(message, Refusal):
        kind = Kind.PARSE if message.code == PARSE_ERROR else Kind.INVALID_REQUEST
        kind = Kind.INVALID_PARAMS if message.code == INVALID_PARAMS else kind
        return failure(message.id, A2AError(kind, message.message))
    if isinstance(message, Batch):
        return encode_error(None, INVALID_REQUEST, "Request payload validation error: batches are not taken")
    if isinstance(message, Notification):
        return encode_error(None, INVALID_REQUEST, "Request payload validation error: a request needs an id")
    return encode_error(message.id, INVALID_REQUEST, "Request payload validation error: this is an answer")


def asked(request: Request) -> Asked | bytes:
    """What a decoded request asks for, or the encoded error."""
    if request.method in OPERATIONS:
        return Asked(request.id, request.method, request.params, "1.0")
    from wireproof.schemas.a2a.v03 import METHODS

    old = METHODS.get(request.method)
    if old is not None:
        return Asked(request.id, old, request.params, "0.3")
    return failure(request.id, A2AError(Kind.METHOD_NOT_FOUND, f"Method not found: {request.method[:100]}"))


def success(id_: RequestId, result: JSONValue) -> bytes:
    """A result response."""
    return encode_result(id_, result)


def failure(id_: RequestId | None, error: A2AError) -> bytes:
    """An error response with its typed details."""
    return encode_error(id_, error.kind.row.code, error.message, error.details() or None)
