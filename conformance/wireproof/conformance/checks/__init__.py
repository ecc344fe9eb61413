"""Every check, in the order in which they run. The modules hold them by area; none registers itself."""

from __future__ import annotations

from functools import cache

from wireproof.conformance.registry import Check, listed


@cache
def all_checks() -> tuple[Check, ...]:
    """All checks of both protocols and roles."""
    from wireproof.conformance.checks import (
        a2a_card,
        a2a_push,
        a2a_send,
        a2a_streams,
        a2a_tasks,
        a2a_wire,
        asking,
        authorization,
        client_faults,
        client_messages,
        client_tasks,
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
        *(client_messages, client_tasks, client_faults),
        *(a2a_card, a2a_send, a2a_tasks, a2a_streams, a2a_push, a2a_wire),
    )
    return tuple(item for module in modules for item in listed(module))
