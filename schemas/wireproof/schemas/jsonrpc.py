"""The JSON-RPC 2.0 envelope: its values, its error numbers, and the one strict decoder and encoder.

Knows no method and no protocol above JSON-RPC. Every input becomes a message or a `Refusal` that holds the exact
error to answer with; nothing is raised for the bytes of a stranger.

Spec: JSON-RPC 2.0 sections 4 to 6; RFC 8259 read strictly (exact keys, no duplicates, no NaN or Infinity).
"""

# `type(x) is dict` narrows to a dict of unknown types for pyright; what JSON holds is open anyway.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, TypeGuard

import jiter
from pydantic_core import to_json

JSONValue: TypeAlias = Any
"""Any JSON value; truly open, so `Any` under one name."""
JSONObject: TypeAlias = dict[str, Any]
RequestId: TypeAlias = str | int


def is_object(value: object) -> TypeGuard[JSONObject]:
    """Whether a decoded JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[JSONValue]]:
    """Whether a decoded JSON value is an array."""
    return isinstance(value, list)


PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

MAX_MESSAGE: Final = 4 * 1024 * 1024
"""Default bound of one message in bytes."""
MAX_DEPTH: Final = 200
"""Nesting that the decoder accepts; it is the decoder's own bound and cannot be raised."""
MAX_BATCH: Final = 1000
"""Messages that one batch may hold."""
MAX_ID: Final = 256
"""Characters of a string id."""


@dataclass(slots=True)
class Request:
    """A call that wants an answer. `params` is {} when it was absent."""

    id: RequestId
    method: str
    params: JSONObject


@dataclass(slots=True)
class Notification:
    """A call that wants none."""

    method: str
    params: JSONObject


@dataclass(slots=True)
class Result:
    """The good answer to a request of ours."""

    id: RequestId
    result: JSONValue


@dataclass(slots=True)
class Failure:
    """The error answer to a request of ours; `id` is None when the other side could not read it."""

    id: RequestId | None
    code: int
    message: str
    data: JSONValue = None


@dataclass(slots=True)
class Refusal:
    """Bytes that are no message, and the error to answer with. `id` is None where none could be read."""

    id: RequestId | None
    code: int
    message: str
    data: JSONValue = None

    def encode(self) -> bytes:
        """The error response of this refusal."""
        return encode_error(self.id, self.code, self.message, self.data)


@dataclass(slots=True)
class Batch:
    """A JSON array of messages, each read on its own. Whether it may come is the protocol's question."""

    items: tuple[Message | Refusal, ...]


class Reply(NamedTuple):
    """The last message of an exchange, encoded. `code` is the JSON-RPC error code when it is an error response."""

    data: bytes
    code: int | None = None


Message: TypeAlias = Request | Notification | Result | Failure
Outcome: TypeAlias = Message | Batch | Refusal

# A number that may overflow to infinity has a three-digit exponent or over 308 digits in a row.
_MAY_OVERFLOW: Final = re.compile(rb"[0-9](?:[eE]\+?[0-9]{3}|[0-9]{308})")
_BAD_FIELD: Final = object()


def decode(data: bytes | bytearray | memoryview, *, max_bytes: int = MAX_MESSAGE) -> Outcome:
    """Read one JSON-RPC message, or an array of them, from exactly these bytes.

    Never raises: what is no message comes back as a `Refusal`. UTF-8 only; duplicate keys, NaN, Infinity, numbers
    outside a double, lone surrogates, more than `MAX_DEPTH` levels and more than `max_bytes` bytes are refused with
    -32700; a well-formed value that is no message with -32600.
    """
    if len(data) > max_bytes:
        return too_large(max_bytes)
    raw = data if type(data) is bytes else bytes(data)
    try:
        value = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True)
        if _MAY_OVERFLOW.search(raw) is not None and _holds_infinity(value):
            return Refusal(None, PARSE_ERROR, "Parse error: a number is outside the range of a double")
    except ValueError as error:
        return Refusal(None, PARSE_ERROR, f"Parse error: {_shorten(str(error))}")
    return read(value)


def read(value: JSONValue) -> Outcome:
    """Read one decoded JSON value as a message or a batch. Never raises."""
    if type(value) is dict:
        return _read_object(value)
    if type(value) is list:
        if not value:
            return Refusal(None, INVALID_REQUEST, "Invalid request: an empty batch")
        if len(value) > MAX_BATCH:
            return Refusal(None, INVALID_REQUEST, f"Invalid request: a batch of more than {MAX_BATCH} messages")
        return Batch(tuple(_read_object(item) if type(item) is dict else _not_an_object(item) for item in value))
    return _not_an_object(value)


def too_large(max_bytes: int) -> Refusal:
    """The refusal of a message that is longer than the reader takes."""
    return Refusal(None, PARSE_ERROR, f"Parse error: a message of more than {max_bytes} bytes")


