"""The heart of a tool server: its catalogues, its method table, its seals. One for a server, whatever the wires.

Knows features and revisions; knows no transport. Endpoints (`endpoint.py`) ask it to answer calls.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from wireproof.auth.sealing import Keyring, Opened, Seal, bind
from wireproof.mcp_tools.call import Call, Handler, server_meta
from wireproof.mcp_tools.catalogue import Catalogue
from wireproof.mcp_tools.errors import InvalidParams
from wireproof.mcp_tools.facts import Facts
from wireproof.mcp_tools.prompt import Prompt
from wireproof.mcp_tools.resource import Resource
from wireproof.mcp_tools.subscriptions import Changes, Listener
from wireproof.mcp_tools.tool import Tool
from wireproof.mcp_tools.workers import Workers
from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.schemas.mcp.revisions import MODERN, SESSION_REVISIONS, Revision
from wireproof.transports.exchange import Answer

SUPPORTED: Final = tuple(revision.value for revision in (*MODERN, *reversed(SESSION_REVISIONS)))
"""Every revision that is spoken, newest first."""

if TYPE_CHECKING:
    from wireproof.mcp_tools.asking import Answers
    from wireproof.mcp_tools.completion import Completers

log = logging.getLogger("wireproof.mcp_tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The bounds and habits of a server; every default is safe for a public listener.

    `page_size` items a list page (None: one page). `list_ttl_s` how long clients may keep lists. `ask_timeout_s`
    seconds that a live question to the client may take. `state_ttl_s` seconds that a `requestState` lives.
    `worker_threads` synchronous functions and `task_workers` tasks that run at once, waiting ones not counted.
    `max_listeners` open subscriptions for one principal, `max_uris` resource URIs or tasks in one of them.
    `max_tasks` unfinished tasks for one principal (counted in the store whenever this process has made that many).
    """

    page_size: int | None = None
    list_ttl_s: float = 0
    ask_timeout_s: float = 600
    state_ttl_s: float = 600
    max_listeners: int = 10_000
    max_uris: int = 1_000
    max_tasks: int = 10_000
    worker_threads: int = 64
    task_workers: int = 64
    debounce_s: float = 0.02


@dataclass(slots=True)
class Extension:
    """A negotiated extension: what both sides declare, and the methods it adds to 2026-07-28.

    `id` is the reverse-domain identifier, `settings` what the server declares for it. A method's handler decides for
    itself what it needs of the client. Spec: 2026-07-28 basic/versioning#extension-negotiation.
    """

    id: str
    settings: JSONObject = field(default_factory=dict[str, JSONValue])
    methods: Mapping[str, Handler] = field(default_factory=dict[str, Handler])
    session_methods: Mapping[str, Handler] = field(default_factory=dict[str, Handler])
    session_capabilities: Callable[[Facts], JSONObject] | None = None
    """What it adds to the capabilities that `initialize` gives to that client."""


Interceptor: TypeAlias = Callable[[Call, Tool], Answer | None]
"""Looks at a tools/call before it runs; an answer takes its place."""
ListenExtender: TypeAlias = Callable[[Call, JSONObject, JSONObject, Listener], AbstractAsyncContextManager[None]]
"""`(call, wanted, agreed, listener)`: adds to what a subscription hears while it is entered, and says so in `agreed`.

Entering may raise a `ProtocolError`, which is the answer then.
"""
KEYRING_VARIABLE: Final = "WIREPROOF_KEYRING"
"""The environment variable with the sealing secrets of a server that is given none: commas between, newest first."""


