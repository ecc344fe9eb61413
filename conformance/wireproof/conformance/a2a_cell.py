"""One A2A agent on one binding and version, as a check sees it. Asks for the card once. Judges nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from wireproof.conformance.mcp_cell import Options
from wireproof.conformance.target import Target

if TYPE_CHECKING:
    from wireproof.conformance.discovery import Discovered


async def discover_agent(
    target: Target,  # noqa: ARG001
    transports: Collection[str],  # noqa: ARG001
    revisions: Collection[str],  # noqa: ARG001
    options: Options,  # noqa: ARG001
) -> Discovered:
    """The cells of an agent; none when there is no card."""
    from wireproof.conformance.discovery import Discovered

    return Discovered("a2a")
