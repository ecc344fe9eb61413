"""A recorded failure: the messages that show it, the target, and what went wrong. JSON on disk; holds no secrets."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wireproof.conformance.shapes import as_list, as_object
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

VERSION: Final = 1


class BadCassette(ValueError):
    """A file that is no cassette; the message says why."""


@dataclass(frozen=True, slots=True)
class Cassette:
    """Messages in the order in which they are sent, each without its framing."""

    target: str
    transport: str
    revision: str
    kind: str
    detail: str
    messages: tuple[bytes, ...]
    seed: int = 0
    spawn: str = ""

    def save(self, path: Path) -> None:
        """Write it. Raises OSError."""
        body: JSONObject = {
            "version": VERSION,
            "target": self.target,
            "spawn": self.spawn,
            "transport": self.transport,
            "revision": self.revision,
            "kind": self.kind,
            "detail": self.detail,
            "seed": self.seed,
            "messages": [_shown(message) for message in self.messages],
        }
        path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """Read one. Raises `BadCassette`, also when the file cannot be read."""
        try:
            body = as_object(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise BadCassette(f"{path} cannot be read as a cassette: {error}") from error
        if body.get("version") != VERSION:
            raise BadCassette(f"{path} is no cassette of version {VERSION}")
        names = ("target", "transport", "revision", "kind", "detail", "spawn")
        texts = {name: body.get(name) for name in names}
        if not all(isinstance(value, str) for value in texts.values()):
            raise BadCassette(f"{path} lacks one of {', '.join(names)}")
        messages = tuple(_read(item, path) for item in as_list(body.get("messages")))
        return cls(
            **{name: str(value) for name, value in texts.items()}, messages=messages, seed=int(body.get("seed", 0))
        )


def _shown(message: bytes) -> JSONObject:
    try:
        return {"text": message.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(message).decode()}


def _read(item: JSONValue, path: Path) -> bytes:
    found = as_object(item)
    if isinstance(found.get("text"), str):
        return str(found["text"]).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(str(found["base64"]), validate=True)
    except (KeyError, ValueError) as error:
        raise BadCassette(f"a message of {path} has neither text nor base64") from error
