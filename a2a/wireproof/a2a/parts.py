"""From Python values to Parts, and what a skill may read from them. Pure. Spec: A2A 1.0 section 4.1.6."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

Content = Any
"""What becomes parts: text, bytes, `File`, a model, a dataclass, any JSON value; truly open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of an artifact or message: its bytes, or a URL where it can be fetched."""

    data: bytes | None = None
    url: str | None = None
    name: str | None = None
    media_type: str | None = None

    def part(self) -> JSONObject:
        """The Part. Raises `ValueError` unless there is exactly one of data and URL."""
        if (self.data is None) == (self.url is None):
            raise ValueError("a File has either data or a url")
        part: JSONObject = {"url": self.url}
        if self.data is not None:
            part = {"raw": base64.b64encode(self.data).decode()}
        if self.name is not None:
            part["filename"] = self.name
        if self.media_type is not None:
            part["mediaType"] = self.media_type
        return part


def part_of(value: Content) -> JSONObject:
    """One value as a Part: text for strings, raw for bytes, data for everything that is JSON."""
    if isinstance(value, str):
        return {"text": str(value)}  # a reply of somebody's is a text of its own kind
    if isinstance(value, File):
        return value.part()
    if isinstance(value, (bytes, bytearray)):
        return {"raw": base64.b64encode(value).decode()}
    if isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type)):
        return {"data": to_jsonable_python(value)}
    return {"data": to_jsonable_python(value)}


def parts_of(*, text: str | None = None, data: Content = None, file: File | None = None) -> list[JSONObject]:
    """The parts of the arguments that were given, in this order. Raises `ValueError` for none."""
    found: list[JSONObject] = []
    if text is not None:
        found.append({"text": str(text)})
    if data is not None:
        found.append({"data": to_jsonable_python(data)})
    if file is not None:
        found.append(file.part())
    if not found:
        raise ValueError("give text=, data= or file=")
    return found


def text_of(parts: Iterable[JSONObject]) -> str:
    """The texts, one a line."""
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def data_of(parts: Iterable[JSONObject]) -> JSONValue:
    """The first data part's value; None when there is none."""
    return next((part["data"] for part in parts if "data" in part), None)


def media_types(parts: Iterable[JSONObject]) -> list[str]:
    """The media types that the parts name themselves."""
    return [part["mediaType"].lower() for part in parts if part.get("mediaType")]


def accepts(modes: Iterable[str], media_type: str) -> bool:
    """Whether a media type is among the modes; `image/*` and `*/*` match families."""
    wanted = media_type.partition(";")[0].strip().lower()
    family = wanted.partition("/")[0]
    known = {mode.partition(";")[0].strip().lower() for mode in modes}
    return bool(known & {wanted, f"{family}/*", "*/*"}) or (wanted == "text" and "text/plain" in known)


def as_object(value: Mapping[str, JSONValue] | None) -> JSONObject:
    """A plain dict of a mapping; {} for None."""
    return dict(value) if value is not None and is_object(dict(value)) else {}
