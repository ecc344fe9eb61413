"""`wireproof run`: serve a file on stdio, as hosts spawn it, or on HTTP."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from wireproof.cli.load import Loaded, LoadError, load

if TYPE_CHECKING:
    import argparse


def complain(error: Exception) -> int:
    """Say on stderr what is wrong with the call; exit code 2."""
    print(f"wireproof: {error}", file=sys.stderr)
    return 2


def run_stdio(target: str, options: argparse.Namespace | None = None) -> int:
    """Serve a file on stdin and stdout. Its own prints go to stderr from before it is loaded."""
    from wireproof.transports.stdio import claimed_descriptors

    with claimed_descriptors() as descriptors:
        try:
            loaded = load(target) if options is None else find(options)
        except LoadError as error:
            return complain(error)
        if options is not None:
            use_store(loaded, options.store)
        try:
            asyncio.run(_serve_stdio(loaded, descriptors))
        except Exception as error:
            if not _is_of_the_store(error):
                raise
            return complain(error)
    return 0


def find(options: argparse.Namespace) -> Loaded:
    """What the file holds, or its other face. Raises `LoadError`."""
    if not (options.as_agent or options.as_tools):
        return load(options.target)
    from wireproof.cli.bridged import loaded_for

    return loaded_for(options)


def use_store(loaded: Loaded, store: str | None) -> None:
    """Let what was loaded keep its tasks where the command line says."""
    if store is not None and loaded.server is not None:
        loaded.server.use_store(store)
    if store is not None and loaded.agent is not None:
        loaded.agent.use_store(store)


def _is_of_the_store(error: Exception) -> bool:
    """True when the tasks' store cannot be opened. Loads nothing: without tasks there is no such error."""
    errors = sys.modules.get("wireproof.tasks.errors")
    return errors is not None and isinstance(error, (errors.StoreRefused, errors.StoreUnavailable))


def run_socket(options: argparse.Namespace) -> int:
    """Serve a tool server on a Unix or TCP socket."""
    try:
        loaded = find(options)
    except LoadError as error:
        return complain(error)
    if loaded.server is None:
        return complain(LoadError(f"{options.target} holds no ToolServer; an agent is served with --http, or on stdio"))
    use_store(loaded, options.store)
    serving = loaded.server.serve_unix(options.unix) if options.unix else loaded.server.serve_tcp(options.tcp)
    try:
        asyncio.run(serving)
    except OSError as error:
        return complain(error)
    return 0


async def _serve_stdio(loaded: Loaded, descriptors: tuple[int, int]) -> None:
    if loaded.server is not None:
        await loaded.server.serve_stdio(descriptors=descriptors)
    elif loaded.agent is not None:
        await loaded.agent.serve_stdio(descriptors=descriptors)


def run(options: argparse.Namespace) -> int:
    """Serve as the options of the command line say."""
    if options.unix is not None or options.tcp is not None:
        return run_socket(options)
    if options.http is None and options.grpc is None:
        return run_stdio(options.target, options)
    try:
        loaded = find(options)
    except LoadError as error:
        return complain(error)
    use_store(loaded, options.store)
    from wireproof.cli.serve import serve_http

    return serve_http(loaded, options)
