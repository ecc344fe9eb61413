"""A target that listens, started by the judge on a free port, so that its process can be watched and signalled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from wireproof.conformance.probe.child import Child
from wireproof.conformance.probe.http import Url, connect
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import PeerGone

READY_WITHIN: Final = 20.0
POLL: Final = 0.05


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def served(target: Target) -> AsyncGenerator[tuple[Target, Child]]:
    """The target with its port filled in, and its process. Raises PeerGone when it does not listen in time."""
    port = str(free_port())
    words = [word.replace("{port}", port) for word in target.spawn]
    url = (target.url or "").replace("{port}", port)
    try:
        child = await Child.spawn(words)
    except OSError as error:
        raise PeerGone(f"The command could not be started: {error.strerror or error}.") from error
    try:
        await _ready(child, Url.parse(url))
        yield replace(target, url=url, template=target.url or ""), child
    finally:
        await child.close()


async def _ready(child: Child, url: Url) -> None:
    try:
        async with asyncio.timeout(READY_WITHIN):
            while child.process.returncode is None:
                with contextlib.suppress(OSError):
                    _, writer = await connect(url)
                    writer.close()
                    return
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise PeerGone(f"Nothing listened at port {url.port} within {READY_WITHIN:g} s.") from None
    lines = child.stderr.decode("utf-8", "replace").strip().splitlines()
    raise PeerGone(f"The command ended with {child.process.returncode}. {lines[-1][:200] if lines else ''}")
