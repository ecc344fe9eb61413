"""The gRPC listener: both services and reflection on one port. Owns the server and holds the core open."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from wireproof.a2a.bindings.grpc.descriptors import schemas
from wireproof.a2a.bindings.grpc.service import Service
from wireproof.a2a.caller import VERSIONS
from wireproof.schemas.jsonrpc import MAX_MESSAGE

if TYPE_CHECKING:
    from wireproof.a2a.core import Core
    from wireproof.transports.http import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPCOptions:
    """How an agent is served over gRPC.

    `port` 0 takes a free one. `gate` decides who may call, in place of
    the agent's security schemes. `credentials` are
    grpc's server credentials; without them the port is plain text. `calls` at once; more are refused with
    RESOURCE_EXHAUSTED. `stop_within_s`: seconds that running calls get at the end.
    """

    host: str = "127.0.0.1"
    port: int = 0
    gate: Gate | None = None
    versions: tuple[str, ...] = VERSIONS
    credentials: Any = None
    reflection: bool = True
    max_message: int = MAX_MESSAGE
    calls: int = 1024
    stop_within_s: float = 2.0


@asynccontextmanager
async def serving(core: Core, options: GRPCOptions | None = None) -> AsyncGenerator[int, None]:
    """Serve as long as the block runs; gives the port. Raises `OSError` when it cannot listen."""
    options = options or GRPCOptions()
    server: Any = grpc.aio.server(
        maximum_concurrent_rpcs=options.calls,
        options=[
            ("grpc.max_receive_message_length", options.max_message),
            ("grpc.so_reuseport", 0),
        ],
    )
    spoken = [schema for schema in schemas() if schema.version in options.versions]
    server.add_generic_rpc_handlers(
        tuple(Service(core, schema, core.gated(options.gate), options.versions).handler() for schema in spoken)
    )
    if options.reflection:
        from grpc_reflection.v1alpha import reflection, reflection_pb2

        pool = spoken[0].pool
        pool.AddSerializedFile(reflection_pb2.DESCRIPTOR.serialized_pb)  # asked for like every other service
        names = [*(schema.service for schema in spoken), reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server, pool=pool)
    address = f"{options.host}:{options.port}" if ":" not in options.host else f"[{options.host}]:{options.port}"
    try:
        port: int = (
            server.add_insecure_port(address)
            if options.credentials is None
            else server.add_secure_port(address, options.credentials)
        )
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address} for gRPC") from error
    async with core:
        await server.start()
        try:
            yield port
        finally:
            await server.stop(options.stop_within_s)
