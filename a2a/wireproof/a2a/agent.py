"""An agent: skills on one task engine, ready for every binding.

agent = Agent("Trip planner", description="Plans trips.")

@agent.skill(tags=["travel"])
async def plan(turn: Turn):
    yield turn.status("Looking at trains")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack, overload

from wireproof.a2a.card import ExtensionOption, Identity, Interface
from wireproof.a2a.core import Core, ExtendedCard, Screen
from wireproof.a2a.security import Requirement, Scheme
from wireproof.a2a.skill import DEFAULT_MODES, Skill, SkillOptions, compile_skill
from wireproof.auth.sealing import Keyring
from wireproof.schemas.jsonrpc import JSONObject

if TYPE_CHECKING:
    from wireproof.a2a.bindings.http import HTTPOptions
    from wireproof.transports.http import Stoppable

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
Select = Callable[[JSONObject], str]


class Agent:
    """Skills under one name. Give it to `wireproof run`, or serve `agent.asgi()`."""

    def __init__(
        self,
        name: str,
        *,
        description: str = "",
        version: str = "1.0.0",
        provider: Mapping[str, str] | None = None,
        documentation_url: str | None = None,
        icon_url: str | None = None,
        input_modes: Sequence[str] = DEFAULT_MODES,
        output_modes: Sequence[str] = DEFAULT_MODES,
        extensions: Sequence[ExtensionOption] = (),
        security_schemes: Mapping[str, Scheme | JSONObject] | None = None,
        security_requirements: Sequence[Requirement] | None = None,
        store: str = "memory://",
        keyring: Keyring | None = None,
        select: Select | None = None,
        extended_card: ExtendedCard | None = None,
        push: bool = True,
        push_screen: Screen | None = None,
        workers: int = 64,
    ) -> None:
        """`store`: where tasks live, e.g. `sqlite:///tasks.db`. `select` names the skill for a message (the caller may
        name one by `metadata.skillId`; else it is the first). `extended_card` makes the card for callers who are known.
        `push` False: no push notifications. `push_screen` judges webhook URLs instead of the usual rules.
        `workers`: skills that run at once. `security_schemes` by name (see `wireproof.a2a.security`) are shown in the
        card and enforced on every network binding; a plain document is only shown, and needs a gate where the agent is
        served. `security_requirements` are alternatives; left out, each scheme alone is enough. Raises `ValueError`
        for a requirement of a scheme that is not there.
        """
        self.identity: Final = Identity(
            name=name,
            description=description or f"The agent {name}.",
            version=version,
            provider=provider,
            documentation_url=documentation_url,
            icon_url=icon_url,
            input_modes=input_modes,
            output_modes=output_modes,
            extensions=extensions,
            security_schemes=security_schemes or {},
            security_requirements=[{name: ()} for name in security_schemes or ()]
            if security_requirements is None
            else security_requirements,
        )
        self.skills: Final[dict[str, Skill]] = {}
        self._select: Final = select
        self._store = store
        self._keyring: Final = keyring
        self._extended: Final = extended_card
        self._push: Final = push
        self._screen: Final = push_screen
        self._loopback = False
        self._workers: Final = workers
        self._core: Core | None = None

    @property
    def name(self) -> str:
        """The agent's name."""
        return self.identity.name

    @overload
    def skill(self, function: FunctionT, /) -> FunctionT: ...
    @overload
    def skill(self, **options: Unpack[SkillOptions]) -> Callable[[FunctionT], FunctionT]: ...
    def skill(self, *function: Any, **options: Any) -> Any:
        """Register a skill: `@agent.skill`, or with options. The function stays what it was.

        A function with a `Turn` works on a task; a plain function answers with a message, unless `task=True`. An async
        generator yields its updates. Parameters beside the turn come from the message's data part, or a single string
        from its text. Raises `SignatureError`, and `ValueError` for an id that is taken.
        """

        def register(target: FunctionT) -> FunctionT:
            self.add_skill(target, **options)
            return target

        return register(function[0]) if function else register

    def add_skill(self, function: Callable[..., Any], **options: Unpack[SkillOptions]) -> Skill:
        """Register a skill without a decorator."""
        compiled = compile_skill(function, options)
        if compiled.id in self.skills:
            raise ValueError(f"there is a skill {compiled.id!r} already: give this one an id")
        self.skills[compiled.id] = compiled
        return compiled

    def use_store(self, url: str) -> None:
        """Keep the tasks there; before the agent is served."""
        if self._core is not None:
            raise RuntimeError("the agent is served already: give the store before")
        self._store = url

    def allow_loopback_webhooks(self) -> None:
        """Let webhooks be on this machine: for an agent that only this machine can reach. Before it is served."""
        self._loopback = True

    def _screen_of_webhooks(self) -> Screen | None:
        if not self._push:
            return None
        if self._screen is not None:
            return self._screen
        from wireproof.a2a.push import screen_url

        return partial(screen_url, loopback=self._loopback)

    @property
    def core(self) -> Core:
        """The operations; one for all bindings. Raises `ValueError` for an agent without a skill."""
        if self._core is None:
            if not self.skills:
                raise ValueError(f"the agent {self.name!r} has no skill: register one with @agent.skill")
            self._core = Core(
                self.identity,
                self.skills,
                self._selected,
                store=self._store,
                keyring=self._keyring,
                extended=self._extended,
                screen=self._screen_of_webhooks(),
                loopback=self._loopback,
                workers=self._workers,
            )
        return self._core

    def _selected(self, message: JSONObject) -> str:
        if self._select is not None:
            return self._select(message)
        return next(iter(self.skills))

    def card(self, *interfaces: Interface) -> JSONObject:
        """The public Agent Card with these interfaces."""
        return self.core.card(interfaces)

    def asgi(self, options: HTTPOptions | None = None) -> Stoppable:
        """The ASGI application: JSON-RPC, HTTP+JSON and the Agent Card on one port."""
        from wireproof.a2a.bindings.http import AgentApp, HTTPOptions

        return AgentApp(self.core, options or HTTPOptions())

    def run(self) -> None:
        """Serve on stdin and stdout until the peer ends its input."""
        import asyncio

        asyncio.run(self.serve_stdio())

    async def serve_stdio(self, *, descriptors: tuple[int, int] | None = None) -> None:
        """Serve the stdio binding; `descriptors` are the pipes instead of the process's own."""
        from wireproof.a2a.bindings.stdio import serve

        await serve(self.core, descriptors)
