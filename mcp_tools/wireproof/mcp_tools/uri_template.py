"""RFC 6570 URI templates: matched in linear time, expanded exactly.

Supported: `{var}`, `{+var}`, `{#var}`, `{/var}`, `{.var}`, `{;var}`, `{?a,b}` and `{&a,b}`; no prefix or explode
modifiers, which have no unique reverse. No user text ever reaches a regular expression.
Spec: RFC 6570 sections 2 and 3; MCP server/resources#resource-templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

_RESERVED: Final = ":/?#[]@!$&'()*+,;="
_OPERATORS: Final = {"": ("", False), "+": ("", True), "#": ("#", True), "/": ("/", False), ".": (".", False)}
_QUERY: Final = {"?", "&", ";"}


class TemplateError(ValueError):
    """A template that cannot be matched back; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Hole:
    name: str
    lead: str
    reserved: bool


@dataclass(frozen=True, slots=True)
class UriTemplate:
    """A compiled template. `names` are its variables in order."""

    text: str
    names: tuple[str, ...]
    _parts: tuple[str | _Hole, ...]
    _query: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> UriTemplate:
        """Compile a template. Raises `TemplateError`."""
        parts: list[str | _Hole] = []
        query: list[str] = []
        rest = text
        while rest:
            literal, brace, rest = rest.partition("{")
            if literal:
                if query:
                    raise TemplateError(f"in {text!r}, nothing may follow a query expression")
                parts.append(literal)
            if brace:
                inner, closed, rest = rest.partition("}")
                if not closed:
                    raise TemplateError(f"in {text!r}, an expression is not closed")
                _read_expression(text, inner, parts, query)
        names = [part.name for part in parts if isinstance(part, _Hole)] + query
        if len(set(names)) != len(names):
            raise TemplateError(f"in {text!r}, a variable stands twice")
        return cls(text, tuple(names), tuple(parts), tuple(query))

    def match(self, uri: str) -> dict[str, str] | None:
        """The variables' values, percent-decoded; None when the URI is not of this template.

        Query variables that are absent are left out.
        """
        path, mark, tail = uri.partition("?") if self._query else (uri, "", "")
        values = _match(self._parts, path)
        if values is None:
            return None
        if mark:
            given = dict(parse_qsl(tail, keep_blank_values=True))
            if not given.keys() <= set(self._query):
                return None
            values.update(given)
        return values

    def expand(self, **values: str) -> str:
        """The URI with these values; a variable that is absent expands to nothing."""
        out: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                out.append(part)
            elif part.name in values:
                out.append(part.lead + quote(values[part.name], safe=_RESERVED if part.reserved else ""))
        pairs = [f"{name}={quote(values[name], safe='')}" for name in self._query if name in values]
        return "".join(out) + ("?" + "&".join(pairs) if pairs else "")


def _read_expression(text: str, inner: str, parts: list[str | _Hole], query: list[str]) -> None:
    operator = inner[:1] if inner[:1] in {"+", "#", "/", ".", "?", "&", ";"} else ""
    names = inner[len(operator) :].split(",")
    for name in names:
        if not name or not all(char.isalnum() or char in "_." for char in name):
            raise TemplateError(f"in {text!r}, {name!r} is no plain variable name (modifiers cannot be matched back)")
    if operator in _QUERY:
        query.extend(names)
        return
    if query:
        raise TemplateError(f"in {text!r}, nothing may follow a query expression")
    lead, reserved = _OPERATORS[operator]
    for index, name in enumerate(names):
        if parts and isinstance(parts[-1], _Hole) and not lead and index == 0:
            raise TemplateError(f"in {text!r}, two variables touch: nothing tells where one ends")
        parts.append(_Hole(name, lead if index == 0 or lead in ("/", ".") else ",", reserved))


def _match(parts: tuple[str | _Hole, ...], text: str) -> dict[str, str] | None:
    values: dict[str, str] = {}
    at = 0
    for index, part in enumerate(parts):
        if isinstance(part, str):
            if not text.startswith(part, at):
                return None
            at += len(part)
            continue
        if not text.startswith(part.lead, at):
            return None
        at += len(part.lead)
        end = _end_of(parts, index, text, at)
        raw = text[at:end] if end is not None else None
        if not raw or (not part.reserved and any(char in raw for char in "/?#")):
            return None
        values[part.name] = unquote(raw)
        at += len(raw)
    return values if at == len(text) else None


def _end_of(parts: tuple[str | _Hole, ...], index: int, text: str, at: int) -> int | None:
    """Where the value ends: at the next literal, which is searched from the right when it is the last one."""
    if index + 1 == len(parts):
        return len(text)
    following = parts[index + 1]
    stop = following if isinstance(following, str) else following.lead
    last = index + 2 == len(parts) and isinstance(following, str)
    if last:
        end = len(text) - len(stop)
        return end if end > at and text.endswith(stop) else None
    end = text.find(stop, at)
    return end if end >= 0 else None
