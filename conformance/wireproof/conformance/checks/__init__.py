"""Every check, in the order in which they run. The modules hold them by area; none registers itself."""

from __future__ import annotations

from functools import cache

from wireproof.conformance.registry import Check, listed


@cache
def all_checks() -> tuple[Check, ...]:
    """All checks of both protocols and roles."""
    from wireproof.conformance.checks import (
        asking,
        authorization,
        declared,
        endurance,
        features,
        framing,
        http,
        lifecycle,
        sessions,
        streams,
        surface,
        tasks,
        tools,
        versions,
    )

    modules = (
        *(framing, versions, declared, tools, features, surface, streams, asking, tasks),
        *(http, sessions, authorization, lifecycle, endurance),
    )
    return tuple(item for module in modules for item in listed(module))
