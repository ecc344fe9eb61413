"""The MCP client without `await`: the same verbs, run on an event loop in a thread of its own.

    from wireproof.mcp_tools.sync import connect

    with connect("https://example.com/mcp") as client:
        result = client.call_tool("forecast", city="Oslo")

A client may be used from several threads. Handlers run in the loop's thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from wireproof.mcp_tools.client.client import Client
from wireproof.mcp_tools.client.connecting import connect as connect_async
from wireproof.mcp_tools.client.errors import ConnectionFailed
from wireproof.mcp_tools.client.incoming import OnProgress
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
)
from wireproof.mcp_tools.client.targets import Target
from wireproof.schemas.jsonrpc import JSONObject, JSONValue

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

T = TypeVar("T")

__all__ = ["SyncClient", "connect"]


def connect(target: Target, **options: Any) -> SyncClient:
    """A client of the server at `target`, opened by `with`; `options` are those of `wireproof.mcp_tools.connect`."""
    return SyncClient(connect_async(target, **options))


class SyncClient:
    """The verbs of `Client`, each waiting for its result. Raises what they raise."""

    def __init__(self, client: Client) -> None:
        self._client: Final = client
        self._opened: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        opened = start_blocking_portal()
        portal = opened.__enter__()
        try:
            portal.call(self._client.__aenter__)
        except BaseException as error:
            opened.__exit__(type(error), error, error.__traceback__)
            raise
        self._opened, self._portal = opened, portal
        return self

    def __exit__(self, *_: object) -> None:
        opened, portal = self._opened, self._portal
        self._opened = self._portal = None
        if opened is None or portal is None:
            return
        try:
            portal.call(self._client.aclose)
        finally:
            opened.__exit__(None, None, None)

    def _do(self, make: Callable[[], Awaitable[T]]) -> T:
        if self._portal is None:
            raise ConnectionFailed("the client is closed: use it inside `with connect(...)`")
        return self._portal.call(make)

    def _iterate(self, make: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        iterator = self._do(_made(make))
        try:
            while True:
                try:
                    yield self._do(iterator.__anext__)
                except StopAsyncIteration:
                    return
        finally:
            if isinstance(iterator, AsyncGenerator) and self._portal is not None:
                self._do(iterator.aclose)

    # -- what the server said of itself --------------------------------------------------------------------------

    @property
    def revision(self) -> str:
        """The revision that was agreed on."""
        return self._client.revision

    @property
    def server_info(self) -> JSONObject:
        """Name and version of the server, as it says."""
        return self._client.server_info

    @property
    def capabilities(self) -> JSONObject:
        """The server's capabilities."""
        return self._client.capabilities

    @property
    def instructions(self) -> str:
        """How the server wants to be used."""
        return self._client.instructions

    # -- verbs --------------------------------------------------------------------------------------------------

    def request(self, method: str, params: Mapping[str, JSONValue] | None = None, **options: Any) -> JSONObject:
        """Send any request and give its result as it came."""
        return self._do(lambda: self._client.request(method, params, **options))

    def list_tools(self) -> list[Tool]:
        """Every tool, all pages."""
        return self._do(self._client.list_tools)

    def call_tool(
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
        """Call a tool; see `Client.call_tool`. `progress` is called in the loop's thread."""
        given = {**(arguments or {}), **named}
        return self._do(
            lambda: self._client.call_tool(
                name, given, timeout_s=timeout_s, progress=progress, meta=meta, raise_on_error=raise_on_error
            )
        )

    def stream_tool(
        self, name: str, arguments: Mapping[str, JSONValue] | None = None, /, **named: JSONValue
    ) -> Iterator[Progress | CallResult]:
        """Call a tool and give its progress as it comes; the last item is the `CallResult`."""
        given = {**(arguments or {}), **named}
        return self._iterate(lambda: self._client.stream_tool(name, given))

    def list_resources(self) -> list[Resource]:
        """Every resource, all pages."""
        return self._do(self._client.list_resources)

    def list_resource_templates(self) -> list[ResourceTemplate]:
        """Every resource template, all pages."""
        return self._do(self._client.list_resource_templates)

    def read_resource(self, uri: str) -> list[ResourceContents]:
        """The contents of a resource, in parts."""
        return self._do(lambda: self._client.read_resource(uri))

    def list_prompts(self) -> list[Prompt]:
        """Every prompt, all pages."""
        return self._do(self._client.list_prompts)

    def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None, /, **named: str) -> PromptResult:
        """A prompt with its arguments filled in."""
        given = {**(arguments or {}), **named}
        return self._do(lambda: self._client.get_prompt(name, given))

    def complete(
        self, target: str, argument: str, value: str, *, context: Mapping[str, str] | None = None
    ) -> Completions:
        """Suggestions for an argument of a prompt or a resource template."""
        return self._do(lambda: self._client.complete(target, argument, value, context=context))

    @contextmanager
    def listen(
        self, *, tools: bool = False, prompts: bool = False, resources: bool = False, uris: Sequence[str] = ()
    ) -> Generator[Iterator[Changed | Updated]]:
        """Changes as they happen: `with client.listen(tools=True) as events: for event in events: ...`"""

        async def make() -> Any:
            return await self._client.listen(tools=tools, prompts=prompts, resources=resources, uris=uris).__aenter__()

        listening = self._do(make)
        try:
            yield self._iterate(lambda: aiter(listening))
        finally:
            self._do(listening.aclose)

    def ping(self) -> float:
        """Seconds until the server answered."""
        return self._do(self._client.ping)

    def set_log_level(self, level: str) -> None:
        """Ask for log messages from that level on."""
        self._do(lambda: self._client.set_log_level(level))


def _made(make: Callable[[], AsyncIterator[T]]) -> Callable[[], Awaitable[AsyncIterator[T]]]:
    async def call() -> AsyncIterator[T]:
        await asyncio.sleep(0)  # made in the loop, where a generator finds its hooks
        return make()

    return call
