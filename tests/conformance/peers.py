"""Starts miniatures and opens their cells for the tests."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncGenerator

from wireproof.conformance.ledger import HTTP
from wireproof.conformance.mcp_cell import Cell, Options, open_cell
from wireproof.conformance.miniatures.mcp_http import Endpoint
from wireproof.conformance.target import Target


def stdio_target(wrong: str = "") -> Target:
    words = [sys.executable, "-m", "wireproof.conformance.miniatures.mcp_stdio", *([wrong] if wrong else [])]
    return Target.parse(words)


@contextlib.asynccontextmanager
async def opened(wrong: str, transport: str, revision: str) -> AsyncGenerator[Cell]:
    """A cell of a miniature; when a mutant refuses to be opened, a cell with nothing shared."""
    endpoint = Endpoint(wrong)
    await endpoint.listener.start()
    target = Target.parse(endpoint.url) if transport == HTTP else stdio_target(wrong)
    cell = await open_cell(target, transport, revision, Options(patience=1.5)) or Cell(
        target, transport, revision, Options(patience=1.5)
    )
    try:
        yield cell
    finally:
        await cell.close()
        await endpoint.listener.stop()
