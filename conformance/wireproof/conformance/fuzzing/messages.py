"""One fuzz input after another: honest messages, messages with wrong parts, and bytes that are none. Pure.

Input number N of a seed is always the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from wireproof.conformance.corpus import NOT_JSON, NOT_UTF8
from wireproof.conformance.fuzzing.instances import anything, instance, text
from wireproof.conformance.shapes import as_object
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

Build = Callable[[str, JSONObject, str], JSONObject]
"""(method, params, id) → an honest request of the revision."""
LOOSE: Final[JSONObject] = {"type": "object", "properties": {}}
WRONG: Final = 0.08
SEPARATORS: Final = (",", ":", "{", "}", "[", "]", '"', "\\", "e", "-", "0", "\t", "\ufeff")


@dataclass(frozen=True, slots=True)
class Input:
    """The bytes of one message, and the id under which an answer is due; None when none is."""

    data: bytes
    due: str | None


@dataclass(frozen=True, slots=True)
class Method:
    """A method that may be fuzzed: its name, and the schema of its parameters."""

    name: str
    params: JSONObject


class Inputs:
    """The inputs of one seed against these methods."""

    def __init__(self, build: Build, methods: Sequence[Method], seed: int) -> None:
        """Build requests with `build`."""
        self.build = build
        self.methods = tuple(methods)
        self.seed = seed

    def __getitem__(self, number: int) -> Input:
        """Input number `number`."""
        rng = Random(f"{self.seed}/{number}")  # noqa: S311
        id_ = f"f{number}"
        pick = rng.random()
        if pick < 0.55:
            return self._request(rng, id_, 0.0 if rng.random() < 0.5 else WRONG)
        if pick < 0.75:
            return self._bent(rng, f"bent-{number}")
        return self._bytes(rng, f"bytes-{number}")

    def _message(self, rng: Random, id_: str, wrong: float) -> JSONObject:
        method = rng.choice(self.methods)
        params = instance(method.params, rng, wrong=wrong)
        return self.build(method.name, as_object(params), id_)

    def _request(self, rng: Random, id_: str, wrong: float) -> Input:
        message = self._message(rng, id_, wrong)
        # Half a surrogate pair is JSON to one parser and none to another: no answer under the id is due.
        return Input(encode(message), id_ if is_unicode(message) else None)

    def _bent(self, rng: Random, id_: str) -> Input:
        """A message whose envelope, or whose `_meta`, is wrong somewhere."""
        message = self._message(rng, id_, WRONG)
        place = rng.choice(("jsonrpc", "method", "params", "_meta", "extra", "id", "gone"))
        if place == "_meta":
            params = message["params"] = as_object(message.get("params"))
            meta = as_object(params.get("_meta"))
            params["_meta"] = {**meta, rng.choice(list(meta)): anything(rng)} if meta else anything(rng)
        elif place == "extra":
            message[text(rng)] = anything(rng)
        elif place == "gone":
            message.pop(rng.choice(list(message)))
        else:
            message[place] = anything(rng)
        return Input(encode(message), None)

    def _bytes(self, rng: Random, id_: str) -> Input:
        """Bytes near a message."""
        pick = rng.random()
        if pick < 0.1:
            return Input(rng.choice(NOT_UTF8), None)
        if pick < 0.2:
            return Input(rng.choice(NOT_JSON), None)
        data = bytearray(encode(self._message(rng, id_, 0.0)))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data)) if data else 0
            kind = rng.random()
            if kind < 0.35 and data:
                del data[at : at + rng.randint(1, 8)]
            elif kind < 0.7 and data:
                data[at] = rng.randrange(256)
            else:
                data[at:at] = rng.choice(SEPARATORS).encode() * rng.randint(1, 3)
        return Input(bytes(data).replace(b"\n", b" ").replace(b"\r", b" "), None)


def encode(value: JSONValue) -> bytes:
    """A message as one line; what UTF-8 cannot hold goes out as JSON escapes."""
    return json.dumps(value, ensure_ascii=not is_unicode(value)).encode()


def is_unicode(value: JSONValue) -> bool:
    """True when every text in it can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
