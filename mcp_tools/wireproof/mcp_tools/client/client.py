"""The MCP client: one object for every server, revision and wire.

Made by `connect`. It may be entered more than once, from several tasks, and closed while calls run.
Spec: 2026-07-28 basic, server, client; the session revisions through `Connection`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self, TypeVar

from wireproof.mcp_tools.client.asking import answered
from wireproof.mcp_tools.client.cache import ResponseCache
from wireproof.mcp_tools.client.calls import ToolBook, follow
from wireproof.mcp_tools.client.connection import Connection, Deadline, SessionGone
from wireproof.mcp_tools.client.errors import ConnectionFailed, RequestRefused, ServerMisbehaved, ToolFailed
from wireproof.mcp_tools.client.handlers import Handlers
from wireproof.mcp_tools.client.incoming import Incoming, OnProgress
from wireproof.mcp_tools.client.listening import Listening
from wireproof.mcp_tools.client.negotiation import initialize, open_connection
from wireproof.mcp_tools.client.results import (
    CallResult,
    Changed,
    Completions,
    Progress,
    Prompt,
    PromptResult,
    Resource,
    ResourceContents,
    ResourceTemplate,
    Tool,
    Updated,
    Wire,
    objects,
)
from wireproof.mcp_tools.client.settings import Settings
from wireproof.mcp_tools.client.targets import Opener
from wireproof.mcp_tools.errors import HEADER_MISMATCH
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object
from wireproof.schemas.mcp.revisions import Revision

if TYPE_CHECKING:
    from wireproof.mcp_tools.client.tasks import TaskHandle

log = logging.getLogger("wireproof.mcp_tools.client")
ViewT = TypeVar("ViewT", bound=Wire)

_CACHED: Final = {"tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"}


class Client:
    """A connection to one MCP server, opened by `async with`. Every method raises `ClientError` and nothing else."""

    def __init__(self, opener: Opener, settings: Settings) -> None:
        self._opener: Final = opener
        self._settings: Final = settings
        self._incoming: Final = Incoming(settings.handlers, settings.on_log, settings.on_notification)
        self._cache: Final = ResponseCache()
        self._incoming.on_event = self._changed
        self._book: Final = ToolBook(validate=settings.validate)
        self._connection: Connection | None = None
        self._opening: asyncio.Task[Connection] | None = None
        self._known: Revision | None = None
        self._users = 0

    # -- its life -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._users += 1
        try:
            await self.connection()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0:
            await self.aclose()

    async def aclose(self) -> None:
        """Close now, whoever uses it; calls that run end with `ConnectionFailed`. May be called twice."""
        self._users = 0
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done():
            opening.cancel()
            await asyncio.wait([opening])
        connection, self._connection = self._connection, None
        self._cache.clear()
        try:
            if connection is not None:
                await connection.aclose()
        finally:
            await self._opener.aclose()

    async def connection(self) -> Connection:
        """The open connection; a lost one is opened again when the settings say so."""
        connection = self._connection
        if connection is not None and not connection.is_lost:
            return connection
        if self._users == 0:
            raise ConnectionFailed("the client is closed: use it inside `async with connect(...)`")
        if connection is not None and not self._settings.restart:
            raise ConnectionFailed(f"the connection to {self._opener.describe()} is lost and restart is off")
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._open(connection))
        return await asyncio.shield(self._opening)

    async def _open(self, lost: Connection | None) -> Connection:
        if lost is not None:
            self._cache.clear()
            await lost.aclose()
        connection = await open_connection(self._opener, self._incoming, self._settings, known=self._known)
        self._known = connection.revision
        self._connection = connection
        return connection

    # -- what the server said of itself --------------------------------------------------------------------------

    @property
    def revision(self) -> str:
        """The revision that was agreed on, e.g. `2026-07-28`."""
        return self._open_connection().revision.value

    @property
    def server_info(self) -> JSONObject:
        """Name and version of the server, as it says; for display alone."""
        return self._open_connection().server.info

    @property
    def capabilities(self) -> JSONObject:
        """The server's capabilities."""
        return self._open_connection().server.capabilities

    @property
    def instructions(self) -> str:
        """How the server wants to be used; "" when it does not say."""
        return self._open_connection().server.instructions

    @property
    def handlers(self) -> Handlers:
        """Who answers the server's questions."""
        return self._settings.handlers

    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise ConnectionFailed("the client is closed: use it inside `async with connect(...)`")
        return self._connection

    # -- requests -----------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        params: Mapping[str, JSONValue] | None = None,
        *,
        timeout_s: float | None = None,
        on_progress: OnProgress | None = None,
        fields: Sequence[tuple[str, str]] = (),
    ) -> JSONObject:
        """Send any request and give its result as it came; questions of the server are answered on the way.

        `timeout_s`: seconds without progress, instead of the settings'. `fields`: header fields, used on HTTP.
        """
        settings = self._settings
        idle = settings.timeout_s if timeout_s is None else timeout_s
        deadline = Deadline(idle, max(idle, settings.max_timeout_s))
        given = dict(params) if params else {}
        result = await self._once(method, given, deadline, on_progress, fields)
        if result.get("resultType", "complete") == "complete":
            return result

        async def again(more: JSONObject) -> JSONObject:
            return await self._once(method, {**given, **more}, deadline, on_progress, fields)

        return await answered(method, result, again, settings.handlers, settings.rounds)

    async def _once(
        self,
        method: str,
        params: JSONObject,
        deadline: Deadline,
        on_progress: OnProgress | None,
        fields: Sequence[tuple[str, str]],
    ) -> JSONObject:
        connection = await self.connection()
        try:
            return await connection.request(method, params, deadline, on_progress=on_progress, fields=fields)
        except SessionGone:
            connection = await self._renewed(connection)
        try:
            return await connection.request(method, params, deadline, on_progress=on_progress, fields=fields)
        except SessionGone:
            raise ConnectionFailed("the server forgets every session that it opens") from None

    async def _renewed(self, stale: Connection) -> Connection:
        """Open a new session in place of one that the server forgot; one of several callers does it."""
        if self._connection is not stale:
            return await self.connection()
        if self._opening is None or self._opening.done():
            self._opening = asyncio.get_running_loop().create_task(self._reopen(stale))
        return await asyncio.shield(self._opening)

    async def _reopen(self, stale: Connection) -> Connection:
        fresh = stale.anew()
        self._connection = fresh
        await initialize(fresh, stale.revision)
        self._cache.clear()
        return fresh

    async def _listed(self, method: str, key: str, view: type[ViewT]) -> list[ViewT]:
        """Every page of a list. Raises `ServerMisbehaved` when it does not end."""
        found: list[ViewT] = []
        params: JSONObject = {}
        seen: set[str] = set()
        for _ in range(self._settings.pages):
            page = await self._cached(method, params)
            found.extend(view(item) for item in objects(page, key))
            cursor: JSONValue = page.get("nextCursor")
            if not isinstance(cursor, str):
                return found
            if cursor in seen:
                break
            seen.add(cursor)
            params = {"cursor": cursor}
        raise ServerMisbehaved(
            f"{method} does not end: {len(seen)} pages, the last cursor was given before or is one "
            "too many; raise `pages` if the list is that long"
        )

    async def _cached(self, method: str, params: JSONObject) -> JSONObject:
        if not self._settings.cache or method not in _CACHED:
            return await self.request(method, params)
        known = self._cache.get(method, params)
        if known is None:
            known = await self.request(method, params)
            self._cache.put(method, params, known)
        return known

    def _changed(self, event: Changed | Updated) -> None:
        self._cache.drop(event)

    # -- tools --------------------------------------------------------------------------------------------------

    async def list_tools(self) -> list[Tool]:
        """Every tool, all pages. Over HTTP a tool whose `x-mcp-header` breaks the rules is left out, with a warning."""
        tools = await self._listed("tools/list", "tools", Tool)
        connection = await self.connection()
        return self._book.learn(tools, strict=connection.modern and not connection.carrier.duplex)

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, JSONValue] | None = None,
        /,
        *,
        timeout_s: float | None = None,
        progress: OnProgress | None = None,
        meta: Mapping[str, JSONValue] | None = None,
        raise_on_error: bool = True,
        **named: JSONValue,
    ) -> CallResult:
        """Call a tool: `call_tool("forecast", city="Oslo")`, or with a dict where a name would clash with an option.

        A tool that answers with a task is followed to its end. `timeout_s`: seconds without progress. `progress` is
        called with each `Progress`. `meta` goes into `_meta`. With `raise_on_error` an `isError` result raises
        `ToolFailed`. The result's `.data` is rebuilt from the output schema when `list_tools` has shown it.
        """
        params = _call_params(name, arguments, named, meta)
        result = await self.called(name, params, timeout_s, progress)
        if result.get("resultType") == "task" or "task" in result:
            result = await follow(self, result, timeout_s=timeout_s)
        read = CallResult(result, self._book.reader(name))
        if read.is_error:
            if raise_on_error:
                raise ToolFailed(name, read)
        elif self._settings.validate and read.structured is not None:
            _ = read.data  # checks it, and keeps what it built
        return read

    async def called(
        self, name: str, params: JSONObject, timeout_s: float | None = None, progress: OnProgress | None = None
    ) -> JSONObject:
        """Send one `tools/call` with its headers and give what came: a result, or a task."""
        fields = self._book.fields(name, params.get("arguments"))
        try:
            return await self.request("tools/call", params, timeout_s=timeout_s, on_progress=progress, fields=fields)
        except RequestRefused as refusal:
            if refusal.code != HEADER_MISMATCH:
                raise
        self._cache.drop(Changed("tools"))
        await self.list_tools()
        fields = self._book.fields(name, params.get("arguments"))
        return await self.request("tools/call", params, timeout_s=timeout_s, on_progress=progress, fields=fields)

    async def stream_tool(
        self,
        name: str,
        arguments: Mapping[str, JSONValue] | None = None,
        /,
        *,
        timeout_s: float | None = None,
        **named: JSONValue,
    ) -> AsyncGenerator[Progress | CallResult]:
        """Call a tool and give its progress as it comes; the last item is the `CallResult`.

        A reader that is slower than the server sees the newest progress. Leaving the loop cancels the call.
        """
        newest: list[Progress] = []
        wake = asyncio.Event()

        def note(progress: Progress) -> None:
            newest[:] = [progress]
            wake.set()

        params = dict(arguments or {}) | named
        call = asyncio.get_running_loop().create_task(self.call_tool(name, params, timeout_s=timeout_s, progress=note))
        call.add_done_callback(lambda _: wake.set())
        try:
            while not call.done():
                await wake.wait()
                wake.clear()
                while newest:
                    yield newest.pop()
            yield call.result()
        finally:
            call.cancel()
            await asyncio.wait([call])

    async def start_tool(
        self,
        name: str,
        arguments: Mapping[str, JSONValue] | None = None,
        /,
        *,
        ttl_ms: int | None = None,
        **named: JSONValue,
    ) -> TaskHandle:
        """Start a tool as a task and give its handle. Raises `ClientError` when the server answers at once."""
        from wireproof.mcp_tools.client.tasks import start

        return await start(self, name, _call_params(name, arguments, named, None), ttl_ms)

    def task(self, task_id: str) -> TaskHandle:
        """The handle of a task that was started before, perhaps by another client of the same user."""
        from wireproof.mcp_tools.client.tasks import TaskHandle

        return TaskHandle(self, task_id)

    # -- resources, prompts, completion ------------------------------------------------------------------------

    async def list_resources(self) -> list[Resource]:
        """Every resource, all pages."""
        return await self._listed("resources/list", "resources", Resource)

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """Every resource template, all pages."""
        return await self._listed("resources/templates/list", "resourceTemplates", ResourceTemplate)

    async def read_resource(self, uri: str) -> list[ResourceContents]:
        """The contents of a resource, in parts."""
        result = await self._cached("resources/read", {"uri": uri})
        return [ResourceContents(item) for item in objects(result, "contents")]

    async def list_prompts(self) -> list[Prompt]:
        """Every prompt, all pages."""
        return await self._listed("prompts/list", "prompts", Prompt)

    async def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None, /, **named: str) -> PromptResult:
        """A prompt with its arguments filled in."""
        given = dict(arguments or {}) | named
        params: JSONObject = {"name": name, "arguments": given} if given else {"name": name}
        return PromptResult(await self.request("prompts/get", params))

    async def complete(
        self,
        target: str,
        argument: str,
        value: str,
        *,
        context: Mapping[str, str] | None = None,
    ) -> Completions:
        """Suggestions for an argument. `target`: a prompt's name or a resource template; `context`: other arguments."""
        kind = {"type": "ref/resource", "uri": target} if "{" in target or "://" in target else None
        params: JSONObject = {
            "ref": kind or {"type": "ref/prompt", "name": target},
            "argument": {"name": argument, "value": value},
        }
        if context:
            params["context"] = {"arguments": dict(context)}
        result = await self.request("completion/complete", params)
        found: JSONValue = result.get("completion")
        values: JSONValue = found.get("values") if is_object(found) else None
        if not is_array(values):
            raise ServerMisbehaved("the server's completion has no values")
        return Completions([str(item) for item in values], found.get("total"), found.get("hasMore"))

    # -- the rest -----------------------------------------------------------------------------------------------

    def listen(
        self,
        *,
        tools: bool = False,
        prompts: bool = False,
        resources: bool = False,
        uris: Sequence[str] = (),
    ) -> Listening:
        """Changes as they happen: `async for event in client.listen(tools=True)`; `uris` are resources to watch.

        As a context manager (`async with client.listen(...) as events`) it is open before the block begins.
        """
        kinds = [kind for kind, on in (("tools", tools), ("prompts", prompts), ("resources", resources)) if on]
        if not kinds and not uris:
            raise ValueError("listen to something: tools=True, prompts=True, resources=True or uris=[…]")
        return Listening(self, kinds, uris)

    async def ping(self) -> float:
        """Seconds until the server answered; since 2026-07-28 by `server/discover`."""
        connection = await self.connection()
        begun = asyncio.get_running_loop().time()
        await self.request("server/discover" if connection.modern else "ping")
        return asyncio.get_running_loop().time() - begun

    async def set_log_level(self, level: str) -> None:
        """Ask for log messages from that level on; `on_log` of the settings takes them."""
        connection = await self.connection()
        connection.log_level = level
        if connection.modern:
            connection.speak(connection.revision)
        else:
            await self.request("logging/setLevel", {"level": level})

    async def roots_changed(self) -> None:
        """Tell a session server that the roots are others now; a modern one asks anew each time."""
        connection = await self.connection()
        if not connection.modern:
            await connection.tell("notifications/roots/list_changed")


def _call_params(
    name: str,
    arguments: Mapping[str, JSONValue] | None,
    named: Mapping[str, JSONValue],
    meta: Mapping[str, JSONValue] | None,
) -> JSONObject:
    params: JSONObject = {"name": name, "arguments": {**(arguments or {}), **named}}
    if meta:
        params["_meta"] = dict(meta)
    return params
