"""An agent with one skill for each thing that a binding has to carry; served by the tests in a process of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Any

import anyio

from wireproof.a2a import Agent, Caller, ExtensionOption, File, Turn

REQUIRED = "https://example.com/extensions/required"


def _extended(_caller: Caller, card: dict[str, Any]) -> dict[str, Any]:
    return {**card, "description": "What only callers with a name may read."}


def _screen(url: str) -> str | None:
    return None if url.startswith("https://") else "must be https"


agent = Agent(
    "Conversationalist",
    description="Says and does what tests need.",
    extensions=[ExtensionOption(uri=REQUIRED, required=True)] if os.environ.get("INSISTS") else (),
    extended_card=_extended if os.environ.get("EXTENDED") else None,
    push=not os.environ.get("NO_PUSH"),
    push_screen=_screen,
    input_modes=("text/plain", "application/json", "application/octet-stream"),
)


@agent.skill
async def work(turn: Turn) -> AsyncGenerator[Any, None]:
    """Work with one artifact of every kind of part."""
    yield turn.status("working on it")
    yield turn.artifact(text=f"done: {turn.text}", id="said")
    yield turn.artifact(data={"whole": 3, "half": 0.5, "none": None, "list": [1, {"a": True}]}, id="n", name="numbers")
    content = b"text" if os.environ.get("PLAIN_FILE") else b"\x00\x01\xff"
    yield turn.artifact(file=File(data=content, name="three.bin", media_type="application/x-three"), id="f")


@agent.skill
def echo(text: str) -> str:
    """Answer with a message."""
    return f"echo: {text}"


@agent.skill
async def ask(turn: Turn) -> AsyncGenerator[Any, None]:
    """Ask once."""
    answer = await turn.ask("Which day?")
    yield turn.artifact(text=f"on {answer}", id="answer")


@agent.skill
async def wait(turn: Turn) -> AsyncGenerator[Any, None]:
    """Wait until the task is canceled."""
    yield turn.status("waiting")
    await anyio.sleep_forever()


@agent.skill
async def crash(turn: Turn) -> str:
    """Fail with a secret in the message."""
    raise RuntimeError("the password is hunter2")
