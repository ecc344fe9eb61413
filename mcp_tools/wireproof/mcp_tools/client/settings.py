"""How a client behaves: deadlines, bounds, who answers the server, which era to speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from wireproof.mcp_tools.client.handlers import Handlers
from wireproof.mcp_tools.client.results import Log
from wireproof.schemas.jsonrpc import JSONObject
from wireproof.transports.exchange import DEFAULT_LIMITS, Limits

Mode: TypeAlias = Literal["auto", "session", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
"""`auto` finds the newest common revision; `session` the newest with a session; a revision pins it."""

OnLog: TypeAlias = Callable[[Log], None]
OnNotification: TypeAlias = Callable[[str, JSONObject], None]

CLIENT_INFO: Final[JSONObject] = {"name": "wireproof", "version": "0.1.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one client.

    `timeout_s`: seconds a call may take without an answer; progress starts them anew, up to `max_timeout_s` in all.
    `connect_timeout_s`: seconds for opening, which includes the start of a child process and the negotiation.
    `probe_timeout_s`: seconds that a server may be silent to `server/discover` before it counts as a session server.
    `rounds`: how often one call may ask for more input (MRTR). `pages`: how many pages of a list are fetched.
    `validate`: hold structured results to the tool's output schema, where that is known.
    `cache`: honour `ttlMs`. `restart`: start an ended child process again on the next call.
    """

    mode: Mode = "auto"
    timeout_s: float = 60.0
    max_timeout_s: float = 600.0
    connect_timeout_s: float = 30.0
    probe_timeout_s: float = 5.0
    rounds: int = 10
    pages: int = 1000
    validate: bool = True
    cache: bool = True
    restart: bool = True
    handlers: Handlers = field(default_factory=Handlers)
    info: JSONObject = field(default_factory=lambda: dict(CLIENT_INFO))
    log_level: str | None = None
    on_log: OnLog | None = None
    on_notification: OnNotification | None = None
    limits: Limits = DEFAULT_LIMITS