def _read_object(value: JSONObject) -> Message | Refusal:
    id_ = value.get("id", _BAD_FIELD)
    if value.get("jsonrpc") != "2.0":
        return Refusal(_usable(id_), INVALID_REQUEST, 'Invalid request: member "jsonrpc" must be the string "2.0"')
    method = value.get("method", _BAD_FIELD)
    if method is _BAD_FIELD:
        return _read_response(value, id_)
    if type(method) is not str:
        return Refusal(_usable(id_), INVALID_REQUEST, 'Invalid request: member "method" must be a string')
    if "result" in value or "error" in value:
        return Refusal(_usable(id_), INVALID_REQUEST, "Invalid request: a message is a request or a response, not both")
    params = value.get("params", _BAD_FIELD)
    if params is _BAD_FIELD:
        params = {}
    elif type(params) is not dict:
        return _refuse_params(id_, params)
    if id_ is _BAD_FIELD:
        return Notification(method, params)
    if (type(id_) is int) or (type(id_) is str and len(id_) <= MAX_ID):
        return Request(id_, method, params)
    return Refusal(
        None, INVALID_REQUEST, f"Invalid request: an id is an integer or a string of at most {MAX_ID} characters"
    )


def _refuse_params(id_: object, params: object) -> Refusal:
    if type(params) is list and id_ is not _BAD_FIELD and _usable(id_) is not None:
        return Refusal(_usable(id_), INVALID_PARAMS, "Invalid params: they must be an object, not an array")
    return Refusal(_usable(id_), INVALID_REQUEST, 'Invalid request: member "params" must be an object')


def _read_response(value: JSONObject, id_: object) -> Message | Refusal:
    has_result, has_error = "result" in value, "error" in value
    if not has_result and not has_error:
        return Refusal(_usable(id_), INVALID_REQUEST, 'Invalid request: no "method", no "result" and no "error"')
    if has_result and has_error:
        return Refusal(None, INVALID_REQUEST, "Invalid response: both a result and an error")
    known = _usable(id_)
    if has_result:
        if known is None:
            return Refusal(None, INVALID_REQUEST, "Invalid response: a result needs the id of its request")
        return Result(known, value["result"])
    error: JSONValue = value["error"]
    if known is None and id_ is not None and id_ is not _BAD_FIELD:
        return Refusal(None, INVALID_REQUEST, "Invalid response: an id is an integer or a string")
    if type(error) is not dict or type(error.get("code")) is not int or type(error.get("message")) is not str:
        return Refusal(None, INVALID_REQUEST, "Invalid response: an error needs an integer code and a string message")
    return Failure(known, error["code"], error["message"], error.get("data"))


def _usable(id_: object) -> RequestId | None:
    if type(id_) is int:
        return id_
    return id_ if type(id_) is str and len(id_) <= MAX_ID else None


def _not_an_object(value: object) -> Refusal:
    kind = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
    return Refusal(None, INVALID_REQUEST, f"Invalid request: a message is an object, not {kind}")


def _holds_infinity(value: JSONValue) -> bool:
    pending: list[JSONValue] = [value]
    while pending:
        item = pending.pop()
        if type(item) is float:
            if item in (float("inf"), float("-inf")):
                return True
        elif type(item) is dict:
            pending.extend(item.values())
        elif type(item) is list:
            pending.extend(item)
    return False


def _shorten(text: str, limit: int = 120) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def encode_result(id_: RequestId, result: JSONValue) -> bytes:
    """A result response. `result` holds JSON values; a float that is no JSON number becomes null."""
    return to_json({"jsonrpc": "2.0", "id": id_, "result": result}, inf_nan_mode="null")


def encode_raw_result(id_: RequestId, result: bytes) -> bytes:
    """A result response around a result that is encoded already."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (to_json(id_), result)


def encode_error(id_: RequestId | None, code: int, message: str, data: JSONValue = None) -> bytes:
    """An error response; `id_` None says that the id could not be read (JSON-RPC 2.0 section 5)."""
    error: JSONObject = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return to_json({"jsonrpc": "2.0", "id": id_, "error": error}, inf_nan_mode="null")


def encode_request(id_: RequestId, method: str, params: JSONObject | None = None) -> bytes:
    """A request; absent `params` are left out."""
    message: JSONObject = {"jsonrpc": "2.0", "id": id_, "method": method}
    if params is not None:
        message["params"] = params
    return to_json(message, inf_nan_mode="null")


def encode_notification(method: str, params: JSONObject | None = None) -> bytes:
    """A notification; absent `params` are left out."""
    message: JSONObject = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    return to_json(message, inf_nan_mode="null")


def encode_batch(replies: list[bytes]) -> bytes:
    """A batch response around encoded messages."""
    return b"[" + b",".join(replies) + b"]"
