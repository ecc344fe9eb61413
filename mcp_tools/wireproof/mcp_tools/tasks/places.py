"""Where the tasks of a server live when its author does not say: a SQLite file of the user's, by the server's name."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import quote


def default_file(name: str) -> Path:
    """The file of a server of that name, below `XDG_STATE_HOME` or `~/.local/state`. Nothing is made.

    Raises `RuntimeError` when the user has no home.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64].lstrip(".") or "server"
    if plain != name:
        plain = f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return root / "wireproof" / f"{plain}.tasks.db"


def file_url(path: Path) -> str:
    """The address of a SQLite store in that file."""
    return f"sqlite:///{quote(str(path.absolute()), safe='/')}"
