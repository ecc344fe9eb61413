"""Where the agent verbs take their settings from: flag, environment, local file, global file, default, in this order.

Spec: a2a-cli 0.2 sections 6.5, 7.2, 8.3.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import argparse

PREFIX: Final = "A2ACLI_"
DEFAULTS: Final[Mapping[str, str]] = {"output": "text", "poll_interval": "2s", "a2a_version": "1.0"}
SETTABLE: Final = (
    "agent_card",
    "a2a_version",
    "async",
    "api_key",
    "bearer",
    "client_id",
    "client_secret",
    "context_id",
    "debug",
    "insecure",
    "metadata",
    "output",
    "poll_interval",
    "svc_param",
    "task_id",
    "timeout",
    "transport",
    "verbose",
    "wait",
)
"""Every option that may come from outside the command line; `--stream` never does."""
SECRETS: Final = frozenset({"api_key", "bearer", "client_secret", "svc_param"})
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


class UsageError(Exception):
    """A call that cannot be understood; exit code 2."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it comes from."""

    value: str
    source: str


class Settings:
    """The options of one call. Raises `UsageError` for a file that cannot be read."""

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str] | None = None) -> None:
        self._flags: Final = vars(options)
        self._sources: Final = _sources(options, os.environ if environment is None else environment)

    def find(self, name: str) -> Setting | None:
        """The effective value of an option; None when nothing sets it."""
        flag = self._flags.get(name)
        if flag is not None and flag is not False and flag != []:
            several: list[str] = cast("list[str]", flag) if isinstance(flag, list) else [str(flag)]
            return Setting(",".join(several), "flag")
        for source, values in self._sources:
            if values.get(PREFIX + name.upper()):
                return Setting(values[PREFIX + name.upper()], source)
        return Setting(DEFAULTS[name], "default") if name in DEFAULTS else None

    def text(self, name: str) -> str:
        """The value; "" when nothing sets it."""
        found = self.find(name)
        return "" if found is None else found.value

    def is_on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.text(name).lower() in ("1", "true", "yes", "on")

    def many(self, name: str) -> list[str]:
        """The values of an option that may be repeated."""
        flag: Any = self._flags.get(name)
        return list(flag) if flag else [part.strip() for part in self.text(name).split(",") if part.strip()]

    def seconds(self, name: str) -> float | None:
        """A duration: `2s`, `500ms`, `1m`, or seconds. None when nothing sets it. Raises `UsageError`."""
        text = self.text(name)
        if not text:
            return None
        found = _DURATION.fullmatch(text)
        if found is None:
            raise UsageError(f"--{name.replace('_', '-')} takes a duration such as 2s, 500ms or 1m, not {text!r}")
        return float(found.group(1)) * _UNITS[found.group(2)]


def _sources(options: argparse.Namespace, environment: Mapping[str, str]) -> list[tuple[str, Mapping[str, str]]]:
    sources: list[tuple[str, Mapping[str, str]]] = [("environment", environment)]
    given = getattr(options, "config", None)
    if given:
        path = Path(given)
        if not path.is_file():
            raise UsageError(f"--config: there is no file {given}")
        sources.append((str(path), read_dotenv(path)))
    else:
        here = Path.cwd()
        local = next((folder / ".env" for folder in (here, *here.parents) if (folder / ".env").is_file()), None)
        if local is not None:
            sources.append((str(local), read_dotenv(local)))
    shared = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "a2a-cli" / ".env"
    if shared.is_file():
        sources.append((str(shared), read_dotenv(shared)))
    return sources


def read_dotenv(path: Path) -> dict[str, str]:
    """The `A2ACLI_` lines of a file; everything else in it is others' business."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and name.strip().startswith(PREFIX):
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value
    return found
