"""The agent's end of every binding: plain JSON operations over the task engine. Knows no wire.

`call` answers the unary operations, `stream` the two streaming ones. Documents are in the 1.0 spelling; bindings
translate. Every operation takes its caller; the caller's scope is part of every key, so that what is not yours is
exactly as absent as what never was. Spec: A2A 1.0 section 3.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from wireproof.a2a.caller import Caller
from wireproof.a2a.card import Identity, Interface, build
from wireproof.a2a.errors import A2AError, Kind, invalid, of_bad_message
from wireproof.a2a.listing import Listing
from wireproof.a2a.push_configs import PushConfigs
from wireproof.a2a.security import gate_of
from wireproof.a2a.sending import Sending
from wireproof.a2a.skill import Skill
from wireproof.a2a.tasks import TaskOperations
from wireproof.a2a.work import kind_of
from wireproof.auth.sealing import Keyring, WeakSecret
from wireproof.schemas.a2a.reading import BadMessage, read
from wireproof.schemas.a2a.tables import OPERATIONS
from wireproof.schemas.jsonrpc import JSONObject, JSONValue
from wireproof.tasks.errors import StoreBusy, StoreRefused, StoreUnavailable
from wireproof.tasks.opening import open_store
from wireproof.tasks.protocols import Store
from wireproof.tasks.runner import Runner, RunnerOptions

if TYPE_CHECKING:
    from wireproof.transports.http import Gate

ExtendedCard = Callable[[Caller, JSONObject], JSONObject | None]
"""Makes the extended card of a caller from the public one; None: there is none for this caller."""
Screen = Callable[[str], str | None]
"""Why a webhook's URL is refused; None when it may be called."""


KEYRING_VARIABLE: Final = "WIREPROOF_KEYRING"
"""The environment variable that holds the sealing keys of all replicas, newest first."""


