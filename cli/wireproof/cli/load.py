"""Finding the server or agent that a file holds."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wireproof.a2a import Agent
    from wireproof.mcp_tools import ToolServer


class LoadError(Exception):
    """A file that cannot be served; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file serves: a tool server, an agent, or both."""

    server: ToolServer[Any] | None
    agent: Agent | None


def load(target: str) -> Loaded:
    """Load `file.py`, or `file.py:name` for one object of it. Raises `LoadError`.

    Exceptions of the file itself pass through, with their traceback.
    """
    path_text, _, name = target.partition(":") if not Path(target).exists() else (target, "", "")
    module = _import(path_text)
    return _pick(module, name, target) if name else _find(module, path_text)


def _import(path_text: str) -> ModuleType:
    path = Path(path_text)
    if not path.is_file():
        raise LoadError(f"there is no file {path_text!r}: give a Python file, as in `wireproof run weather.py`")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path_text!r} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _pick(module: ModuleType, name: str, target: str) -> Loaded:
    found = getattr(module, name, None)
    if found is None:
        raise LoadError(f"{target!r}: the file has no {name!r} at its top level")
    if _is_server(found):
        return Loaded(found, None)
    if _is_agent(found):
        return Loaded(None, found)
    raise LoadError(f"{target!r}: {name!r} is a {type(found).__name__}, neither a ToolServer nor an Agent")


def _find(module: ModuleType, path_text: str) -> Loaded:
    servers = {id(value): name for name, value in vars(module).items() if _is_server(value)}
    agents = {id(value): name for name, value in vars(module).items() if _is_agent(value)}
    if not servers and not agents:
        raise LoadError(
            f"{path_text!r} holds no ToolServer and no Agent at its top level: "
            'write `server = ToolServer("name")` there'
        )
    for kind, names in (("ToolServer", servers), ("Agent", agents)):
        if len(names) > 1:
            choices = ", ".join(f"{path_text}:{name}" for name in names.values())
            raise LoadError(f"{path_text!r} holds {len(names)} {kind} objects: say which one, {choices}")
    values = vars(module)
    server = values[next(iter(servers.values()))] if servers else None
    agent = values[next(iter(agents.values()))] if agents else None
    return Loaded(server, agent)


def _is_server(value: object) -> bool:
    return _is(value, "wireproof.mcp_tools.server", "ToolServer")


def _is_agent(value: object) -> bool:
    return _is(value, "wireproof.a2a.agent", "Agent")


def _is(value: object, module: str, name: str) -> bool:
    loaded = sys.modules.get(module)  # a file that has one of these has imported its module
    kind = getattr(loaded, name, None)
    return isinstance(kind, type) and isinstance(value, kind)
