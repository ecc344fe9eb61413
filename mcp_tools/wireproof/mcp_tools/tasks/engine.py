"""The tasks of one tool server: its store and runner, and every way to read and change a task of a caller.

Knows records and callers; knows neither era. Spec: SEP-2663, security considerations (auth binding).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, aclosing, contextmanager
from typing import TYPE_CHECKING, Final

from wireproof.auth.sealing import WeakSecret
from wireproof.mcp_tools.call import Call
from wireproof.mcp_tools.errors import InvalidRequest, ProtocolError
from wireproof.mcp_tools.tasks.fanout import Fanout
from wireproof.mcp_tools.tasks.places import default_file, file_url
from wireproof.mcp_tools.tasks.stored import store_call
from wireproof.mcp_tools.tasks.wire import not_found
from wireproof.mcp_tools.tasks.work import Work
from wireproof.mcp_tools.tool import Tool
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.tasks import (
    Change,
    EventsExpired,
    Filter,
    NewTask,
    Page,
    PageToken,
    Scope,
    Status,
    Store,
    StoreRefused,
    StoreUnavailable,
    TaskEnded,
    TaskNotFound,
    TaskRecord,
    VersionConflict,
    new_task_id,
)
from wireproof.tasks.life import is_task_id
from wireproof.tasks.opening import open_store
from wireproof.tasks.runner import Runner, RunnerOptions

if TYPE_CHECKING:
    from wireproof.mcp_tools.core import Core

log = logging.getLogger("wireproof.mcp_tools")

Teller = Callable[[str, JSONObject], Awaitable[None]]
_TRIES: Final = 100
_AWAY_S: Final = 1.0
_OWNERS_COUNTED: Final = 10_000
_UNFINISHED: Final = frozenset(status for status in Status if not status.is_terminal)


class TaskEngine:
    """Made with the server, opened with it or with its first task; `aclose` gives unfinished tasks back to the store.

    `store` is an address (`sqlite:///file`, `postgresql://…`, `redis://…`, `memory://`), an open `Store` that stays
    the giver's, or None for the user's own file.
    """

    def __init__(self, core: Core, store: str | Store | None) -> None:
        self.core: Final = core
        self.family: Final = f"mcp.tool/{core.info['name']}"
        """The kind of this server's tasks, and the context that sets them apart in a shared store."""
        self.tellers: Final[dict[str, Teller]] = {}
        """How to notify the session that made a task, while it is connected to this process."""
        self._given = store
        self._work: Final = Work(self)
        self._lock = asyncio.Lock()
        self._made: dict[str, int] = {}
        self._open: AsyncExitStack | None = None
        self._store: Store | None = None
        self._runner: Runner | None = None

    # -- opening ------------------------------------------------------------------------------------------------

    def use(self, store: str | Store) -> None:
        """Keep the tasks there, from the next opening on."""
        self._given = store

    async def start(self) -> None:
        """Open what may hold unfinished tasks; a server that never made one opens nothing.

        Raises `StoreRefused` and `StoreUnavailable`.
        """
        if self._given is not None or _exists(str(self.core.info["name"])):
            await self.ensure()

    async def ensure(self) -> Store:
        """The open store. Raises `StoreRefused` and `StoreUnavailable`."""
        if self._store is None:
            async with self._lock:
                if self._store is None:
                    await self._enter()
        assert self._store is not None
        return self._store

    async def aclose(self) -> None:
        """Stop running tasks and close the store; both can be opened again."""
        opened, self._open = self._open, None
        self._store = self._runner = None
        self._lock = asyncio.Lock()  # the next opening may be in another event loop
        if opened is not None:
            await opened.aclose()

    async def _enter(self) -> None:
        async with AsyncExitStack() as stack:
            store = await self._find(stack)
            if store.shared and self._is_alone(store):
                raise StoreRefused(
                    store.engine,
                    "several replicas can share it, but the sealing keys of this server are random for this process. "
                    "Give all replicas the same secrets: ToolServer(keyring=Keyring.from_file(…)), or the variable "
                    "WIREPROOF_KEYRING with at least 32 random characters",
                )
            options = RunnerOptions(workers=self.core.settings.task_workers, drain=1.0)
            if self._given is not None and store.durable:
                await stack.enter_async_context(Fanout(self.core.changes, store, f"{self.family}/changes"))
            self._runner = await stack.enter_async_context(Runner(store, self._work.kinds(), options))
            self._store = store
            self._open = stack.pop_all()

    def _is_alone(self, store: Store) -> bool:
        """True when no other process can open what this one seals."""
        try:
            return self.core.keyring.is_random
        except WeakSecret as weak:
            raise StoreRefused(store.engine, f"the sealing keys for its replicas are no good: {weak}") from None

    async def _find(self, stack: AsyncExitStack) -> Store:
        if self._given is not None and not isinstance(self._given, str):
            return self._given
        if self._given is not None:
            return await stack.enter_async_context(open_store(self._given))
        try:
            path = default_file(str(self.core.info["name"]))
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return await stack.enter_async_context(open_store(file_url(path)))
        except (OSError, RuntimeError) as failure:
            log.warning("no place for a file of tasks (%s): they will end with this process; name a store", failure)
            return await stack.enter_async_context(open_store("memory://"))

    # -- making -------------------------------------------------------------------------------------------------

    async def create(self, call: Call, tool: Tool, given: dict[str, JSONObject], ttl_s: float | None) -> TaskRecord:
        """Make a task of a call; durable when this returns.

        Raises `ProtocolError` when the store is away, or the caller has too many unfinished tasks.
        """
        assert tool.task is not None
        with told():
            store = await self.ensure()
            await self._make_room(store, call.facts.principal)
            kind = self._work.kind_of(tool)
            if self._runner is not None:
                self._runner.serve(kind)
            new = NewTask(
                kind=kind.name,
                name=tool.name,
                id=new_task_id(),
                context_id=self.family,
                status=Status.WORKING,
                input=store_call(call, given, tool.task.poll_s),
                ttl=ttl_s,
            )
            return (await store.create(Scope.of(call.facts.principal), new)).record

    async def _make_room(self, store: Store, owner: Principal) -> None:
        most = self.core.settings.max_tasks
        made = self._made.get(owner.key, 0)
        if made >= most:
            where = Filter(context_id=self.family, statuses=_UNFINISHED)
            made = (await store.list_tasks(Scope.of(owner), where, page_size=1)).total
            if made >= most:
                raise InvalidRequest(f"Invalid request: {most} tasks are unfinished already; end one first")
        if len(self._made) >= _OWNERS_COUNTED:
            self._made.clear()
        self._made[owner.key] = made + 1

    # -- reading ------------------------------------------------------------------------------------------------

    async def read(self, owner: Principal, task_id: JSONValue) -> TaskRecord:
        """A task of that caller. Raises `InvalidParams`, the same for an id that is absent, another's or no id."""
        if not isinstance(task_id, str) or not is_task_id(task_id):
            raise not_found()
        with told():
            record = await (await self.ensure()).get(Scope.of(owner), task_id)
        if record.context_id != self.family or (record.expires_at is not None and record.expires_at <= time.time()):
            raise not_found()
        return record

    async def page(self, owner: Principal, size: int, after: PageToken | None) -> Page:
        """A page of that caller's tasks, the newest status first."""
        with told():
            store = await self.ensure()
            return await store.list_tasks(Scope.of(owner), Filter(context_id=self.family), page_size=size, after=after)

    async def follow(self, owner: Principal, task_id: JSONValue) -> AsyncGenerator[TaskRecord, None]:
        """The task as it is, then as it becomes, newest state each time, until it has ended. Raises as `read`.

        A store that is away is waited for.
        """
        record = await self.read(owner, task_id)
        yield record
        while not record.is_terminal:
            try:
                store = await self.ensure()
                async with aclosing(store.tail(record.scope, record.id, after=record.version)) as events:
                    async for event in events:
                        if event.version > record.version:
                            record = await store.get(record.scope, record.id)
                            yield record
                            if record.is_terminal:
                                return
            except EventsExpired:
                record = await self.read(owner, task_id)
                yield record
            except StoreUnavailable:
                await asyncio.sleep(_AWAY_S)
            except TaskNotFound:
                raise not_found() from None

    # -- changing -----------------------------------------------------------------------------------------------

    async def answer(self, owner: Principal, task_id: JSONValue, answers: dict[str, JSONObject]) -> None:
        """Take answers; those to keys that are not outstanding, and those after the end, are ignored."""
        record = await self.read(owner, task_id)
        change = Change(answers=answers, nonce=new_task_id())
        for _ in range(_TRIES):
            if record.is_terminal or not any(key in record.pending for key in answers):
                return
            if await self._commit(record, change) is not None:
                return
            record = await self.read(owner, task_id)
        raise ProtocolError("Internal error: the task changes too fast; try again")

    async def ask_to_cancel(self, owner: Principal, task_id: JSONValue) -> None:
        """Tell the running code to stop; the task ends as cancelled when it has. An ended task stays as it is."""
        record = await self.read(owner, task_id)
        if not record.is_terminal:
            with told():
                await (await self.ensure()).request_cancel(record.scope, record.id)

    async def cancel(self, owner: Principal, task_id: JSONValue) -> TaskRecord | None:
        """End the task as cancelled, now; None when it had ended before."""
        change = Change(
            status=Status.CANCELED,
            reason="canceled",
            status_message="The task was cancelled by request.",
            nonce=new_task_id(),
        )
        for _ in range(_TRIES):
            record = await self.read(owner, task_id)
            if record.is_terminal:
                return None
            ended = await self._commit(record, change)
            if ended is not None:
                return ended
        raise ProtocolError("Internal error: the task changes too fast; try again")

    async def _commit(self, record: TaskRecord, change: Change) -> TaskRecord | None:
        """The record after the change; None when somebody was faster."""
        try:
            with told():
                store = await self.ensure()
                return (await store.commit(record.scope, record.id, change, expected_version=record.version)).record
        except (VersionConflict, TaskEnded):
            return None


@contextmanager
def told() -> Generator[None]:
    """Say what the store refuses in the protocol's words, without its details."""
    try:
        yield
    except TaskNotFound:
        raise not_found() from None
    except (StoreUnavailable, StoreRefused) as failure:
        log.error("%s", failure)
        raise ProtocolError("Internal error: the store of tasks is not available now; try again later") from None


def _exists(name: str) -> bool:
    try:
        return default_file(name).exists()
    except (OSError, RuntimeError):
        return False
