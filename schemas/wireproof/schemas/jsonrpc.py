"""The JSON-RPC 2.0 envelope: its values, its error numbers, and the one strict decoder and encoder.

Knows no method and no protocol above JSON-RPC. Every input becomes a message or a `Refusal` that holds the exact
error to answer with; nothing is raised for bytes of a stranger.

Spec: JSON-RPC 2.0 sections 4 to 6; RFC 8259 read strictly (exact keys, no duplicates, no NaN or Infinity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

JSONValue: TypeAlias = Any
"""Any JSON value; truly open, so `Any` under one name."""
JSONObject: TypeAlias = dict[str, Any]
RequestId: TypeAlias = str | int

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
