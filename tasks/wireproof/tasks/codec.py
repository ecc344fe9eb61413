"""Records as text: what an engine writes into columns and hashes, and reads back. No I/O.

Names from strangers may hold characters that a database refuses in text; `column` escapes them injectively.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import PydanticSerializationError, from_json, to_json

from wireproof.schemas.jsonrpc import JSONValue
from wireproof.tasks.records import Place, Scope, Status, TaskRecord

_ESCAPED: Final = "\x01"

_BODY: Final = (
    "name",
    "status_message",
    "pending",
    "answers",
    "asked",
    "result",
    "error",
    "reason",
    "cancel_requested",
    "attempt",
    "failures",
    "interruptions",
    "created_at",
    "ttl",
    "recent",
)
"""Fields that no query asks for; they travel in one JSON text."""


def encode(value: JSONValue) -> str:
    """JSON text. Raises ValueError for what JSON cannot hold (lone surrogates, foreign objects)."""
    try:
        return to_json(value).decode()
    except (PydanticSerializationError, UnicodeEncodeError) as failure:
        raise ValueError(f"a task can only keep JSON: {failure}") from None


def decode(text: str) -> JSONValue:
    """The value of a JSON text that `encode` made."""
    return from_json(text)


def column(text: str) -> str:
    """Text that every database takes, equal only for equal input."""
    if "\x00" not in text and not text.startswith(_ESCAPED) and text.isprintable():
        return text
    return _ESCAPED + json.dumps(text)


def uncolumn(text: str) -> str:
    """The inverse of `column`."""
    return str(json.loads(text[1:])) if text.startswith(_ESCAPED) else text


def encode_body(record: TaskRecord) -> str:
    """The fields of a record that are no columns; empty ones are left out."""
    return encode({name: value for name in _BODY if (value := getattr(record, name))})


def decode_body(text: str) -> dict[str, Any]:
    """Keyword arguments for `TaskRecord`."""
    body: dict[str, Any] = from_json(text)
    if "recent" in body:
        body["recent"] = tuple(body["recent"])
    return body


def encode_record(record: TaskRecord) -> str:
    """A whole record but for its input and snapshot, for engines without columns."""
    outside = {
        "owner": column(record.scope.owner),
        "tenant": column(record.scope.tenant),
        "id": record.id,
        "kind": record.kind,
        "context_id": column(record.context_id),
        "status": record.status,
        "version": record.version,
        "status_at": record.status_at,
        "updated_at": record.updated_at,
        "place": record.place,
        "worker": record.worker,
        "not_before": record.not_before,
        "attention": record.attention,
    }
    return encode({"row": outside, "body": {name: value for name in _BODY if (value := getattr(record, name))}})


def decode_record(text: str, input: JSONValue, snapshot: JSONValue) -> TaskRecord:  # noqa: A002 - the field's name
    """The inverse of `encode_record`."""
    both: Mapping[str, dict[str, Any]] = from_json(text)
    row, body = both["row"], both["body"]
    body["recent"] = tuple(body.get("recent", ()))
    scope = Scope(uncolumn(row.pop("owner")), uncolumn(row.pop("tenant")))
    row["context_id"] = uncolumn(row["context_id"])
    status, place = Status(row.pop("status")), Place(row.pop("place"))
    return TaskRecord(scope=scope, status=status, place=place, input=input, snapshot=snapshot, **row, **body)
