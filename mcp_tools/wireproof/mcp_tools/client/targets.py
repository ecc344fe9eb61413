"""What `connect` may be given, and how each kind is opened. Wires are imported when they are needed.

"https://host/mcp"                Streamable HTTP, else HTTP+SSE       "ws://host/ws"   WebSocket
"unix:///run/server.sock"         a Unix socket                        "tcp://host:1"   a TCP port
"server.py", Path("server.js")    a file, run as a child process       "npx -y server"  a command line
["python", "server.py"]           a command                            ToolServer(...)  in this process
{"command": …, "args": […]}, {"url": …}, {"mcpServers": {…}}           an entry of a host's configuration
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

from wireproof.mcp_tools.client.errors import BadTarget
from wireproof.schemas.caller import LOCAL, Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object
from wireproof.transports.client.carrier import Carrier
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits, Peer

if TYPE_CHECKING:
    from wireproof.auth import ClientAuth
    from wireproof.mcp_tools.server import ToolServer

Target: TypeAlias = "str | os.PathLike[str] | Sequence[str] | Mapping[str, Any] | ToolServer[Any]"


class Opener(Protocol):
    """One way to reach a server; it may be opened many times."""

    async def open(self, accept: Accept) -> Carrier:
        """Open a connection. Raises `CarrierError`."""
        ...

    def older(self) -> Opener | None:
        """The transport to try when this one is not there."""
        ...

    def describe(self) -> str:
        """The target for error messages, without secrets."""
        ...

    async def aclose(self) -> None:
        """Release what is shared between connections."""
        ...


@dataclass(frozen=True, slots=True)
class Child:
    """A command to spawn."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str | None = None
    limits: Limits = DEFAULT_LIMITS

    async def open(self, accept: Accept) -> Carrier:
        """Spawn it."""
        from wireproof.transports.client.child import open_child

        return await open_child(self.command, accept, env=self.env, cwd=self.cwd, limits=self.limits)

    def older(self) -> Opener | None:
        """There is none."""
        return None

    def describe(self) -> str:
        """The program and its first argument."""
        return f"the command {' '.join(self.command[:2])!r}"

    async def aclose(self) -> None:
        """Each connection owns its process."""


@dataclass(frozen=True, slots=True)
class Web:
    """A URL of Streamable HTTP, or of HTTP+SSE."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    auth: ClientAuth | None = None
    sse: bool = False
    limits: Limits = DEFAULT_LIMITS

    async def open(self, accept: Accept) -> Carrier:
        """Open an exchange pool, or the event stream."""
        fields = tuple(self.headers.items())
        if self.sse:
            from wireproof.transports.client.legacy_sse import open_sse

            return await open_sse(self.url, accept, headers=fields, auth=self.auth, limits=self.limits)
        from wireproof.transports.client.http import open_http

        return await open_http(self.url, accept, headers=fields, auth=self.auth, limits=self.limits)

    def older(self) -> Opener | None:
        """HTTP+SSE at the same URL."""
        return None if self.sse else Web(self.url, self.headers, self.auth, True, self.limits)

    def describe(self) -> str:
        """The URL without its query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

    async def aclose(self) -> None:
        """The credentials' own connections."""
        if self.auth is not None and not self.sse:
            await self.auth.aclose()


@dataclass(frozen=True, slots=True)
class Socket:
    """A WebSocket URL."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Limits = DEFAULT_LIMITS

    async def open(self, accept: Accept) -> Carrier:
        """Connect."""
        from wireproof.transports.client.websocket import open_websocket

        return await open_websocket(self.url, accept, headers=tuple(self.headers.items()), limits=self.limits)

    def older(self) -> Opener | None:
        """There is none."""
        return None

    def describe(self) -> str:
        """The URL without its query."""
        return self.url.partition("?")[0]

    async def aclose(self) -> None:
        """Each connection owns its socket."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A Unix or TCP socket that carries a message a line."""

    url: str
    limits: Limits = DEFAULT_LIMITS

    async def open(self, accept: Accept) -> Carrier:
        """Connect."""
        from wireproof.transports.client.sockets import open_tcp, open_unix

        parts = urlsplit(self.url)
        if parts.scheme == "unix":
            return await open_unix(unquote(parts.path), accept, limits=self.limits)
        return await open_tcp(parts.hostname or "127.0.0.1", parts.port or 0, accept, limits=self.limits)

    def older(self) -> Opener | None:
        """There is none."""
        return None

    def describe(self) -> str:
        """The URL as it was given."""
        return self.url

    async def aclose(self) -> None:
        """Each connection owns its socket."""


