"""The MCP messages of every revision, as data and validators. Names load when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wireproof.schemas.mcp.revisions import LATEST, MODERN, SESSION_REVISIONS, Revision

if TYPE_CHECKING:
    from wireproof.schemas.mcp.validation import Problem, UnknownDefinition, Validator, validator

__all__ = [
    "LATEST",
    "MODERN",
    "SESSION_REVISIONS",
    "Problem",
    "Revision",
    "UnknownDefinition",
    "Validator",
    "validator",
]


def __getattr__(name: str) -> Any:
    if name in ("Problem", "UnknownDefinition", "Validator", "validator"):
        from wireproof.schemas.mcp import validation

        return getattr(validation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