class Core:
    """One agent at work. Enter it to open its store and start its workers; several bindings may enter it at once."""

    def __init__(
        self,
        identity: Identity,
        skills: Mapping[str, Skill],
        select: Callable[[JSONObject], str],
        *,
        store: str = "memory://",
        keyring: Keyring | None = None,
        extended: ExtendedCard | None = None,
        screen: Screen | None = None,
        loopback: bool = False,
        workers: int = 64,
    ) -> None:
        self.identity: Final = identity
        self.skills: Final = skills
        self.extended: Final = extended
        self.interfaces: tuple[Interface, ...] = ()
        self._select: Final = select
        self._url: Final = store
        self._keyring: Final = keyring
        self._screen: Final = screen
        self._loopback: Final = loopback
        self._workers: Final = workers
        self._store: Store | None = None
        self._open: AsyncExitStack | None = None
        self._users = 0
        self._starting = asyncio.Lock()
        self._unary: dict[str, Any] = {}
        self._sending: Sending | None = None
        self.offered: Final = frozenset(each.uri for each in identity.extensions)
        self._required: Final = frozenset(each.uri for each in identity.extensions if each.required)
        self._gate: Final = gate_of(identity.security_schemes, identity.security_requirements)

    # -- its life -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the store and start. Raises `StoreRefused`, `StoreUnavailable`."""
        self._users += 1
        async with self._starting:
            if self._open is None:
                try:
                    await self._start()
                except BaseException:
                    self._users -= 1
                    raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0 and self._open is not None:
            opened, self._open = self._open, None
            await opened.aclose()
            self._store = self._sending = None

    async def _start(self) -> None:
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(self._url))
            keyring = self._keyring or _keyring_for(store)
            if store.shared and keyring.is_random:
                raise StoreRefused(
                    store.engine,
                    f"several replicas need one keyring: give keyring=, or set {KEYRING_VARIABLE}",
                )
            kinds = [kind_of(skill) for skill in self.skills.values()]
            await stack.enter_async_context(Runner(store, kinds, RunnerOptions(workers=self._workers)))
            await self._start_pushing(stack, store)
            configs = PushConfigs(store, keyring, self._screen)
            tasks, listing = TaskOperations(store), Listing(store, keyring)
            self._sending = Sending(store, self.skills, self._select, self.identity, configs)
            self._tasks = tasks
            self._unary = {
                "SendMessage": self._sending.send,
                "GetTask": tasks.get,
                "ListTasks": listing.list_tasks,
                "CancelTask": tasks.cancel,
                "CreateTaskPushNotificationConfig": configs.create,
                "GetTaskPushNotificationConfig": configs.get,
                "ListTaskPushNotificationConfigs": configs.list_configs,
                "DeleteTaskPushNotificationConfig": configs.delete,
                "GetExtendedAgentCard": self._extended_card,
            }
            self._store = store
            self._open = stack.pop_all()

    async def _start_pushing(self, stack: AsyncExitStack, store: Store) -> None:
        if self._screen is None:
            return
        from wireproof.a2a.push import PushWorker

        await stack.enter_async_context(PushWorker(store, loopback=self._loopback))

    def gated(self, gate: Gate | None) -> Gate | None:
        """What lets callers in on a network: `gate`, or the declared security schemes.

        Raises `ValueError` when the card would promise schemes that nothing enforces.
        """
        found = gate or self._gate
        if found is None and self.identity.security_schemes:
            raise ValueError(
                f"the card of {self.identity.name!r} declares security schemes that nothing enforces: "
                "declare them by wireproof.a2a.security, or give a gate where the agent is served"
            )
        return found

    # -- operations ---------------------------------------------------------------------------------------------

    async def call(self, operation: str, params: JSONValue, caller: Caller) -> JSONValue:
        """Answer a unary operation. Raises `A2AError`."""
        run = self._unary.get(operation)
        if run is None:
            raise A2AError(Kind.METHOD_NOT_FOUND)
        request, caller = self._admitted(operation, params, caller)
        try:
            return await run(request, caller)
        except (StoreUnavailable, StoreBusy):
            raise A2AError(Kind.UNAVAILABLE) from None

    async def stream(self, operation: str, params: JSONValue, caller: Caller) -> AsyncGenerator[JSONObject, None]:
        """Answer a streaming operation with StreamResponses.

        Returns when the first one is sure to come: what is wrong with the request is raised here, as `A2AError`.
        Close the generator to end the stream; the task goes on.
        """
        if operation not in ("SendStreamingMessage", "SubscribeToTask") or self._sending is None:
            raise A2AError(Kind.METHOD_NOT_FOUND)
        request, caller = self._admitted(operation, params, caller)
        try:
            if operation == "SendStreamingMessage":
                return await self._sending.stream(request, caller)
            return await self._tasks.subscribe(request, caller)
        except (StoreUnavailable, StoreBusy):
            raise A2AError(Kind.UNAVAILABLE) from None

    def card(self, interfaces: Iterable[Interface] | None = None) -> JSONObject:
        """The public Agent Card."""
        given = self.interfaces if interfaces is None else interfaces
        return build(
            self.identity,
            self.skills.values(),
            given,
            push=self._screen is not None,
            extended=self.extended is not None,
        )

    def _admitted(self, operation: str, params: JSONValue, caller: Caller) -> tuple[JSONObject, Caller]:
        """The request in canonical form, and its caller in the tenant that the request names."""
        missing = self._required - caller.extensions
        if missing:
            raise A2AError(Kind.EXTENSION_REQUIRED, metadata={"extensions": ", ".join(sorted(missing))})
        try:
            request = read(OPERATIONS[operation].request, {} if params is None else params)
        except BadMessage as bad:
            raise of_bad_message(bad) from None
        tenant: str = request.get("tenant", "")
        if tenant and caller.tenant and tenant != caller.tenant:
            raise invalid("tenant", "differs from the one of the address")
        known = caller.extensions & self.offered
        if tenant or known != caller.extensions:
            caller = caller._replace(tenant=tenant or caller.tenant, extensions=known)
        return request, caller

    async def _extended_card(self, _request: JSONObject, caller: Caller) -> JSONValue:
        if self.extended is None:
            raise A2AError(Kind.UNSUPPORTED_OPERATION, "This agent has no extended card")
        if caller.principal.is_anonymous:
            raise A2AError(Kind.UNAUTHENTICATED)
        card = self.extended(caller, self.card())
        if card is None:
            raise A2AError(Kind.EXTENDED_CARD_NOT_CONFIGURED)
        return card


def _keyring_for(store: Store) -> Keyring:
    """The keys of the environment, which all replicas share, or keys of this process. Raises `StoreRefused`."""
    if KEYRING_VARIABLE not in os.environ:
        return Keyring.random()
    try:
        return Keyring.from_env(KEYRING_VARIABLE)
    except WeakSecret as weak:
        raise StoreRefused(store.engine, f"{KEYRING_VARIABLE}: {weak}") from None
