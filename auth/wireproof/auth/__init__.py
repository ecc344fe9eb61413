"""Who is calling: token checks, the OAuth client, the one guarded fetcher, sealed state.

Knows no MCP, no A2A and no web framework. Names load on first use, so that a server without tokens imports nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wireproof.auth.sealing import Broken as Broken
    from wireproof.auth.sealing import Keyring as Keyring
    from wireproof.auth.sealing import Opened as Opened
    from wireproof.auth.sealing import Seal as Seal
    from wireproof.auth.sealing import SealRefusal as SealRefusal
    from wireproof.auth.sealing import TooLargeToSeal as TooLargeToSeal
    from wireproof.auth.sealing import WeakSecret as WeakSecret
    from wireproof.auth.sealing import bind as bind

_HOMES = {
    "sealing": ("Broken", "Keyring", "Opened", "Seal", "SealRefusal", "TooLargeToSeal", "WeakSecret", "bind"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604, PLE0605, RUF100
    "Broken",
    "Keyring",
    "Opened",
    "Seal",
    "SealRefusal",
    "TooLargeToSeal",
    "WeakSecret",
    "bind",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
