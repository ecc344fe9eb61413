"""MCP's say over HTTP: which era a POST belongs to, and whether its headers agree with its body.

Pure. The order of the checks is the order in which the specification and its clients expect refusals: the `_meta`
fields, then header against body, then the version itself (the endpoint's own check).
Spec: 2026-07-28 basic/transports/streamable-http#request-metadata, #server-validation.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wireproof.mcp_tools.errors import HeaderMismatch, InvalidParams, InvalidRequest, ProtocolError
from wireproof.mcp_tools.facts import META_CAPABILITIES, META_VERSION
from wireproof.schemas.jsonrpc import (
    INTERNAL_ERROR,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    Batch,
    JSONObject,
    JSONValue,
    Message,
    Notification,
    Request,
    is_object,
)
from wireproof.schemas.mcp.revisions import SESSION_REVISIONS, Revision
from wireproof.transports.dialect import Decision, Rejection, Route
from wireproof.transports.exchange import Headers, RepeatedHeader

if TYPE_CHECKING:
    from wireproof.mcp_tools.core import Core

VERSION_HEADER: Final = b"mcp-protocol-version"
METHOD_HEADER: Final = b"mcp-method"
NAME_HEADER: Final = b"mcp-name"

NAME_OF: Final[Mapping[str, str]] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
"""The parameter that `Mcp-Name` mirrors, by method."""

_STATUS: Final[Mapping[int, int]] = {METHOD_NOT_FOUND: 404, INTERNAL_ERROR: 500, PARSE_ERROR: 400}
_SENTINEL: Final = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_VISIBLE: Final = re.compile(r"[\t\x20-\x7e]*")


class MCPDialect:
    """Routes the POSTs of one server."""

    def __init__(self, core: Core) -> None:
        self._core: Final = core

    def route(self, message: Message | Batch, headers: Headers) -> Decision:
        """The era of a POST, or its refusal."""
        try:
            return self._route(message, headers)
        except ProtocolError as error:
            id_ = message.id if isinstance(message, Request) else None
            return Rejection(400, error.reply(id_).data)

    def status(self, code: int) -> int:
        """The HTTP status of an exchange that ends in that JSON-RPC error."""
        return _STATUS.get(code, 400)

    def primed(self, headers: Headers) -> bool:
        """Whether the session's revision opens an answer's stream with an event id, so that it can be left early."""
        declared = headers.get(VERSION_HEADER.decode())
        revision = Revision.parse(declared) if declared is not None else None
        return revision is Revision.V2025_11_25

    def scopes(self, message: Message | Batch) -> frozenset[str]:
        """The OAuth scopes that a message needs of its caller."""
        items = message.items if isinstance(message, Batch) else (message,)
        needed: frozenset[str] = frozenset()
        for item in items:
            if isinstance(item, Request) and item.method == "tools/call":
                name = item.params.get("name")
                tool = self._core.tools.get(name) if isinstance(name, str) else None
                needed |= tool.scopes if tool is not None else frozenset()
        return needed

    def _route(self, message: Message | Batch, headers: Headers) -> Decision:
        if isinstance(message, Batch):
            return Route.SESSION
        declared = _one(headers, VERSION_HEADER)
        meta: JSONValue = message.params.get("_meta") if isinstance(message, Request) else None
        in_body = is_object(meta) and META_VERSION in meta
        if not in_body and (declared is None or Revision.parse(declared) in SESSION_REVISIONS):
            opens = isinstance(message, Request) and message.method == "initialize"
            return Route.OPEN if opens else Route.SESSION
        if isinstance(message, Request):
            self._check(message, meta if is_object(meta) else {}, declared, headers)
            return Route.EXCHANGE
        if isinstance(message, Notification):
            return Route.EXCHANGE
        raise InvalidRequest("Invalid request: a client of this revision sends no responses")

    def _check(self, request: Request, meta: JSONObject, declared: str | None, headers: Headers) -> None:
        if not isinstance(meta.get(META_VERSION), str):
            raise InvalidParams(f"Invalid params: _meta needs the string {META_VERSION!r}")
        if not isinstance(meta.get(META_CAPABILITIES), dict):
            raise InvalidParams(f"Invalid params: _meta needs the object {META_CAPABILITIES!r}")
        if declared != meta[META_VERSION]:
            raise _mismatch("MCP-Protocol-Version", declared, meta[META_VERSION])
        method = _one(headers, METHOD_HEADER)
        if method != request.method:
            raise _mismatch("Mcp-Method", method, request.method)
        field = NAME_OF.get(request.method)
        name: JSONValue = request.params.get(field) if field is not None else None
        if isinstance(name, str):
            given = _one(headers, NAME_HEADER)
            if given is None or _decode("mcp-name", given) != name:
                raise _mismatch("Mcp-Name", given, name)
        if request.method == "tools/call":
            self._check_arguments(request, headers)

    def _check_arguments(self, request: Request, headers: Headers) -> None:
        tool = self._core.tools.get(str(request.params.get("name")))
        if tool is None or not tool.headers:
            return
        for header, path in tool.headers.items():
            value: JSONValue = request.params.get("arguments")
            for part in path:
                value = value.get(part) if is_object(value) else None
            given = _one(headers, header.lower().encode("latin-1"))
            if value is None and given is not None:
                raise _mismatch(header, given, "nothing")
            if value is not None and (given is None or not _equal(_decode(header, given), value)):
                raise _mismatch(header, given, value)


def _one(headers: Headers, name: bytes) -> str | None:
    try:
        value = headers.single(name)
        return None if value is None else _text(value)
    except RepeatedHeader as error:
        raise HeaderMismatch(f"Header mismatch: {error}") from None
    except ValueError:
        text = f"{name.decode('latin-1')} holds characters that a header may not hold; use base64"
        raise HeaderMismatch(f"Header mismatch: {text}") from None


@lru_cache(maxsize=512)
def _text(value: bytes) -> str:
    text = value.decode("latin-1").strip(" \t")
    if not _VISIBLE.fullmatch(text):
        raise ValueError(value)
    return text


def _decode(name: str, value: str) -> str:
    sentinel = _SENTINEL.fullmatch(value) if value.startswith("=?") else None
    if sentinel is None:
        return value
    try:
        return base64.b64decode(sentinel.group(1), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise HeaderMismatch(f"Header mismatch: {name} is no valid base64 of UTF-8") from None


def _equal(given: str, value: JSONValue) -> bool:
    if isinstance(value, bool):
        return given == ("true" if value else "false")
    if isinstance(value, int):
        try:
            return float(given) == value
        except ValueError:
            return False
    return bool(given == value)


def _mismatch(name: str, given: str | None, wanted: JSONValue) -> HeaderMismatch:
    said = "is missing" if given is None else f"says {given[:64]!r}"
    return HeaderMismatch(f"Header mismatch: {name} {said}, the body says {str(wanted)[:64]!r}")
