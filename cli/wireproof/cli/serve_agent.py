"""`wireproof run --http --grpc --ws` for an agent: its options from the command line, its listeners in one loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wireproof.cli.load import Loaded, LoadError

if TYPE_CHECKING:
    import argparse

    from wireproof.a2a import Agent, Interface


def agent_app(agent: Agent, options: argparse.Namespace, interfaces: tuple[Interface, ...] = ()) -> Any:
    """The application of an agent. `Any`: an ASGI application that can be stopped."""
    from wireproof.a2a.bindings.http import HTTPOptions

    if options.host in ("127.0.0.1", "localhost", "::1"):
        agent.allow_loopback_webhooks()
    served = HTTPOptions(
        allowed_hosts=options.allow_host,
        allowed_origins=options.allow_origin,
        websocket=options.ws,
        interfaces=interfaces,
    )
    return agent.asgi(served)


def serve_with_grpc(
    loaded: Loaded,
    options: argparse.Namespace,
    make_app: Callable[[tuple[Interface, ...]], Any],
    tell: Callable[[str], None],
) -> None:
    """Serve over gRPC, and over HTTP where it is asked for, until a signal comes. Raises `LoadError`, `OSError`."""
    agent = loaded.agent
    if agent is None:
        raise LoadError(f"{options.target} holds no Agent, and --grpc serves nothing else")
    try:
        from wireproof.a2a.bindings.grpc.server import GRPCOptions, serving
    except ImportError as error:
        raise LoadError(f"--grpc needs the extra: pip install 'wireproof[grpc]' ({error})") from None
    from wireproof.a2a.card import GRPC, Interface
    from wireproof.transports.serve import serve, until_signal

    async def run() -> None:
        async with serving(agent.core, GRPCOptions(host=options.host, port=options.grpc)) as port:
            address = f"{options.host}:{port}"
            print(f"A2A  grpc://{address}", file=sys.stderr, flush=True)
            if options.http is None:
                await until_signal()
            else:
                interfaces = tuple(Interface(url=address, binding=GRPC, version=each) for each in ("1.0", "0.3"))
                await serve(make_app(interfaces), host=options.host, port=options.http, tell=tell)

    asyncio.run(run())
