"""Documents made from a JSON Schema, and broken in one place: input for comparing two validators."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

SPEC = Path(__file__).resolve().parents[4] / "shared" / "spec" / "mcp"
ABSENT = f"the official schemas are not beside this checkout ({SPEC.parent.parent.name}/spec)"

POOL: list[Any] = [None, True, False, 0, 1, -1, 1.0, 1.5, -0.5, "", "text", "2.0", [], ["x"], [1], {}, {"type": "x"}]


def load(revision: str) -> dict[str, Any]:
    """The official schema of a revision."""
    schema: dict[str, Any] = json.loads((SPEC / revision / "schema.json").read_text())
    return schema


def definitions(schema: dict[str, Any]) -> dict[str, Any]:
    """Its named definitions."""
    found: dict[str, Any] = schema.get("$defs") or schema["definitions"]
    return found


class Maker:
    """Makes documents that mostly fit a definition."""

    def __init__(self, schema: dict[str, Any], chance: random.Random) -> None:
        self._definitions = definitions(schema)
        self._chance = chance

    def make(self, schema: dict[str, Any], depth: int = 0) -> Any:
        if "$ref" in schema:
            return self.make(self._definitions[schema["$ref"].rsplit("/", 1)[1]], depth)
        if "anyOf" in schema:
            return self.make(self._chance.choice(schema["anyOf"]), depth)
        if "allOf" in schema:
            whole: dict[str, Any] = {}
            for part in schema["allOf"]:
                whole |= self.make(part, depth)
            return whole
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self._chance.choice(kind)
        return self._of_type(kind, schema, depth)

    def _of_type(self, kind: str | None, schema: dict[str, Any], depth: int) -> Any:
        chance = self._chance
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            count = chance.choice([0, 1, 2]) if depth < 6 else 0
            return [self.make(schema.get("items", {}), depth + 1) for _ in range(count)]
        if kind == "integer":
            return chance.choice([0, 1, 7, 3.0, 10**20])
        if kind == "number":
            return chance.choice([0, 1, 0.5, 1.0])
        if kind == "boolean":
            return chance.random() < 0.5
        if kind == "null":
            return None
        if kind == "string":
            return chance.choice(["", "x", "ø", "https://example.org/"])
        return copy.deepcopy(chance.choice([*POOL, {"deep": {"er": [None, 1.5]}}]))

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        share = 0.6 if depth < 3 else 0.2
        made = {
            name: self.make(part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in required or self._chance.random() < share
        }
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and depth < 6:
            made |= {f"extra{index}": self.make(extra, depth + 1) for index in range(self._chance.choice([0, 0, 1, 2]))}
        return made


def broken(document: Any, chance: random.Random) -> Any:
    """The document with one part dropped, replaced or added; it may still fit."""
    document = copy.deepcopy(document)
    places = list(_places(document))
    if not places or chance.random() < 0.05:
        return copy.deepcopy(chance.choice(POOL))
    holder, key = chance.choice(places)
    action = chance.random()
    if action < 0.4 and isinstance(holder, dict):
        del holder[key]
    elif action < 0.9:
        holder[key] = copy.deepcopy(chance.choice(POOL))
    elif isinstance(holder, dict):
        holder["unknownField"] = copy.deepcopy(chance.choice(POOL))
    else:
        holder.append(copy.deepcopy(chance.choice(POOL)))
    return document


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            yield value, key
            yield from _places(item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value, index
            yield from _places(item)
