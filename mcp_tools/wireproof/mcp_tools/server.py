"""`ToolServer`: the face of a tool server. Decorate typed functions; run it, mount it, or connect to it in memory.

Holds no protocol logic: it registers into `Core` and hands it to transports.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack, overload

from wireproof.auth.sealing import Keyring
from wireproof.mcp_tools.completion import Completer, Completers
from wireproof.mcp_tools.core import Core, Extension, Settings
from wireproof.mcp_tools.endpoint import accept_with
from wireproof.mcp_tools.prompt import Prompt, PromptOptions
from wireproof.mcp_tools.resource import Resource, ResourceOptions
from wireproof.mcp_tools.tool import Tool, ToolOptions
from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.transports.exchange import DEFAULT_LIMITS, Accept, Limits

if TYPE_CHECKING:
    from wireproof.mcp_tools.asgi import ServeOptions
    from wireproof.mcp_tools.tasks.engine import TaskEngine
    from wireproof.tasks import Store
    from wireproof.transports.http import ASGIApp

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
StateT = TypeVar("StateT")
Lifespan = Callable[["ToolServer[Any]"], AbstractAsyncContextManager[StateT]]


class ToolServer(Generic[StateT]):
    """A server of tools, resources and prompts, in every MCP revision, on every transport.

        server = ToolServer("weather")

        @server.tool
        async def forecast(city: str, days: int = 3) -> Forecast: ...

    The decorated name stays the plain function. Everything can be registered and removed while the server runs;
    clients are told.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "0.0.0",
        title: str | None = None,
        description: str | None = None,
        website_url: str | None = None,
        icons: Sequence[Mapping[str, JSONValue]] | None = None,
        instructions: str | None = None,
        lifespan: Lifespan[StateT] | None = None,
        keyring: Keyring | None = None,
        settings: Settings | None = None,
        limits: Limits = DEFAULT_LIMITS,
        store: str | Store | None = None,
    ) -> None:
        """Describe the server.

        `instructions` tell a model how to use it. `lifespan` is an async context manager that makes `context.state`
        before the first request and cleans up at the end. `keyring` seals what travels through clients; give the same
        to all replicas. `settings` and `limits` hold the bounds. `store` is where tasks live: an address (`memory://`,
        `sqlite:///file.db`, `postgresql://…`, `redis://…`) or an open store; None is a file of the user's, named after
        the server and made with the first task.
        """
        info: JSONObject = {"name": name, "version": version}
        optional = {"title": title, "description": description, "websiteUrl": website_url}
        info.update({key: value for key, value in optional.items() if value is not None})
        if icons:
            info["icons"] = [dict(icon) for icon in icons]
        self.core = Core(info, instructions=instructions, settings=settings or Settings(), keyring=keyring)
        self.limits = limits
        self._lifespan = lifespan
        self._store = store
        self._tasks: TaskEngine | None = None
        self._users = 0
        self._running: AsyncExitStack | None = None

    @property
    def name(self) -> str:
        """The server's name, as clients see it."""
        return str(self.core.info["name"])

    # -- tools --------------------------------------------------------------------------------------------------

    @overload
    def tool(self, function: FunctionT, /) -> FunctionT: ...
    @overload
    def tool(self, **options: Unpack[ToolOptions]) -> Callable[[FunctionT], FunctionT]: ...
    def tool(self, *function: Any, **options: Any) -> Any:
        """Register a function as a tool; bare, or with the options of `ToolOptions`.

        Sync functions run in a worker thread, async ones in place. The input schema comes from the annotations and
        the docstring, the output schema from the return annotation. Raise `ToolError` for what the model should
        read; other exceptions are masked and logged.

        Raises `SignatureError` when the signature cannot be offered, `DuplicateName` when the name is taken.
        Spec: 2026-07-28 server/tools.
        """

        def register(target: Callable[..., Any]) -> Callable[..., Any]:
            self.add_tool(target, **options)
            return target

        return register(*function) if function else register

    def add_tool(self, function: Callable[..., Any], *, replace: bool = False, **options: Unpack[ToolOptions]) -> Tool:
        """Register a function as a tool and return what was compiled. See `tool`."""
        compiled = Tool.of(function, options)
        self.core.tools.add(compiled.name, compiled, replace=replace)
        if compiled.task is not None and compiled.task.makes_tasks:
            from wireproof.mcp_tools.tasks.install import install

            install(self.core, self._engine())
        return compiled

    def use_store(self, store: str | Store) -> None:
        """Keep tasks there instead of where the constructor says. Raises `RuntimeError` while the server runs."""
        if self._users:
            raise RuntimeError("the server runs already: name its store before")
        self._store = store
        if self._tasks is not None:
            self._tasks.use(store)

    def remove_tool(self, name: str) -> None:
        """Take a tool away; clients are told. Raises `KeyError`."""
        self.core.tools.remove(name)

    # -- resources ----------------------------------------------------------------------------------------------

    def resource(self, uri: str, **options: Unpack[ResourceOptions]) -> Callable[[FunctionT], FunctionT]:
        """Register a function as the resource `uri`, or with `{variables}` in it as a template.

        The function returns text, bytes, JSON data or `ResourceContents`, and takes the template's variables by name.
        Values that try to leave their place (`..`) are refused before it runs.
        Spec: 2026-07-28 server/resources; RFC 6570.
        """

        def register(function: FunctionT) -> FunctionT:
            self.add_resource(uri, function, **options)
            return function

        return register

    def add_resource(
        self, uri: str, function: Callable[..., Any], *, replace: bool = False, **options: Unpack[ResourceOptions]
    ) -> Resource:
        """Register a resource or template and return what was compiled. See `resource`."""
        compiled = Resource.of(uri, function, options)
        catalogue = self.core.resources if compiled.template is None else self.core.templates
        catalogue.add(uri, compiled, replace=replace)
        return compiled

    def remove_resource(self, uri: str) -> None:
        """Take a resource or template away; clients are told. Raises `KeyError`."""
        catalogue = self.core.templates if uri in self.core.templates else self.core.resources
        catalogue.remove(uri)

    def resource_updated(self, uri: str) -> None:
        """Tell every subscriber of `uri` that it has new contents. Call it from the event loop."""
        self.core.changes.resource_updated(uri)

    # -- prompts and completion ---------------------------------------------------------------------------------

    @overload
    def prompt(self, function: FunctionT, /) -> FunctionT: ...
    @overload
    def prompt(self, **options: Unpack[PromptOptions]) -> Callable[[FunctionT], FunctionT]: ...
    def prompt(self, *function: Any, **options: Any) -> Any:
        """Register a function as a prompt; bare, or with the options of `PromptOptions`.

        It returns text, content blocks or `PromptMessage` objects, one or a list. Spec: 2026-07-28 server/prompts.
        """

        def register(target: Callable[..., Any]) -> Callable[..., Any]:
            self.add_prompt(target, **options)
            return target

        return register(*function) if function else register

    def add_prompt(
        self, function: Callable[..., Any], *, replace: bool = False, **options: Unpack[PromptOptions]
    ) -> Prompt:
        """Register a function as a prompt and return what was compiled. See `prompt`."""
        compiled = Prompt.of(function, options)
        self.core.prompts.add(compiled.name, compiled, replace=replace)
        return compiled

    def remove_prompt(self, name: str) -> None:
        """Take a prompt away; clients are told. Raises `KeyError`."""
        self.core.prompts.remove(name)

    def completer(self, target: str, argument: str) -> Callable[[Completer], Completer]:
        """Register a completer for an argument of a prompt (by name) or of a template (by URI).

        It takes the text typed so far, and if it wants a second parameter the arguments known already. It may be
        sync or async and returns the fitting values; at most 100 travel.
        """

        def register(function: Completer) -> Completer:
            if self.core.completers is None:
                self.core.completers = Completers()
            self.core.completers.add(target, argument, function)
            return function

        return register

    # -- extensions ---------------------------------------------------------------------------------------------

    def add_extension(self, extension: Extension) -> None:
        """Declare an extension and serve its methods. Raises `ValueError` when its id is taken."""
        if extension.id in self.core.extensions:
            raise ValueError(f"extension {extension.id!r} is added already")
        self.core.extensions[extension.id] = extension

    # -- serving ------------------------------------------------------------------------------------------------

    @property
    def accept(self) -> Accept:
        """How a transport gets the protocol's end of a new connection. The server must be `running`."""
        return accept_with(self.core)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[ToolServer[StateT]]:
        """Run the lifespan and the tasks. Transports may enter it at once: the first opens it, the last closes it.

        Raises `StoreRefused` and `StoreUnavailable` when the tasks' store cannot be opened.
        """
        self._users += 1
        try:
            if self._users == 1:
                self.core.changes.attach()
                await self._start()
            yield self
        finally:
            self._users -= 1
            if self._users == 0 and self._running is not None:
                closing, self._running = self._running, None
                await closing.aclose()
                self.core.state = None

    async def _start(self) -> None:
        async with AsyncExitStack() as stack:
            if self._lifespan is not None:
                self.core.state = await stack.enter_async_context(self._lifespan(self))
            stack.push_async_callback(self._close_tasks)
            if self._store is not None or self._tasks is not None:
                await self._engine().start()
            self._running = stack.pop_all()

    def _engine(self) -> TaskEngine:
        if self._tasks is None:
            from wireproof.mcp_tools.tasks.engine import TaskEngine

            self._tasks = TaskEngine(self.core, self._store)
        return self._tasks

    async def _close_tasks(self) -> None:
        if self._tasks is not None:
            await self._tasks.aclose()

    async def serve_stdio(self, *, descriptors: tuple[int, int] | None = None) -> None:
        """Serve on this process's stdin and stdout until the host closes them or a signal comes."""
        from wireproof.transports.stdio import serve_stdio

        async with self.running():
            await serve_stdio(self.accept, limits=self.limits, descriptors=descriptors)

    async def serve_unix(self, path: str | PathLike[str]) -> None:
        """Serve newline-delimited JSON on a Unix socket until a signal comes. Raises `OSError`.

        Only this user may connect; see `wireproof.transports.sockets`.
        """
        from wireproof.transports.serve import until_signal
        from wireproof.transports.sockets import listening_unix

        async with self.running(), listening_unix(self.accept, path, limits=self.limits):
            await until_signal()

    async def serve_tcp(self, port: int, *, host: str = "127.0.0.1", remote: bool = False) -> None:
        """Serve newline-delimited JSON on a TCP port until a signal comes. Raises `ValueError`, `OSError`.

        Whoever reaches the port may call: a host that is not loopback needs `remote=True`.
        """
        from wireproof.transports.serve import until_signal
        from wireproof.transports.sockets import listening_tcp

        async with self.running(), listening_tcp(self.accept, host=host, port=port, remote=remote, limits=self.limits):
            await until_signal()

    def run(self) -> None:
        """Serve on stdio; the last line of a script that a host spawns."""
        import asyncio

        asyncio.run(self.serve_stdio())

    def asgi(self, options: ServeOptions | None = None) -> ASGIApp:
        """An ASGI application with `/mcp`, `/sse` and `/ws`; mount it anywhere, it needs no lifespan of its host."""
        from wireproof.mcp_tools.asgi import make_asgi

        return make_asgi(self, options)
