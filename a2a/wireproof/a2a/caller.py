"""Who calls an operation, and how: the facts of one request, whatever the binding. Frozen, passed, never ambient."""

from __future__ import annotations

from typing import Final, NamedTuple

from wireproof.schemas.caller import ANONYMOUS, Principal
from wireproof.tasks.records import Scope

V1_0: Final = "1.0"
V0_3: Final = "0.3"
VERSIONS: Final = (V1_0, V0_3)


class Caller(NamedTuple):
    """The sender of one request. `version` is Major.Minor; `extensions` are the URIs that the caller activated."""

    principal: Principal = ANONYMOUS
    tenant: str = ""
    version: str = V1_0
    extensions: frozenset[str] = frozenset()
    binding: str = "memory"

    @property
    def scope(self) -> Scope:
        """Part of every key in the store."""
        return Scope(self.principal.key, self.tenant)
