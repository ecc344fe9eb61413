"""What a user points at: a URL, a command, a Python file, or an entry of a host's configuration.

Does no I/O but reading that file.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from wireproof.schemas.jsonrpc import JSONValue

_URL = re.compile(r"^(https?|wss?|grpcs?)://", re.IGNORECASE)


class UnknownTarget(ValueError):
    """The text names nothing that can be judged; the message says what would."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to judge: `url` or `command`, never both."""

    name: str
    url: str | None = None
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def parse(cls, text: str | Sequence[str]) -> Target:
        """Read what a user wrote.

        A URL of http, https, ws, wss or grpc; a Python file; `FILE.json#NAME` for an entry of a host's configuration;
        anything else is a command line. Raises `UnknownTarget`.
        """
        if not isinstance(text, str):
            return cls(shlex.join(text), command=tuple(text))
        if _URL.match(text):
            if not urlsplit(text).hostname:
                raise UnknownTarget(f"{text!r} has no host. Write it as scheme://host[:port]/path.")
            return cls(text, url=text)
        path, _, entry = text.partition("#")
        if path.endswith(".json") and Path(path).is_file():
            return _from_configuration(Path(path), entry)
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UnknownTarget(f"{text!r} is no command line: {error}.") from error
        if not words:
            raise UnknownTarget("An empty target. Give a URL, a command, a Python file or FILE.json#NAME.")
        if len(words) == 1 and words[0].endswith(".py"):
            return cls(text, command=_python(Path(words[0])))
        return cls(text, command=tuple(words))


def _python(path: Path) -> tuple[str, ...]:
    """A file that serves by itself is run; one that only defines an application is served by `wireproof run`."""
    if not path.is_file():
        raise UnknownTarget(f"There is no file {path}.")
    source = path.read_text(encoding="utf-8", errors="replace")
    if "from wireproof" in source and "__main__" not in source:
        return (sys.executable, "-m", "wireproof.cli", "run", str(path))
    return (sys.executable, str(path))


def _from_configuration(path: Path, entry: str) -> Target:
    try:
        document: JSONValue = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnknownTarget(f"{path} is no JSON: {error}.") from error
    found: dict[str, JSONValue] = {}
    if isinstance(document, dict):
        for key in ("mcpServers", "servers", "context_servers"):
            value = document.get(key)
            if isinstance(value, dict):
                found.update(value)
    if not entry and len(found) == 1:
        entry = next(iter(found))
    server = found.get(entry)
    if not isinstance(server, dict):
        names = ", ".join(sorted(found)) or "none"
        raise UnknownTarget(f"{path} has no server {entry!r} (it has: {names}). Write {path}#NAME.")
    url = server.get("url") or server.get("serverUrl")
    if isinstance(url, str):
        return Target(entry, url=url)
    command = server.get("command")
    if not isinstance(command, str):
        raise UnknownTarget(f"The entry {entry!r} of {path} has neither a url nor a command.")
    words = [command, *(str(word) for word in server.get("args") or [])]
    environment = {str(key): str(value) for key, value in (server.get("env") or {}).items()}
    if environment:
        words = ["env", *(f"{key}={value}" for key, value in environment.items()), *words]
    return Target(entry, command=tuple(words), environment=environment)