@dataclass(slots=True)
class InProcess:
    """A tool server in this process; it runs while a connection is open."""

    server: ToolServer[Any]
    principal: Principal = LOCAL
    _running: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _runs: bool = False

    async def open(self, accept: Accept) -> Carrier:
        """Join in memory."""
        from wireproof.transports.client.memory import open_memory

        if not self._runs:
            await self._running.enter_async_context(self.server.running())
            self._runs = True
        peer = Peer("memory", self.principal)
        return await open_memory(self.server.accept, accept, limits=self.server.limits, peer=peer)

    def older(self) -> Opener | None:
        """There is none."""
        return None

    def describe(self) -> str:
        """The server's name."""
        return f"the tool server {self.server.name!r}"

    async def aclose(self) -> None:
        """Stop the server."""
        self._runs = False
        await self._running.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class WireOptions:
    """What belongs to the wire rather than to the client."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    auth: ClientAuth | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str | None = None
    principal: Principal = LOCAL
    limits: Limits = DEFAULT_LIMITS


def opener_of(target: Target, options: WireOptions) -> Opener:
    """The opener of a target. Raises `BadTarget` with what a target may be."""
    if isinstance(target, Mapping):
        return _of_entry(dict(target), options)
    if isinstance(target, str):
        return _of_text(target, options)
    if isinstance(target, os.PathLike):
        return Child(_command_of_file(Path(target)), options.env, options.cwd, options.limits)
    if isinstance(target, Sequence):
        if not target:
            raise BadTarget("a command is a list of strings, the program first")
        return Child(tuple(target), options.env, options.cwd, options.limits)
    if hasattr(target, "accept") and hasattr(target, "running"):
        return InProcess(target, options.principal)
    raise BadTarget(f"cannot connect to a {type(target).__name__}: give a URL, a command, a file or a ToolServer")


def _of_text(target: str, options: WireOptions) -> Opener:
    scheme = urlsplit(target).scheme.lower() if "://" in target else ""
    if scheme in ("http", "https"):
        return Web(target, options.headers, options.auth, False, options.limits)
    if scheme in ("ws", "wss"):
        return Socket(target, options.headers, options.limits)
    if scheme in ("unix", "tcp"):
        return _lines(target, options.limits)
    if scheme:
        raise BadTarget(f"cannot connect by {scheme}: a URL is http, https, ws, wss, unix or tcp")
    if Path(target).is_file():
        return Child(_command_of_file(Path(target)), options.env, options.cwd, options.limits)
    command = tuple(shlex.split(target))
    if not command:
        raise BadTarget("the target is empty: give a URL, a command, a file or a ToolServer")
    if len(command) == 1 and shutil.which(command[0]) is None:
        raise BadTarget(f"{target!r} is no file here, no program on PATH and no URL")
    return Child(command, options.env, options.cwd, options.limits)


def _lines(target: str, limits: Limits) -> Lines:
    try:
        parts = urlsplit(target)
        whole = bool(parts.path and not parts.netloc) if parts.scheme == "unix" else bool(parts.port)
    except ValueError:
        whole = False
    if not whole:
        raise BadTarget(f"{target!r} names no socket: write unix:///path/of.sock or tcp://127.0.0.1:8000")
    return Lines(target, limits)


def _command_of_file(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        raise BadTarget(f"there is no file {str(path)!r}")
    if path.suffix == ".py":
        ours = b"wireproof" in path.read_bytes() and b".run()" not in path.read_bytes()
        return (sys.executable, *(("-m", "wireproof.cli", "run") if ours else ()), str(path))
    if path.suffix in (".js", ".mjs", ".cjs"):
        return ("node", str(path))
    if os.access(path, os.X_OK):
        return (str(path.absolute()),)
    raise BadTarget(f"{path.name!r} is no .py, .js or executable file: give the command that runs it as a list")


def _of_entry(entry: JSONObject, options: WireOptions) -> Opener:
    """An entry of a host's configuration, or a configuration that has just one."""
    for key in ("mcpServers", "servers"):
        listed: JSONValue = entry.get(key)
        if is_object(listed):
            if len(listed) != 1:
                raise BadTarget(f"the configuration has {len(listed)} servers: give one of {', '.join(listed)}")
            return opener_of(next(iter(listed.values())), options)
    url: JSONValue = entry.get("url", entry.get("httpUrl", entry.get("serverUrl")))
    if isinstance(url, str):
        headers = {**_texts(entry, "headers"), **options.headers}
        if entry.get("type") == "sse":
            return Web(url, headers, options.auth, True, options.limits)
        return _of_text(url, WireOptions(headers=headers, auth=options.auth, limits=options.limits))
    command: JSONValue = entry.get("command")
    if not isinstance(command, str):
        raise BadTarget('an entry of a configuration has a "command" or a "url"')
    arguments: JSONValue = entry.get("args", [])
    if not is_array(arguments) or not all(isinstance(part, str) for part in arguments):
        raise BadTarget('"args" of a configuration entry is a list of strings')
    cwd = entry.get("cwd", options.cwd)
    env = {**_texts(entry, "env"), **options.env}
    return Child((command, *arguments), env, cwd if isinstance(cwd, str) else None, options.limits)


def _texts(entry: JSONObject, key: str) -> dict[str, str]:
    value: JSONValue = entry.get(key, {})
    if not is_object(value) or not all(isinstance(part, str) for part in value.values()):
        raise BadTarget(f'"{key}" of a configuration entry is an object of strings')
    return value
