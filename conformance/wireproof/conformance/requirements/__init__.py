"""The ledger: every rule of the specifications as data, one text file for each chapter.

A file has chapter lines `[page] protocol role revisions transports` and rule lines
`id | level | #anchor | what differs from the chapter | sentence | hidden: reason, or gap: reason`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from wireproof.conformance import ledger
from wireproof.conformance.ledger import Ledger, Level, Requirement, Role

_REVISIONS: Final = {
    "all": ledger.ALL,
    "modern": ledger.MODERN,
    "legacy": ledger.LEGACY,
    "since-0326": ledger.SINCE_0326,
    "since-0618": ledger.SINCE_0618,
    "since-1125": ledger.MODERN | {"2025-11-25"},
    "legacy-http": ledger.LEGACY_HTTP,
    "legacy-0618": ledger.LEGACY_HTTP - {"2025-03-26"},
    "a2a": ledger.A2A_ALL,
}
_TRANSPORTS: Final = {
    "any": ledger.ANY_MCP,
    "duplex": ledger.DUPLEX,
    "agent": ledger.ANY_A2A,
    "web": ledger.A2A_WEB,
    **{name: frozenset({name}) for name in (*ledger.ANY_MCP, *ledger.ANY_A2A)},
}


def _rows(text: str) -> Iterator[Requirement]:
    page, defaults = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("["):
            page, _, defaults = stripped[1:].partition("]")
            continue
        cells = [cell.strip() for cell in stripped.split("|")]
        if len(cells) < 5:
            raise ValueError(f"line {number}: a rule has at least five cells: {stripped}")
        yield _row(page, defaults, [*cells, ""][:6])


def _row(page: str, defaults: str, cells: list[str]) -> Requirement:
    id_, level, anchor, differs, text, remark = cells
    protocol, role, revisions, transports = "mcp", Role.SERVER, ledger.ALL, ledger.ANY_MCP
    for words in (defaults.split(), differs.split()):
        new_revisions: set[str] = set()
        new_transports: set[str] = set()
        for word in words:
            if word in {"mcp", "a2a-protocol"}:
                protocol = word.removesuffix("-protocol")
            elif word in {"server", "client"}:
                role = Role(word)
            elif word in _TRANSPORTS:
                new_transports |= _TRANSPORTS[word]
            else:
                new_revisions |= _REVISIONS.get(word, {word})
        revisions = frozenset(new_revisions) or revisions
        transports = frozenset(new_transports) or transports
    where = page if anchor in {"", "-"} else f"{page}{anchor}"
    hidden = remark.removeprefix("hidden: ") if remark.startswith("hidden: ") else ""
    gap = remark.removeprefix("gap: ") if remark.startswith("gap: ") else ""
    return Requirement(id_, protocol, Level(level), role, where, text, revisions, transports, hidden, gap)


def _load() -> Ledger:
    found: list[Requirement] = []
    folder = files(__name__)
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".txt"):
            found += _rows(entry.read_text(encoding="utf-8"))
    return Ledger(found)


LEDGER: Final = _load()
"""All requirements that this product knows."""
