"""The errors that the MCP schemas name.

Spec: MCP 2026-07-28 basic/index#error-codes; 2025-11-25 client/elicitation#url-elicitation-required.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from wireproof.schemas.mcp.types.elicitation import ElicitRequestURLParams
from wireproof.schemas.mcp.types.envelopes import ErrorResponseBase
from wireproof.schemas.mcp.types.lifecycle import ClientCapabilities


class ErrorBase(TypedDict):
    """The base of an error of a named type."""

    message: str


class ParseError(ErrorBase):
    """The bytes are no JSON."""

    code: Literal[-32700]
    data: NotRequired[Any]


class InvalidRequestError(ErrorBase):
    """The JSON is no request."""

    code: Literal[-32600]
    data: NotRequired[Any]


class MethodNotFoundError(ErrorBase):
    """The method is not served."""

    code: Literal[-32601]
    data: NotRequired[Any]


class InvalidParamsError(ErrorBase):
    """The parameters do not fit."""

    code: Literal[-32602]
    data: NotRequired[Any]


class InternalError(ErrorBase):
    """The receiver failed."""

    code: Literal[-32603]
    data: NotRequired[Any]


class HeaderMismatch(ErrorBase):
    """The error object of `HeaderMismatchError`."""

    code: Literal[-32020]
    data: NotRequired[Any]


class MissingCapabilityData(TypedDict):
    """What the client would have to declare."""

    requiredCapabilities: ClientCapabilities


class MissingCapability(ErrorBase):
    """The error object of `MissingRequiredClientCapabilityError`."""

    code: Literal[-32021]
    data: MissingCapabilityData


class UnsupportedVersionData(TypedDict):
    """What was asked for and what there is."""

    requested: str
    supported: list[str]


class UnsupportedVersion(ErrorBase):
    """The error object of `UnsupportedProtocolVersionError`."""

    code: Literal[-32022]
    data: UnsupportedVersionData


class ElicitationRequiredData(TypedDict):
    """What the user has to do first."""

    elicitations: list[ElicitRequestURLParams]


class ElicitationRequired(ErrorBase):
    """The error object of `URLElicitationRequiredError`."""

    code: Literal[-32042]
    data: ElicitationRequiredData


class HeaderMismatchError(ErrorResponseBase):
    """An HTTP header contradicts the body."""

    error: HeaderMismatch


class MissingRequiredClientCapabilityError(ErrorResponseBase):
    """The client did not declare a capability that the request needs."""

    error: MissingCapability


class UnsupportedProtocolVersionError(ErrorResponseBase):
    """The server does not speak the revision of the request."""

    error: UnsupportedVersion


class URLElicitationRequiredError(ErrorResponseBase):
    """The user has to visit a URL before the request can be served."""

    error: ElicitationRequired
