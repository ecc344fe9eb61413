"""The JSON-RPC messages as the MCP schemas describe them, and the bases of MCP's own.

Before 2025-11-25 the schemas described a request without its `id` and `jsonrpc`.

Spec: MCP basic/index#messages (all revisions).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypeAlias, TypedDict

from wireproof.schemas.mcp.rules import JULY, JUNE, MARCH, NOVEMBER, RequiredSince, Since, Until, Was
from wireproof.schemas.mcp.types.basics import (
    NotificationParams,
    PaginatedRequestParams,
    RequestId,
    RequestParams,
    Result,
)


class RequestBase(TypedDict):
    """The base of a request."""

    id: Annotated[RequestId, Since(NOVEMBER)]
    jsonrpc: Annotated[Literal["2.0"], Since(NOVEMBER)]


class AskBase(TypedDict):
    """The base of a request to the client: a message of its own up to 2025-11-25, a part of a result after it."""

    id: Annotated[RequestId, Since(NOVEMBER), Until(NOVEMBER)]
    jsonrpc: Annotated[Literal["2.0"], Since(NOVEMBER), Until(NOVEMBER)]


class NotificationBase(TypedDict):
    """The base of a notification."""

    jsonrpc: Annotated[Literal["2.0"], Since(NOVEMBER)]


class ResponseBase(TypedDict):
    """The base of a response of a named type."""

    id: RequestId
    jsonrpc: Literal["2.0"]


class ErrorResponseBase(TypedDict):
    """The base of an error response of a named type."""

    id: NotRequired[RequestId]
    jsonrpc: Literal["2.0"]


class Request(TypedDict):
    """Any request, without its envelope."""

    method: str
    params: NotRequired[Annotated[dict[str, Any], Was(RequestParams, until=JUNE)]]


class Notification(TypedDict):
    """Any notification, without its envelope."""

    method: str
    params: NotRequired[Annotated[dict[str, Any], Was(NotificationParams, until=JUNE)]]


class PaginatedRequest(RequestBase):
    """Any list request."""

    method: str
    params: NotRequired[Annotated[PaginatedRequestParams, RequiredSince(JULY)]]


class JSONRPCRequest(ResponseBase):
    """Any request."""

    method: str
    params: NotRequired[Annotated[dict[str, Any], Was(RequestParams, until=JUNE)]]


class JSONRPCNotification(TypedDict):
    """Any notification."""

    jsonrpc: Literal["2.0"]
    method: str
    params: NotRequired[Annotated[dict[str, Any], Was(NotificationParams, until=JUNE)]]


class JSONRPCResultResponse(ResponseBase):
    """Any good answer."""

    result: Result


class Error(TypedDict):
    """The error of a response."""

    code: int
    data: NotRequired[Any]
    message: str


class JSONRPCErrorResponse(ErrorResponseBase):
    """Any error answer."""

    error: Error


class JSONRPCError(ResponseBase):
    """Any error answer, up to 2025-06-18."""

    error: Error


JSONRPCResponse: TypeAlias = JSONRPCResultResponse | Annotated[JSONRPCErrorResponse, Since(NOVEMBER)]
JSONRPCBatchRequest: TypeAlias = list[JSONRPCRequest | JSONRPCNotification]
JSONRPCBatchResponse: TypeAlias = list[JSONRPCResultResponse | JSONRPCError]
JSONRPCMessage: TypeAlias = (
    JSONRPCRequest
    | JSONRPCNotification
    | JSONRPCResultResponse
    | Annotated[JSONRPCError, Until(JUNE)]
    | Annotated[JSONRPCErrorResponse, Since(NOVEMBER)]
    | Annotated[JSONRPCBatchRequest, Since(MARCH), Until(MARCH)]
    | Annotated[JSONRPCBatchResponse, Since(MARCH), Until(MARCH)]
)
