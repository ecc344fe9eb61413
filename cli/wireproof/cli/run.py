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


def run_stdio(target: str) -> int:
    """Serve a file on stdin and stdout. Its own prints go to stderr from before it is loaded."""
    from wireproof.transports.stdio import claimed_descriptors

    with claimed_descriptors() as descriptors:
        try:
            loaded = load(target)
        except LoadError as error:
            return complain(error)
        asyncio.run(_serve_stdio(loaded, descriptors))
    return 0


async def _serve_stdio(loaded: Loaded, descriptors: tuple[int, int]) -> None:
    if loaded.server is not None:
        await loaded.server.serve_stdio(descriptors=descriptors)
    elif loaded.agent is not None:
        await loaded.agent.serve_stdio(descriptors=descriptors)


def run(options: argparse.Namespace) -> int:
    """Serve as the options of the command line say."""
    if options.http is None:
        return run_stdio(options.target)
    try:
        loaded = load(options.target)
    except LoadError as error:
        return complain(error)
    from wireproof.cli.serve import serve_http

    return serve_http(loaded, options)
