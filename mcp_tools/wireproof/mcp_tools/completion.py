"""Completion of prompt arguments and template variables. Spec: 2026-07-28 server/utilities/completion."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from wireproof.schemas.jsonrpc import JSONObject

MAX_VALUES: Final = 100
"""Values in one answer, as the specification bounds it."""

Completer: TypeAlias = Callable[..., Iterable[str] | Awaitable[Iterable[str]]]
"""`(value)` or `(value, context)`: the text typed so far, and the arguments that are known already."""


class Completers:
    """Completers by what they complete: a prompt name or a URI template, and the argument."""

    def __init__(self) -> None:
        self._by_target: Final[dict[tuple[str, str], tuple[Completer, bool]]] = {}

    def add(self, target: str, argument: str, completer: Completer) -> None:
        """Register; a later one for the same argument takes its place."""
        takes_context = len(inspect.signature(completer).parameters) > 1
        self._by_target[target, argument] = (completer, takes_context)

    def find(self, target: str, argument: str) -> tuple[Completer, bool] | None:
        """The completer and whether it takes the context."""
        return self._by_target.get((target, argument))


def completion(values: Iterable[str]) -> JSONObject:
    """The CompleteResult of these values."""
    found = [str(value) for value in values]
    shown = found[:MAX_VALUES]
    return {"completion": {"values": shown, "total": len(found), "hasMore": len(found) > len(shown)}}


async def complete(completer: Completer, takes_context: bool, value: str, context: Mapping[str, str]) -> JSONObject:
    """Run a completer and give its CompleteResult."""
    arguments: tuple[Any, ...] = (value, dict(context)) if takes_context else (value,)
    values = completer(*arguments)
    return completion(await values if inspect.isawaitable(values) else values)