class Core:
    """Everything that all connections of one server share."""

    def __init__(
        self, info: JSONObject, *, instructions: str | None, settings: Settings, keyring: Keyring | None
    ) -> None:
        self.info: Final = info
        self.instructions: Final = instructions
        self.settings: Final = settings
        self.changes: Final = Changes(debounce_s=settings.debounce_s)
        self.tools: Final[Catalogue[Tool]] = Catalogue("tool", lambda: self.changes.list_changed("tools"))
        self.prompts: Final[Catalogue[Prompt]] = Catalogue("prompt", lambda: self.changes.list_changed("prompts"))
        self.resources: Final[Catalogue[Resource]] = Catalogue(
            "resource", lambda: self.changes.list_changed("resources")
        )
        self.templates: Final[Catalogue[Resource]] = Catalogue(
            "resource template", lambda: self.changes.list_changed("resources")
        )
        self.completers: Completers | None = None
        self.extensions: Final[dict[str, Extension]] = {}
        self.interceptors: Final[list[Interceptor]] = []
        self.listen_extenders: Final[list[ListenExtender]] = []
        self.server_meta: Final = server_meta(info)
        self.envelope: tuple[JSONObject, Facts] | None = None
        """The newest modern `_meta`, and what it said: most callers send theirs again and again."""
        self.workers: Final = Workers(limit=settings.worker_threads)
        self.state: Any = None
        """What the lifespan yielded; the author's own type, hence Any."""
        self.listeners_of: Final[dict[str, int]] = {}
        self._keyring = keyring
        self._seals: dict[str, Seal] = {}

    # -- capabilities -------------------------------------------------------------------------------------------

    def capabilities(self, revision: Revision, facts: Facts | None = None) -> JSONObject:
        """The ServerCapabilities that this revision may declare; `facts` are of the client that opens a session."""
        declared: JSONObject = {"tools": {"listChanged": True}, "logging": {}}
        if self.prompts.ever:
            declared["prompts"] = {"listChanged": True}
        if self.resources.ever or self.templates.ever:
            declared["resources"] = {"listChanged": True, "subscribe": True}
        if self.completers is not None and revision >= Revision.V2025_03_26:
            declared["completions"] = {}
        if self.extensions and revision.is_modern:
            declared["extensions"] = {name: extension.settings for name, extension in self.extensions.items()}
        for extension in self.extensions.values():
            if facts is not None and extension.session_capabilities is not None:
                declared.update(extension.session_capabilities(facts))
        return declared

    # -- sealed state -------------------------------------------------------------------------------------------

    @property
    def keyring(self) -> Keyring:
        """The sealing keys: given, or from `WIREPROOF_KEYRING`, or random for this process. Made on first use.

        Raises `WeakSecret` for a variable that holds no good secret.
        """
        if self._keyring is None:
            named = KEYRING_VARIABLE in os.environ
            self._keyring = Keyring.from_env(KEYRING_VARIABLE) if named else Keyring.random()
        return self._keyring

    def seal(self, purpose: str, ttl_s: float) -> Seal:
        """The seal of one purpose."""
        found = self._seals.get(purpose)
        if found is None:
            found = self._seals[purpose] = Seal(self.keyring, purpose=f"mcp.{purpose}", ttl=ttl_s)
        return found

    def seal_state(self, call: Call, answers: Answers) -> str:
        """The `requestState` of this round: answers and steps so far, bound to caller, method and parameters."""
        seal = self.seal("requestState", self.settings.state_ttl_s)
        kept = {"given": answers.given, "steps": answers.steps}
        return seal.seal(kept, owner=call.facts.principal.key, binding=self._binding(call))

    def open_state(self, call: Call, state: JSONValue) -> tuple[dict[str, JSONObject], dict[str, JSONValue]]:
        """The answers and steps in a `requestState`. Raises `InvalidParams` for one that is not ours for this call."""
        seal = self.seal("requestState", self.settings.state_ttl_s)
        if isinstance(state, str):
            opened = seal.open(state, owner=call.facts.principal.key, binding=self._binding(call))
            if isinstance(opened, Opened):
                kept: JSONObject = opened.value
                return kept["given"], kept["steps"]
            log.warning("a requestState was refused: %s", opened.reason.value)
        raise InvalidParams("Invalid params: requestState is not valid for this request; start again without it")

    def _binding(self, call: Call) -> bytes:
        kept = ("_meta", "inputResponses", "requestState")
        params = {key: value for key, value in call.params.items() if key not in kept}
        return bind(call.method, [self.info["name"], params])

    # -- cursors ------------------------------------------------------------------------------------------------

    def page(self, facts: Facts, what: str, cursor: JSONValue, count: int) -> tuple[int, int, str | None]:
        """The first and last index of a page, and the next cursor. Raises `InvalidParams` for a foreign cursor."""
        size = self.settings.page_size
        start = 0
        if cursor is not None:
            start = self._open_cursor(facts, what, cursor)
        if size is None or start + size >= count:
            return start, count, None
        return start, start + size, self._seal_cursor(facts, what, start + size)

    def _seal_cursor(self, facts: Facts, what: str, position: int) -> str:
        return self.seal("cursor", 24 * 3600).seal(position, owner=facts.principal.key, binding=bind(what))

    def _open_cursor(self, facts: Facts, what: str, cursor: JSONValue) -> int:
        if isinstance(cursor, str):
            opened = self.seal("cursor", 24 * 3600).open(cursor, owner=facts.principal.key, binding=bind(what))
            if isinstance(opened, Opened):
                return int(opened.value)
        raise InvalidParams("Invalid params: the cursor is not one of this list; start again without it")
