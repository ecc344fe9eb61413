"""Agents and requests that the tests of the operations share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from itertools import count
from typing import Any

from wireproof.a2a import A2AError, Agent, Caller, Turn
from wireproof.a2a.core import Core
from wireproof.schemas.caller import Principal

ME = Caller(Principal("me", issuer="test"))
OTHER = Caller(Principal("other", issuer="test"))
ELSEWHERE = ME._replace(tenant="elsewhere")
_NUMBERS = count()


def request(text: str = "go", *, message_id: str = "", configuration: Any = None, **message: Any) -> dict[str, Any]:
    """A SendMessageRequest with a fresh message id."""
    made: dict[str, Any] = {
        "message": {
            "messageId": message_id or f"message-{next(_NUMBERS)}",
            "role": "ROLE_USER",
            "parts": [{"text": text}],
            **message,
        }
    }
    if configuration is not None:
        made["configuration"] = configuration
    return made


class Stage:
    """Lets a skill wait until the test says go."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def wait(self) -> None:
        self.reached.set()
        await self.go.wait()


def agent(**options: Any) -> Agent:
    """Asks when told to ask, fails when told to fail, and else takes two steps."""
    made = Agent("Worker", **options)

    @made.skill(tags=["test"])
    async def work(turn: Turn) -> AsyncGenerator[Any, None]:
        """Work."""
        yield turn.status("one")
        if turn.text == "ask":
            day = await turn.ask("Which day?")
            yield turn.artifact(text=f"on {day}")
        elif turn.text == "authorize":
            await turn.authorize("Sign in")
            yield turn.artifact(text="signed in")
        elif turn.text == "crash":
            raise RuntimeError("a secret of the author")
        elif turn.text == "reject":
            yield turn.reject("not this")
        elif turn.text == "fail":
            yield turn.fail("it broke")
        else:
            yield turn.artifact(text="two")

    @made.skill(tags=["test"])
    async def echo(text: str) -> str:
        """Answer with a message."""
        return f"echo {text}"

    return made


def staged(stage: Stage, **options: Any) -> Agent:
    """Works, waits for the stage, and ends."""
    made = Agent("Staged", **options)

    @made.skill(tags=["test"])
    async def work(turn: Turn) -> AsyncGenerator[Any, None]:
        """Work."""
        yield turn.status("before")
        await stage.wait()
        yield turn.status("after")

    return made


async def send(core: Core, text: str = "go", caller: Caller = ME, **given: Any) -> dict[str, Any]:
    """The task that a message makes or continues."""
    answer: dict[str, Any] = await core.call("SendMessage", request(text, **given), caller)
    task: dict[str, Any] = answer["task"]
    return task


async def collect(events: AsyncGenerator[dict[str, Any], None]) -> list[dict[str, Any]]:
    """All of a stream."""
    return [event async for event in events]


def states(events: list[dict[str, Any]]) -> list[str]:
    """What each event tells: a state, or the kind of event."""
    return [_state(event) for event in events]


def _state(event: dict[str, Any]) -> str:
    ((name, value),) = event.items()
    if name in ("task", "statusUpdate"):
        return str(value["status"]["state"]).removeprefix("TASK_STATE_")
    return str(name)


def state(task: dict[str, Any]) -> str:
    """The state of a task, in short."""
    return str(task["status"]["state"]).removeprefix("TASK_STATE_")


def texts(messages: list[dict[str, Any]]) -> list[str]:
    """The first texts of messages or artifacts."""
    return [message["parts"][0]["text"] for message in messages]


async def refused(call: Callable[[], Any]) -> A2AError:
    """The error that a call is answered with."""
    try:
        value = await call()
    except A2AError as error:
        return error
    raise AssertionError(f"answered {value!r}")
