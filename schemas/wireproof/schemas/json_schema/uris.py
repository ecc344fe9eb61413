"""Resolving URI references against a base, for identifiers only: nothing here is ever opened.

Spec: RFC 3986 section 5.2; unlike `urllib.parse` it treats `urn:` and unknown schemes alike.
"""

from __future__ import annotations

import re
from typing import Final

_PARTS: Final = re.compile(
    r"^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$", re.DOTALL
)


def resolve(base: str, reference: str) -> str:
    """The target of `reference`, without its fragment."""
    scheme, authority, path, query, _ = _split(reference)
    base_scheme, base_authority, base_path, base_query, _ = _split(base)
    if scheme is not None:
        return _join(scheme, authority, _without_dots(path), query)
    if authority is not None:
        return _join(base_scheme, authority, _without_dots(path), query)
    if not path:
        return _join(base_scheme, base_authority, base_path, query if query is not None else base_query)
    if not path.startswith("/"):
        path = _merge(base_authority, base_path, path)
    return _join(base_scheme, base_authority, _without_dots(path), query)


def fragment(reference: str) -> str:
    """The fragment of a reference, percent-decoded; empty when it has none."""
    text = reference.partition("#")[2]
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace")


def _split(uri: str) -> tuple[str | None, str | None, str, str | None, str | None]:
    match = _PARTS.match(uri)
    assert match is not None, "every string is split by this expression"
    return match[1], match[2], match[3] or "", match[4], match[5]


def _join(scheme: str | None, authority: str | None, path: str, query: str | None) -> str:
    text = f"{scheme.lower()}:" if scheme is not None else ""
    if authority is not None:
        text += f"//{authority}"
    text += path
    return text if query is None else f"{text}?{query}"


def _merge(authority: str | None, base_path: str, path: str) -> str:
    if authority is not None and not base_path:
        return f"/{path}"
    return base_path[: base_path.rfind("/") + 1] + path


def _without_dots(path: str) -> str:
    if "." not in path:
        return path
    out: list[str] = []
    parts = path.split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "..":
            if len(out) > 1 or (out and out[0]):
                out.pop()
            if last:
                out.append("")
        elif part == ".":
            if last:
                out.append("")
        else:
            out.append(part)
    return "/".join(out)
