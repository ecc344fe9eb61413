"""Frames of the duplex bindings: a JSON-RPC object each, with three members more than JSON-RPC has. Pure.

`serviceParams` carries on a request what HTTP carries in header fields; `cancelStream` ends a stream that the sender
asked for; `streamEnd` is the last frame of a stream. docs/a2a-bindings says what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import jiter
from pydantic_core import to_json

from wireproof.a2a.bindings import jsonrpc
from wireproof.a2a.errors import A2AError
from wireproof.schemas.jsonrpc import (
    INVALID_PARAMS,
    MAX_MESSAGE,
    Notification,
    Outcome,
    Refusal,
    Reply,
    Request,
    RequestId,
    decode,
    is_object,
)

CANCEL_STREAM: Final = "cancelStream"
"""The method of the notification that a `cancelStream` frame is read as; its `id` names the stream."""
_NO_PARAMS: Final[Mapping[str, str]] = {}


@dataclass(slots=True)
class ParameterizedRequest(Request):
    """A request with service parameters; their names are in lower case."""

    service_params: Mapping[str, str] = field(default_factory=dict[str, str])


def read_frame(data: bytes, *, max_bytes: int = MAX_MESSAGE) -> Outcome:
    """Read one frame. Never raises."""
    outcome = decode(data, max_bytes=max_bytes)
    if isinstance(outcome, Request) and b'"serviceParams"' in data:
        return _with_params(outcome, data)
    if isinstance(outcome, Refusal) and b'"cancelStream"' in data and len(data) <= max_bytes:
        return _cancel_of(data) or outcome
    return outcome


def service_params(request: Request) -> Mapping[str, str]:
    """The service parameters that came with a request."""
    return request.service_params if isinstance(request, ParameterizedRequest) else _NO_PARAMS


def _with_params(request: Request, data: bytes) -> Outcome:
    found = jiter.from_json(data).get("serviceParams")
    if found is None:
        return request
    if not is_object(found) or not all(isinstance(value, str) for value in found.values()):
        return Refusal(request.id, INVALID_PARAMS, "Invalid parameters: serviceParams must be an object of strings")
    return ParameterizedRequest(
        request.id, request.method, request.params, {name.lower(): value for name, value in found.items()}
    )


def _cancel_of(data: bytes) -> Notification | None:
    try:
        frame = jiter.from_json(data, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError:
        return None
    if not is_object(frame) or frame.get("cancelStream") is not True or frame.get("jsonrpc") != "2.0":
        return None
    id_ = frame.get("id")
    return Notification(CANCEL_STREAM, {"id": id_}) if type(id_) in (int, str) else None


def stream_end(id_: RequestId) -> Reply:
    """The last frame of a stream that ended well."""
    return Reply(to_json({"jsonrpc": "2.0", "id": id_, "streamEnd": True}))


def stream_failure(id_: RequestId, error: A2AError) -> Reply:
    """The last frame of a stream that failed, or that never began: an error that says it is the last."""
    return Reply(jsonrpc.failure(id_, error)[:-1] + b',"streamEnd":true}', error.kind.row.code)
