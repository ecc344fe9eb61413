"""Errors as gRPC statuses with google.rpc details. Spec: A2A 1.0 sections 5.4 and 10.6."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from wireproof.a2a.errors import DOMAIN, A2AError
from wireproof.transports.http import Challenge

DETAILS: Final = "grpc-status-details-bin"
_OF_HTTP: Final = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 503: "UNAVAILABLE"}


async def refuse(context: Any, error: A2AError) -> NoReturn:
    """End a call with an error. `Any`: grpc's contexts have no types."""
    code = grpc.StatusCode[error.kind.row.grpc]
    status = status_pb2.Status(code=code.value[0], message=error.message, details=_details(error))
    await context.abort(code, error.message, trailing_metadata=((DETAILS, status.SerializeToString()),))
    raise AssertionError("abort returns never")


async def challenge(context: Any, refusal: Challenge) -> NoReturn:
    """End a call of somebody who may not make it; the header fields of the challenge go as trailing metadata."""
    code = grpc.StatusCode[_OF_HTTP.get(refusal.status, "UNAUTHENTICATED")]
    fields = tuple((name.lower(), value) for name, value in refusal.headers if name.isascii())
    message = refusal.description or refusal.error or "Authentication is needed"
    await context.abort(code, message, trailing_metadata=fields)
    raise AssertionError("abort returns never")


def _details(error: A2AError) -> list[any_pb2.Any]:
    found: list[Any] = []
    if error.kind.row.reason:
        info = error_details_pb2.ErrorInfo(reason=error.kind.row.reason, domain=DOMAIN, metadata=error.metadata)
        found.append(info)
    if error.violations:
        bad = error_details_pb2.BadRequest()
        for each in error.violations:
            bad.field_violations.add(field=each.field, description=each.description)
        found.append(bad)
    packed: list[any_pb2.Any] = []
    for detail in found:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return packed
