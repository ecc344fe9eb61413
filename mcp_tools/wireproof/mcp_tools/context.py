"""`Context`: what a tool, resource or prompt may do besides returning: report, log, ask, know its caller.

A parameter annotated `Context` receives it; the schema never shows it. One object lives for one call.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast

from wireproof.mcp_tools.asking import Answers, Question, for_revision, require
from wireproof.mcp_tools.elicitation import Elicited, Form, read_elicited
from wireproof.mcp_tools.facts import LOG_LEVELS, Facts
from wireproof.schemas.caller import Principal
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, RequestId, encode_notification, is_array, is_object
from wireproof.transports.exchange import Headers, LineClosed, Outlet

if TYPE_CHECKING:
    from wireproof.mcp_tools.elicitation import Fields

log = logging.getLogger("wireproof.mcp_tools")

StateT = TypeVar("StateT")
T = TypeVar("T")
Level = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


class Context(Generic[StateT]):
    """One call. `Context[State]` types what the server's lifespan made, as `context.state`."""

    __slots__ = ("_answers", "_last_progress", "_loop", "_out", "_token", "facts", "request_id", "state")

    def __init__(
        self, facts: Facts, out: Outlet, request_id: RequestId, token: RequestId | None, answers: Answers, state: StateT
    ) -> None:
        self.facts: Final = facts
        """Who calls, in which revision, with which capabilities."""
        self.request_id: Final = request_id
        self.state: Final = state
        """What the server's lifespan yielded; None without one."""
        self._out: Final = out
        self._token: Final = token
        self._answers: Final = answers
        self._last_progress: float | None = None
        self._loop: Final = asyncio.get_running_loop()

    @property
    def principal(self) -> Principal:
        """The verified caller."""
        return self.facts.principal

    @property
    def headers(self) -> Headers:
        """The HTTP header fields of the request; empty on other transports. Never trust them for identity."""
        return self.facts.headers

    def supports(self, *capability: str) -> bool:
        """True when the client declared the capability, e.g. `supports("sampling")`."""
        return self.facts.supports(*capability)

    async def progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Report progress; does nothing when the client gave no token. A value that does not rise is not sent.

        Spec: 2026-07-28 basic/patterns/progress.
        """
        if self._token is None or (self._last_progress is not None and progress <= self._last_progress):
            return
        self._last_progress = progress
        params: JSONObject = {"progressToken": self._token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message is not None:
            params["message"] = message
        await self._notify("notifications/progress", params)

    async def log(self, level: Level, data: JSONValue, *, logger: str | None = None) -> None:
        """Send a log message to the client, if it wants that level. Never put secrets in it.

        Spec: 2026-07-28 server/utilities/logging (deprecated there; prefer the standard `logging` module).
        """
        if LOG_LEVELS.index(level) < self.facts.log_level:
            return
        params: JSONObject = {"level": level, "data": data}
        if logger is not None:
            params["logger"] = logger
        await self._notify("notifications/message", params)

    async def elicit(self, message: str, fields: Fields, *, key: str | None = None) -> Elicited[Any]:
        """Ask the user to fill in a form.

        `fields` is a type whose fields are strings, numbers, booleans or enums (a pydantic model, dataclass or
        TypedDict), or a raw JSON Schema. `key` names the question across retries; without it the order does.
        Returns the action and, when accepted, the validated data. Never ask for secrets this way.

        Raises `MissingClientCapability` or `ToolError` when the client cannot be asked.
        Spec: 2026-07-28 client/elicitation.
        """
        form = Form.of(fields)
        params = {"mode": "form", "message": message, "requestedSchema": form.schema}
        question = Question("elicitation/create", params)
        key = self._answers.name(question, key)  # taken once: it may be asked again
        answer = await self._ask(question, key)
        elicited = read_elicited(answer, form)
        if elicited is None:  # it does not fit the form: ask once more rather than fail
            return await self._elicit_again(question, key, form)
        return elicited

    async def elicit_url(self, message: str, url: str, *, key: str | None = None) -> Elicited[None]:
        """Ask the user to open a URL, for what must not pass through the client (credentials, payment).

        `accept` means that the user agreed to open it, not that anything is done there.
        Spec: 2026-07-28 client/elicitation#url-mode.
        """
        question = Question("elicitation/create", {"mode": "url", "message": message, "url": url})
        answer = await self._ask(question, key)
        return Elicited(cast("Any", answer.get("action")), None)

    async def sample(
        self,
        messages: str | Sequence[Mapping[str, JSONValue]],
        *,
        max_tokens: int = 1024,
        key: str | None = None,
        **options: JSONValue,
    ) -> JSONObject:
        """Ask the client's model. `messages` is one user text, or SamplingMessages. Returns the CreateMessageResult.

        `options` are further CreateMessageRequest params by their wire names, e.g. `systemPrompt`, `tools`.
        Spec: 2026-07-28 client/sampling (deprecated there).
        """
        if isinstance(messages, str):
            messages = [{"role": "user", "content": {"type": "text", "text": messages}}]
        params = {"messages": [dict(message) for message in messages], "maxTokens": max_tokens, **options}
        return await self._ask(Question("sampling/createMessage", params), key)

    async def roots(self, *, key: str | None = None) -> list[JSONObject]:
        """The client's root directories as `{"uri": …, "name": …}`. Spec: 2026-07-28 client/roots (deprecated)."""
        answer = await self._ask(Question("roots/list", {}), key)
        roots: JSONValue = answer.get("roots")
        return [root for root in roots if is_object(root)] if is_array(roots) else []

    @property
    def task_id(self) -> str | None:
        """The id of the task that this code runs in; None in an ordinary call."""
        return None

    @property
    def attempt(self) -> int:
        """1 for the first start of a task, higher when it is run again after a crash or a failure."""
        return 1

    async def become_task(self) -> None:
        """Make a task of this call, where the client can follow one; then, or elsewhere, it simply goes on.

        For tools with `task=TaskOptions(deferred=True)`. The function is left here and started again inside the task
        with the answers that it has so far, so do nothing before it that may not happen twice.
        Spec: SEP-2663, multi round-trip requests before a task.
        """

    async def step(self, name: str, run: Callable[[str], Awaitable[T]]) -> T:
        """Do something once in a task's life: its JSON result is recorded, and given back when the task is run again.

        `run` gets an idempotency key, the same in every attempt, to hand to the outside service. An ordinary call keeps
        its steps while it asks the client: in 2026-07-28 the function runs again with each answer.
        """
        steps = self._answers.steps
        if name not in steps:
            steps[name] = cast("JSONValue", await run(f"{secrets.token_urlsafe(16)}/{name}"))
        return cast("T", steps[name])

    def wait(self, awaitable: Awaitable[T]) -> T:
        """Await from a synchronous function, which runs in a worker thread: `context.wait(context.progress(1))`."""

        async def run() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def release_stream(self, *, retry_ms: int = 1000) -> None:
        """Let an HTTP client of 2025-11-25 go and fetch the rest later (`Last-Event-ID`); else does nothing."""
        release = getattr(self._out, "release", None)
        if release is not None and not self.facts.modern:
            await release(retry_ms)

    async def _elicit_again(self, question: Question, key: str | None, form: Form) -> Elicited[Any]:
        answer = await self._ask(question, key, again=True)
        elicited = read_elicited(answer, form)
        return elicited if elicited is not None else Elicited("cancel", None)

    async def _ask(self, question: Question, key: str | None, *, again: bool = False) -> JSONObject:
        require(self.facts, question)
        return await self._answers.ask(question, key=key, again=again)

    async def _notify(self, method: str, params: JSONObject) -> None:
        try:
            await self._out.send(encode_notification(method, params))
        except LineClosed:  # the cancellation of this call is under way
            log.debug("a notification found its stream closed")


def live(question: Question, facts: Facts) -> tuple[str, JSONObject | None]:
    """The method and params of a question sent as a request of a session revision."""
    params = for_revision(question, facts.revision)
    return question.method, params or None
