"""From what `connect` was given to a card and a wire. Wires are imported when they are needed.

"https://host", "https://host/agent.json"   an agent behind its card     "card.json", {…}   a card
"ws://host/a2a", "grpc://host:50051"        an interface without a card  Agent(...)         in this process
"planner.py", ["python", "agent.py"]        a child process over stdio
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from wireproof.a2a.caller import V0_3, V1_0, VERSIONS, Caller
from wireproof.a2a.client.discovery import CardCache, Chosen, checked, choose, fetch_card, read_file
from wireproof.a2a.client.errors import CardInvalid, ClientError, NoInterface
from wireproof.a2a.client.http import HTTPSettings, JSONRPCWire, RESTWire
from wireproof.a2a.client.wires import Wire
from wireproof.schemas.jsonrpc import JSONObject

if TYPE_CHECKING:
    from wireproof.a2a.agent import Agent
    from wireproof.a2a.signing import Trust

Target: TypeAlias = "str | os.PathLike[str] | Sequence[str] | Mapping[str, object] | Agent"
Open: TypeAlias = Callable[[Chosen, HTTPSettings], Wire]

_WIRES: Final[Mapping[tuple[str, str], Open]] = {
    ("JSONRPC", V1_0): lambda chosen, settings: JSONRPCWire(chosen.url, V1_0, settings),
    ("JSONRPC", V0_3): lambda chosen, settings: JSONRPCWire(chosen.url, V0_3, settings),
    ("HTTP+JSON", V1_0): lambda chosen, settings: RESTWire(chosen.url, V1_0, settings),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A wire and the card it was chosen from."""

    wire: Wire
    card: JSONObject
    tenant: str = ""
    source: str = ""
    """The URL that the card can be fetched from again; "" for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to connect; see `wireproof.a2a.connect`."""

    settings: HTTPSettings
    bindings: Sequence[str] = ()
    versions: Sequence[str] = VERSIONS
    trust: Trust | None = None
    caller: Caller = field(default_factory=Caller)
    cache: CardCache = field(default_factory=CardCache)


async def open_target(target: Target, options: Options) -> Opened:
    """Find the card and open the wire. Raises `ClientError`."""
    if not isinstance(target, (str, os.PathLike, Mapping, Sequence)):
        return await _open_agent(target, options)
    if isinstance(target, Mapping):
        return await _open_card(dict(target), options, secure=False)
    if isinstance(target, (str, os.PathLike)):
        text = os.fspath(target)
        if text.startswith(("ws://", "wss://", "grpc://", "grpcs://")):
            return await _open_address(text, options)
        path = Path(text.removeprefix("file://"))
        if text.startswith("file://") or ("://" not in text and _is_file(path)):
            if path.suffix == ".py":
                return await _open_child([sys.executable, "-m", "wireproof.cli", "run", str(path)], options)
            return await _open_card(read_file(path), options, secure=False)
        card = await fetch_card(text, options.settings, options.cache)
        return await _open_card(card, options, secure=not text.startswith("http://"), source=text)
    return await _open_child(list(target), options)


def _is_file(path: Path) -> bool:
    return path.suffix in (".json", ".py") and path.is_file()


async def _open_agent(agent: Agent, options: Options) -> Opened:
    from wireproof.a2a.client.memory import MemoryWire

    core = getattr(agent, "core", None)
    if core is None:
        raise NoInterface(f"a {type(agent).__name__} is no address of an agent: give a URL, a card or an Agent")
    caller = options.caller._replace(extensions=options.caller.extensions | set(options.settings.extensions))
    wire = MemoryWire(core, caller, options.settings.times)
    await wire.open()
    return Opened(wire=wire, card=agent.card())


async def verified(card: JSONObject, trust: Trust | None) -> JSONObject:
    """The card, or what its trusted signature covers. Raises `CardInvalid`."""
    if trust is None:
        return card
    from wireproof.a2a.signing import CardNotTrusted, verify_card

    try:
        return (await verify_card(card, trust)).card
    except CardNotTrusted as error:
        raise CardInvalid(str(error)) from None


async def _open_card(card: JSONObject, options: Options, *, secure: bool, source: str = "") -> Opened:
    card = checked(await verified(card, options.trust))
    wires = {**_WIRES, **_grpc(), **_duplex()}
    spoken = [each for each in wires if each[1] in options.versions]
    chosen = choose(card, spoken, prefer=options.bindings, secure=secure)
    wire = wires[chosen.binding, chosen.version](chosen, options.settings)
    return Opened(wire=wire, card=card, tenant=chosen.tenant, source=source)


def _grpc() -> Mapping[tuple[str, str], Open]:
    """The wires that need the gRPC extra; none without it."""
    try:
        from wireproof.a2a.client.grpc import WIRES
    except ImportError:
        return {}
    return WIRES


def _duplex() -> Mapping[tuple[str, str], Open]:
    try:
        from wireproof.a2a.client.duplex import WIRES
    except ImportError:
        return {}
    return WIRES


async def _open_address(url: str, options: Options) -> Opened:
    """An interface that was named itself; its card is asked for over it where it can be."""
    scheme = url.partition("://")[0]
    found = {**_grpc(), **_duplex()}
    binding = "GRPC" if scheme.startswith("grpc") else next((key[0] for key in _duplex() if "websocket" in key[0]), "")
    open_wire = found.get((binding, V1_0))
    if open_wire is None:
        raise NoInterface(f"{scheme}:// needs an extra: pip install 'wireproof[grpc,http]'")
    wire = open_wire(Chosen(url, binding, V1_0, ""), options.settings)
    return Opened(wire=wire, card=_unknown(url, url, binding))


async def _open_child(command: list[str], options: Options) -> Opened:
    try:
        from wireproof.a2a.client.duplex import open_child_wire
    except ImportError as error:
        raise NoInterface(f"a command cannot be spoken to: {error}") from error
    wire = await open_child_wire(command, options.settings)
    return Opened(wire=wire, card=_unknown(" ".join(command[:2]), "stdio:", wire.binding))


def _unknown(name: str, url: str, binding: str) -> JSONObject:
    """The card of an agent whose card was not asked for: it may be able to do anything."""
    interface = {"url": url, "protocolBinding": binding, "protocolVersion": V1_0}
    capabilities = {"streaming": True, "pushNotifications": True}
    return {"name": name, "supportedInterfaces": [interface], "capabilities": capabilities, "skills": []}


__all__ = ["ClientError", "Opened", "Options", "Target", "open_target", "verified"]
