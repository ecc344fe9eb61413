"""The services: each RPC of each version is one operation of the core. Spec: A2A 1.0 section 10."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from wireproof.a2a.bindings.facts import (
    EXTENSIONS_HEADER,
    OLD_EXTENSIONS_HEADER,
    VERSION_HEADER,
    agreed_version,
    extensions_of,
)
from wireproof.a2a.bindings.grpc.conversion import to_document, to_message
from wireproof.a2a.bindings.grpc.descriptors import Schema
from wireproof.a2a.bindings.grpc.status import challenge, refuse
from wireproof.a2a.bindings.versions import proto_edge_of
from wireproof.a2a.caller import V0_3, Caller
from wireproof.a2a.card import GRPC
from wireproof.a2a.core import Core
from wireproof.a2a.errors import A2AError, Kind, of_bad_message
from wireproof.schemas.a2a.reading import BadMessage
from wireproof.schemas.a2a.tables import Operation
from wireproof.schemas.caller import ANONYMOUS, Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.transports.http import Gate

log = logging.getLogger("wireproof.a2a.grpc")


class Service:
    """The RPCs of one version. `Any` below: grpc and protobuf have no types of their own."""

    def __init__(self, core: Core, schema: Schema, gate: Gate | None, versions: Iterable[str]) -> None:
        self._core: Final = core
        self._schema: Final = schema
        self._gate: Final = gate
        self._versions: Final = tuple(versions)
        self._edge: Final = proto_edge_of(schema.version)

    def handler(self) -> Any:
        """What a server registers."""
        methods: dict[str, Any] = {
            rpc: (
                grpc.unary_stream_rpc_method_handler(self._streaming(rpc, operation))
                if operation.streams
                else grpc.unary_unary_rpc_method_handler(self._unary(rpc, operation))
            )
            for rpc, operation in self._schema.rpcs.items()
        }
        return grpc.method_handlers_generic_handler(self._schema.service, methods)

    def _unary(self, rpc: str, operation: Operation) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def answer(body: bytes, context: Any) -> bytes:
            caller = await self._caller(rpc, context)
            try:
                request = self._request(operation, body)
                result = self._edge.result(operation.name, await self._result(operation, request, caller))
                return self._encoded(operation, result if result is not None else {})
            except A2AError as error:
                await refuse(context, error)
            except Exception:
                log.exception("an operation failed")
                await refuse(context, A2AError(Kind.INTERNAL))

        return answer

    def _streaming(self, rpc: str, operation: Operation) -> Callable[[bytes, Any], AsyncGenerator[bytes, None]]:
        async def answer(body: bytes, context: Any) -> AsyncGenerator[bytes, None]:
            caller = await self._caller(rpc, context)
            try:
                events = await self._core.stream(operation.name, self._request(operation, body), caller)
                async with aclosing(events):
                    async for event in events:
                        yield self._encoded(operation, self._edge.event(event))
            except A2AError as error:
                await refuse(context, error)
            except Exception:
                log.exception("a stream failed")
                await refuse(context, A2AError(Kind.INTERNAL))

        return answer

    async def _result(self, operation: Operation, request: JSONObject, caller: Caller) -> JSONValue:
        if operation.name == "GetExtendedAgentCard" and caller.version == V0_3 and self._core.extended is None:
            return self._core.card()  # 0.3's GetAgentCard has nothing else to say
        return await self._core.call(operation.name, request, caller)

    def _request(self, operation: Operation, body: bytes) -> JSONObject:
        message = self._schema.new(operation.request)
        try:
            message.ParseFromString(body)
        except DecodeError:
            raise A2AError(Kind.PARSE, "The request is no message of its type") from None
        try:
            document = to_document(self._schema, operation.request, message)
        except BadMessage as bad:
            raise of_bad_message(bad) from None
        return self._edge.request(operation.name, document)

    def _encoded(self, operation: Operation, document: JSONObject) -> bytes:
        data: bytes = to_message(self._schema, operation.response, document).SerializeToString()
        return data

    async def _caller(self, rpc: str, context: Any) -> Caller:
        """Who calls; a caller who may not, or whose version is not spoken, ends here."""
        fields = [(key, value) for key, value in context.invocation_metadata() if isinstance(value, str)]
        principal = ANONYMOUS
        if self._gate is not None:
            url = f"/{self._schema.service}/{rpc}"
            who = await self._gate.authenticate(fields, method="POST", url=url, tls=context.auth_context() or {})
            if not isinstance(who, Principal):
                await challenge(context, who)
            principal = who
        said = dict(fields)
        try:
            version = agreed_version(said.get(VERSION_HEADER), self._schema.version, self._versions)
        except A2AError as error:
            await refuse(context, error)
        asked = extensions_of(said.get(EXTENSIONS_HEADER), said.get(OLD_EXTENSIONS_HEADER))
        extensions = asked & self._core.offered
        if extensions:
            await context.send_initial_metadata(((EXTENSIONS_HEADER, ", ".join(sorted(extensions))),))
        return Caller(principal, "", version, extensions, GRPC)
