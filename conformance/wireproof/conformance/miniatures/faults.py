"""What the rooms of the miniature share: the error it answers with, and the names it uses."""

from __future__ import annotations

from typing import Any, Final

JSON = dict[str, Any]
META: Final = "io.modelcontextprotocol/"


class Fault(Exception):
    """An error response; `status` is what a modern HTTP response carries."""

    def __init__(self, code: int, message: str, data: Any = None, status: int = 200) -> None:
        """Make one."""
        super().__init__(message)
        self.code, self.message, self.data, self.status = code, message, data, status
