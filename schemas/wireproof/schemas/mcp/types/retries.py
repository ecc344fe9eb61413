"""Multi round-trip requests: what a server needs from the client before it can answer.

Spec: MCP 2026-07-28 basic/patterns/mrtr.
"""

from __future__ import annotations

from typing import NotRequired, TypeAlias

from wireproof.schemas.mcp.types.basics import RequestParamsBase, Result
from wireproof.schemas.mcp.types.elicitation import ElicitRequest, ElicitResult
from wireproof.schemas.mcp.types.sampling import (
    CreateMessageRequest,
    CreateMessageResult,
    ListRootsRequest,
    ListRootsResult,
)

InputRequest: TypeAlias = CreateMessageRequest | ListRootsRequest | ElicitRequest
InputRequests: TypeAlias = dict[str, InputRequest]
InputResponse: TypeAlias = CreateMessageResult | ListRootsResult | ElicitResult
InputResponses: TypeAlias = dict[str, InputResponse]


class InputRequiredResult(Result):
    """The answer that asks back."""

    inputRequests: NotRequired[InputRequests]
    requestState: NotRequired[str]


class InputResponseRequestParams(RequestParamsBase):
    """The parameters of a request that is sent again with answers."""

    inputResponses: NotRequired[InputResponses]
    requestState: NotRequired[str]
