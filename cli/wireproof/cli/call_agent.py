"""`wireproof call` for an agent: its answer as it comes, its questions to the user, an exit code at the end."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from wireproof.cli.a2a_show import FAILED, OK, Printer

if TYPE_CHECKING:
    import argparse

    from wireproof.a2a.client import Event, RemoteAgent

_OF_TOOLS: Final = ("/mcp", "/sse", "/ws")
_AGENT: Final = re.compile(r"^\s*(?:from|import) wireproof\.a2a\b", re.MULTILINE)
_SERVER: Final = re.compile(r"\bToolServer\b")
INPUT_REQUIRED: Final = 6
"""The exit code when the agent asks and nobody is there to answer."""


async def is_agent(target: str) -> bool:
    """Whether the target is an agent: a file that holds one, a card, or a URL where a card is found."""
    if target.startswith(("grpc://", "grpcs://")) or target.endswith(".json"):
        return True
    if target.endswith(".py"):
        return await asyncio.to_thread(_holds_agent, Path(target))
    if not target.startswith(("http://", "https://")) or urlsplit(target).path.rstrip("/").endswith(_OF_TOOLS):
        return False
    from wireproof.a2a.client import CardCache, CardInvalid, ClientError
    from wireproof.a2a.client.discovery import fetch_card
    from wireproof.a2a.client.http import HTTPSettings

    try:
        await fetch_card(target, HTTPSettings(headers={}), CardCache())
    except CardInvalid:
        return True
    except ClientError:
        return False
    return True


def _holds_agent(file: Path) -> bool:
    if not file.is_file():
        return False
    text = file.read_text(encoding="utf-8", errors="replace")
    return bool(_AGENT.search(text)) and not _SERVER.search(text)


async def call_agent(options: argparse.Namespace) -> int:
    """Send the words, show what comes, ask the user what the agent asks.

    Exit codes: 0 done, 1 the task failed, 6 the agent asks and nobody can answer; others as for the agent verbs.
    """
    from wireproof.a2a.client import ClientError, connect

    printer = Printer(as_json=options.output == "json", reference=options.target)
    target = options.target if not options.target.endswith(".py") else Path(options.target)
    try:
        async with connect(target, timeout_s=options.timeout) as agent:
            return await _converse(agent, " ".join(options.words), printer)
    except ClientError as error:
        return printer.failure(error)


async def _converse(agent: RemoteAgent, text: str, printer: Printer) -> int:
    task_id = ""
    while True:
        last: Event | None = None
        async with aclosing(agent.stream(text, task_id=task_id)) as events:
            async for event in events:
                _show(event, printer)
                last = event
        state = getattr(last, "state", "TASK_STATE_COMPLETED")
        if state != "TASK_STATE_INPUT_REQUIRED" or last is None:
            return OK if state == "TASK_STATE_COMPLETED" else FAILED
        task_id = str(getattr(last, "task_id", "") or getattr(last, "id", ""))
        answer = await asyncio.to_thread(_read_answer, printer.note)
        if answer is None:
            printer.note(f'to answer: wireproof send -a {sys.argv[2]} --task-id {task_id} "<reply>"')
            return INPUT_REQUIRED
        text = answer


def _show(event: Event, printer: Printer) -> None:
    """Texts as they are said; everything with -o json."""
    from wireproof.a2a.client import ArtifactUpdate, Message, StatusUpdate

    if printer.as_json:
        printer.event(event)
    elif isinstance(event, StatusUpdate):
        if event.text:
            printer.note(event.text)
    elif isinstance(event, ArtifactUpdate):
        printer.parts(event.artifact.wire.get("parts", ()))
    elif isinstance(event, Message):
        printer.parts(event.wire.get("parts", ()))


def _read_answer(note: Callable[[str], None]) -> str | None:
    """A line of the user; None when there is nobody."""
    if sys.stdin.isatty():
        note("> ")
    line = sys.stdin.readline()
    return line.rstrip("\n") if line else None
