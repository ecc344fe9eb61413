"""Which scopes to ask for. Pure. Spec: MCP 2026-07-28 basic/authorization, Scope Selection Strategy and Step-Up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

OFFLINE: Final = "offline_access"


def first_scopes(challenged: Iterable[str] | None, listed: Iterable[str] | None) -> frozenset[str]:
    """What to ask for at first: the challenge's scopes, else all that the resource lists, else none."""
    chosen = challenged if challenged is not None else listed
    return frozenset(chosen or ())


def wider_scopes(before: Iterable[str], challenged: Iterable[str] | None) -> frozenset[str]:
    """What to ask for in a step-up: what was asked for before and what the challenge names."""
    return frozenset(before) | frozenset(challenged or ())


def with_offline_access(wanted: frozenset[str], offered: Iterable[str] | None) -> frozenset[str]:
    """Add `offline_access` where the authorization server offers it.

    Not when no scope is asked for at all: the server's default would shrink to this one scope.
    """
    return wanted | {OFFLINE} if wanted and OFFLINE in (offered or ()) else wanted


def spell(scopes: Iterable[str]) -> str:
    """Scopes as the text of a `scope` parameter."""
    return " ".join(sorted(scopes))
