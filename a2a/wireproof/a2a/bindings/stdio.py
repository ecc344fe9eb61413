"""The stdio binding: an agent as the child of its caller. docs/a2a-bindings/stdio.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wireproof.a2a.bindings.content_length import EitherFramer
from wireproof.a2a.bindings.duplex import accept_for
from wireproof.transports.stdio import serve_stdio

if TYPE_CHECKING:
    from wireproof.a2a.core import Core


async def serve(core: Core, descriptors: tuple[int, int] | None = None) -> None:
    """Serve stdin and stdout until the caller closes them; running answers are finished.

    Raises what opening the agent's store raises.
    """
    async with core:
        await serve_stdio(accept_for(core), make_framer=EitherFramer, descriptors=descriptors)
