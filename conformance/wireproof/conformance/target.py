"""What a user points at: a URL, a command, a Python file, or an entry of a host's configuration.

Does no I/O but reading that file.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from wireproof.conformance.shapes import as_list, as_object
from wireproof.schemas.jsonrpc import JSONValue, is_object

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
    spawn: tuple[str, ...] = ()
    """The command that serves `url`; `{port}` in both stands for a port that the judge picks."""
    template: str = ""
    """What `url` was before its port was filled in."""

    def spawned_by(self, command: str) -> Target:
        """The same target, started by the judge. Raises `UnknownTarget` without a URL or a usable command."""
        try:
            words = tuple(shlex.split(command))
        except ValueError as error:
            raise UnknownTarget(f"{command!r} is no command line: {error}.") from error
        if "{port}" not in (self.url or "") or "{port}" not in command:
            raise UnknownTarget(
                "Write {port} in the URL and in the command, as http://127.0.0.1:{port}/mcp; the judge picks one."
            )
        return replace(self, spawn=words)

    @classmethod
    def parse(cls, text: str | Sequence[str]) -> Target:
        """Read what a user wrote.

        A URL of http, https, ws, wss or grpc; a Python file; `FILE.json#NAME` for an entry of a host's configuration;
        anything else is a command line. Raises `UnknownTarget`.
        """
        if not isinstance(text, str):
            return cls(shlex.join(text), command=tuple(text))
        if _URL.match(text):
            if not urlsplit(text.replace("{port}", "80")).hostname:
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
            if _holds_agent(Path(words[0])):
                spawn = (sys.executable, "-m", "wireproof.cli", "run", words[0], "--http", "{port}")
                return cls(text, url="http://127.0.0.1:{port}", spawn=spawn)
            return cls(text, command=_python(Path(words[0])))
        return cls(text, command=tuple(words))


def _holds_agent(path: Path) -> bool:
    """True for a file that defines an agent of ours and no tool server; agents are judged over HTTP."""
    source = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return "from wireproof" in source and "Agent(" in source and "ToolServer(" not in source


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
    if is_object(document):
        for key in ("mcpServers", "servers", "context_servers"):
            value = document.get(key)
            if is_object(value):
                found.update(value)
    if not entry and len(found) == 1:
        entry = next(iter(found))
    server = found.get(entry)
    if not is_object(server):
        names = ", ".join(sorted(found)) or "none"
        raise UnknownTarget(f"{path} has no server {entry!r} (it has: {names}). Write {path}#NAME.")
    url = server.get("url") or server.get("serverUrl")
    if isinstance(url, str):
        return Target(entry, url=url)
    command = server.get("command")
    if not isinstance(command, str):
        raise UnknownTarget(f"The entry {entry!r} of {path} has neither a url nor a command.")
    words = [command, *(str(word) for word in as_list(server.get("args")))]
    environment = {str(key): str(value) for key, value in as_object(server.get("env")).items()}
    if environment:
        words = ["env", *(f"{key}={value}" for key, value in environment.items()), *words]
    return Target(entry, command=tuple(words), environment=environment)
