"""The tools, prompts, resources and templates of a server, and their lists as bytes made once.

A list is rendered for a revision when it is first asked for and kept until something comes or goes.
Spec: 2026-07-28 server/utilities/pagination, server/utilities/caching.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Generic, Protocol, TypeVar

from wireproof.schemas.jsonrpc import JSONObject
from wireproof.schemas.mcp.revisions import Revision


class Listed(Protocol):
    """Something that stands in a list."""

    def render(self, revision: Revision) -> JSONObject:
        """Its definition as that revision says it."""
        ...


ItemT = TypeVar("ItemT", bound=Listed)


class DuplicateName(ValueError):
    """Something of this kind and name is there already."""


class Catalogue(Generic[ItemT]):
    """Items by key, in the order they came. Every change makes the rendered lists stale and is announced."""

    def __init__(self, noun: str, changed: Callable[[], None]) -> None:
        self._noun: Final = noun
        self._changed: Final = changed
        self._items: dict[str, ItemT] = {}
        self._rendered: dict[Revision, list[JSONObject]] = {}
        self._bytes: dict[Revision, bytes] = {}
        self.ever: bool = False
        """True once anything was registered; from then on the capability is declared."""

    def add(self, key: str, item: ItemT, *, replace: bool = False) -> None:
        """Register. Raises `DuplicateName` unless `replace`."""
        if key in self._items and not replace:
            raise DuplicateName(
                f"a {self._noun} {key!r} is registered already: remove it first, or name this one apart"
            )
        self._items[key] = item
        self.ever = True
        self._stale()

    def remove(self, key: str) -> None:
        """Take out. Raises `KeyError`."""
        del self._items[key]
        self._stale()

    def get(self, key: str) -> ItemT | None:
        """The item, or None."""
        return self._items.get(key)

    def __iter__(self) -> Iterator[ItemT]:
        return iter(list(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def rendered(self, revision: Revision) -> list[JSONObject]:
        """Every definition as that revision says it."""
        found = self._rendered.get(revision)
        if found is None:
            found = self._rendered[revision] = [item.render(revision) for item in self._items.values()]
        return found

    def cached(self, revision: Revision, make: Callable[[list[JSONObject]], bytes]) -> bytes:
        """The whole list result as bytes, made by `make` on first use."""
        found = self._bytes.get(revision)
        if found is None:
            found = self._bytes[revision] = make(self.rendered(revision))
        return found

    def _stale(self) -> None:
        self._rendered.clear()
        self._bytes.clear()
        self._changed()
