"""`wireproof run --http`: a tool server, an agent or both on one port."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from wireproof.cli.load import Loaded, LoadError
from wireproof.cli.run import complain

if TYPE_CHECKING:
    import argparse

    from wireproof.a2a import Interface


def serve_http(loaded: Loaded, options: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    from wireproof.transports.serve import MissingHTTPStack, run

    try:
        tell = partial(_tell, loaded=loaded)
        if options.grpc is not None:
            from wireproof.cli.serve_agent import serve_with_grpc

            serve_with_grpc(loaded, options, partial(make_app, loaded, options), tell)
        else:
            run(make_app(loaded, options), host=options.host, port=options.http, tell=tell)
    except (MissingHTTPStack, LoadError) as error:
        return complain(error)
    except OSError as error:
        reason = error.strerror or error
        return complain(OSError(f"cannot listen on {options.host}:{options.http}: {reason}"))
    return 0


def make_app(loaded: Loaded, options: argparse.Namespace, interfaces: tuple[Interface, ...] = ()) -> Any:
    """The application of what the file holds; `interfaces` are named in the card, too.

    `Any`: an ASGI application that can be stopped.
    """
    apps = list[Any]()
    if loaded.server is not None:
        from wireproof.mcp_tools.asgi import ServeOptions

        served = ServeOptions(allowed_hosts=options.allow_host, allowed_origins=options.allow_origin)
        apps.append(loaded.server.asgi(served))
    if loaded.agent is not None:
        from wireproof.cli.serve_agent import agent_app

        apps.append(agent_app(loaded.agent, options, interfaces))
    if len(apps) == 1:
        return apps[0]
    from wireproof.cli.both import Both

    return Both(*apps)


def _tell(url: str, loaded: Loaded) -> None:
    lines = list[str]()
    if loaded.server is not None:
        lines.append(f"MCP  {url}/mcp  (HTTP+SSE at /sse, WebSocket at /ws)")
    if loaded.agent is not None:
        lines.append(f"A2A  {url}/.well-known/agent-card.json")
    print("\n".join(lines), file=sys.stderr, flush=True)
