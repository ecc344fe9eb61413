"""What a check is and where it holds. Checks are values that their modules list; nothing registers itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from wireproof.conformance.ledger import ALL, ANY_MCP

CheckFunction: TypeAlias = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    """One observation of the target, and the requirements that it shows.

    `run` returns for a pass and raises an `Ended` otherwise. `own` says that it needs a connection of its own, because
    it ends or spoils the one it uses. A check runs after those it `depends_on`, and is skipped when one of them failed.
    """

    id: str
    shows: tuple[str, ...]
    area: str
    run: CheckFunction
    protocol: str
    role: str
    transports: frozenset[str]
    revisions: frozenset[str]
    depends_on: tuple[str, ...]
    own: bool
    limit: float

    @property
    def title(self) -> str:
        """The sentence that the function's name is."""
        return self.run.__name__.replace("_", " ")


def check(
    id_: str,
    *,
    shows: Iterable[str],
    area: str,
    protocol: str = "mcp",
    role: str = "server",
    transports: frozenset[str] = ANY_MCP,
    revisions: frozenset[str] = ALL,
    depends_on: Iterable[str] = (),
    own: bool = False,
    limit: float = 12.0,
) -> Callable[[CheckFunction], Check]:
    """Make a check of a coroutine function whose name is the sentence it shows."""

    def wrap(function: CheckFunction) -> Check:
        return Check(
            id_, tuple(shows), area, function, protocol, role, transports, revisions, tuple(depends_on), own, limit
        )

    return wrap


def listed(module: object) -> tuple[Check, ...]:
    """The checks of one module, in the order they are written."""
    return tuple(value for value in vars(module).values() if isinstance(value, Check))
