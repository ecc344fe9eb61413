"""What the agent verbs do: connect by the card, do one operation, print it. Keeps nothing between two calls.

Spec: a2a-cli 0.2 sections 6.3, 8, 9, 10, 12.1, 13.
"""

from __future__ import annotations

import asyncio
import json
import logging
import mimetypes
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wireproof.a2a import File
from wireproof.a2a.client import CardInvalid, ClientError, DeadlineExceeded, Message, RemoteAgent, Task
from wireproof.cli.a2a_call import Call
from wireproof.cli.a2a_settings import DEFAULTS, SECRETS, SETTABLE, UsageError
from wireproof.cli.a2a_show import OK, USAGE, Printer
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    import argparse

_FOREVER_S: Final = 10.0**9


def run(work: str, options: argparse.Namespace) -> int:
    """Do one verb; gives the exit code."""
    try:
        call = Call(options)
    except UsageError as error:
        return Printer(as_json=getattr(options, "output", None) == "json").failure(error)
    if call.settings.is_on("debug"):
        logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format="%(name)s: %(message)s")
    verb: Callable[[Call], Awaitable[int]] = VERBS[work]
    try:
        return asyncio.run(verb(call))  # type: ignore[arg-type]
    except (UsageError, ClientError) as error:
        return call.printer.failure(error)
    except BrokenPipeError:  # whoever read us has enough
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return OK


# -- the verbs --------------------------------------------------------------------------------------------------


async def show_card(call: Call) -> int:
    """`card get`."""
    async with call.agent() as agent:
        card = await agent.extended_card() if call.options.extended else agent.card
    if call.options.validate:
        from wireproof.schemas.a2a.reading import BadMessage, read

        try:
            read("AgentCard", card)
        except BadMessage as bad:
            raise CardInvalid(str(bad)) from None
    printer = call.printer
    if printer.as_json:
        printer.document(card)
        return OK
    for label, name in (("Name", "name"), ("Description", "description"), ("Version", "version")):
        printer.field(label, card.get(name, ""))
    for interface in card["supportedInterfaces"]:
        version = interface.get("protocolVersion", "")
        printer.field("Interface", f"{interface['protocolBinding']} {version} {interface['url']}")
    capabilities: JSONObject = card.get("capabilities", {})
    printer.field("Capabilities", ", ".join(name for name, value in capabilities.items() if value is True) or "none")
    for name in card.get("securitySchemes", {}):
        printer.field("Security scheme", name)
    for skill in card.get("skills", ()):
        printer.field("Skill", f"{skill['id']} - {skill.get('description', '')}".replace("\n", " "))
    printer.field("Signatures", f"{len(card['signatures'])}, not verified" if card.get("signatures") else "none")
    return OK


async def send(call: Call) -> int:
    """`send`."""
    options, settings, printer = call.options, call.settings, call.printer
    parts = _parts(options)
    given: dict[str, Any] = {
        "task_id": settings.text("task_id"),
        "context_id": settings.text("context_id"),
        "metadata": _metadata(settings.text("metadata")),
        "skill": options.skill or "",
    }
    async with call.agent() as agent:
        if options.stream:
            async with aclosing(agent.stream(parts, **given)) as events:
                await _follow(call, events)
            return OK
        begun = await agent.send(parts, wait=False, history_length=options.history, **given)
        if isinstance(begun, Message):
            printer.message(begun.wire)
            return OK
        if settings.is_on("async") and not options.wait:
            printer.task(begun.wire, wrapped=True)
            return OK
        if not begun.has_ended and not begun.is_interrupted:
            printer.note(f"task {begun.id}")
            begun = await _awaited(call, agent, begun.id)
        printer.task(begun.wire, wrapped=True, history=bool(options.history))
    return OK


async def get_task(call: Call) -> int:
    """`task get`."""
    options = call.options
    async with call.agent() as agent:
        if options.wait:
            await _awaited(call, agent, options.task)
        task = await agent.task(options.task).get(history_length=options.history)
    call.printer.task(task.wire, history=bool(options.history))
    return OK


async def cancel_task(call: Call) -> int:
    """`task cancel`."""
    async with call.agent() as agent:
        task = await agent.task(call.options.task).cancel()
    call.printer.task(task.wire)
    return OK


async def subscribe(call: Call) -> int:
    """`task subscribe`."""
    async with call.agent() as agent:
        handle = agent.task(call.options.task)
        if call.printer.as_json and not call.options.stream:
            call.printer.task((await _awaited(call, agent, handle.id)).wire)
            return OK
        async with aclosing(handle.follow()) as events:
            await _follow(call, events)
    return OK


async def list_tasks(call: Call) -> int:
    """`task list`."""
    options = call.options
    given = {"contextId": options.context_id, "status": options.state, "pageToken": options.page_token}
    params: JSONObject = {name: value for name, value in given.items() if value}
    if options.page_size is not None:
        params["pageSize"] = options.page_size
    async with call.agent() as agent:
        page: JSONObject = await agent.operate("ListTasks", params)
    if call.printer.as_json:
        call.printer.document(page)
        return OK
    for task in page["tasks"]:
        status: JSONObject = task["status"]
        call.printer.field("Task", f"{task['id']} {status['state']} {status.get('timestamp', '')} {task['contextId']}")
    call.printer.field("Total", page.get("totalSize", len(page["tasks"])))
    call.printer.field("Next page token", page.get("nextPageToken", ""))
    return OK


async def download(call: Call) -> int:
    """`task download`: texts, data and files with bytes; a URL is named, not fetched."""
    folder = Path(call.options.dir)
    async with call.agent() as agent:
        task = await agent.task(call.options.task).get(history_length=0)
    saved = await asyncio.to_thread(_save, task, folder, force=call.options.force, note=call.printer.note)
    for path in saved if not call.printer.as_json else ():
        call.printer.field("Saved", path)
    if call.printer.as_json:
        call.printer.document({"saved": saved})
    return OK


async def create_webhook(call: Call) -> int:
    """`task push-config create`."""
    options = call.options
    async with call.agent() as agent:
        made = await agent.task(options.task).notify(
            options.url,
            token=options.token or "",
            scheme=options.auth_scheme or "",
            credentials=options.auth_credentials or "",
        )
    return _show_webhooks(call, [made.wire], one=True)


async def get_webhook(call: Call) -> int:
    """`task push-config get`."""
    async with call.agent() as agent:
        found = await agent.task(call.options.task).get_webhook(call.options.config_id)
    return _show_webhooks(call, [found.wire], one=True)


async def list_webhooks(call: Call) -> int:
    """`task push-config list`."""
    async with call.agent() as agent:
        found = await agent.task(call.options.task).list_webhooks()
    return _show_webhooks(call, [each.wire for each in found], one=False)


async def delete_webhook(call: Call) -> int:
    """`task push-config delete`."""
    async with call.agent() as agent:
        await agent.task(call.options.task).delete_webhook(call.options.config_id)
    if call.printer.as_json:
        call.printer.document({})
    else:
        call.printer.field("Deleted", call.options.config_id)
    return OK


async def show_config(call: Call) -> int:
    """`config show`."""
    found = {name: setting for name in SETTABLE if (setting := call.settings.find(name)) is not None}
    shown = {name: ("(set)" if name in SECRETS else each.value, each.source) for name, each in found.items()}
    if call.printer.as_json:
        call.printer.document({name: {"value": value, "source": source} for name, (value, source) in shown.items()})
        return OK
    for name, (value, source) in shown.items():
        call.printer.field(name.replace("_", "-"), f"{value} ({source})")
    return OK


async def login(call: Call) -> int:
    """`auth login`."""
    from wireproof.cli import a2a_login

    return await a2a_login.login(call)


async def logout(call: Call) -> int:
    """`auth logout`."""
    from wireproof.cli import a2a_login

    return await a2a_login.logout(call)


VERBS: Final[Mapping[str, Callable[[Call], Awaitable[int]]]] = {
    verb.__name__: verb
    for verb in (
        show_card,
        send,
        get_task,
        cancel_task,
        subscribe,
        list_tasks,
        download,
        create_webhook,
        get_webhook,
        list_webhooks,
        delete_webhook,
        show_config,
        login,
        logout,
    )
}


# -- their parts ------------------------------------------------------------------------------------------------


async def _follow(call: Call, events: AsyncGenerator[Any, None]) -> None:
    last: JSONObject | None = None
    try:
        async with asyncio.timeout(call.settings.seconds("timeout")):
            async for event in events:
                call.printer.event(event)
                last = event.wire
    except TimeoutError:
        raise DeadlineExceeded("the task goes on after --timeout") from None
    if last is not None and not call.printer.as_json and "artifact" in last:
        call.printer.field("Task ID", last["taskId"])
        call.printer.field("Context ID", last.get("contextId", ""))


async def _awaited(call: Call, agent: RemoteAgent, task_id: str) -> Task:
    """Poll until the task ends or waits for its caller. Raises `DeadlineExceeded`."""
    pause = max(0.05, call.settings.seconds("poll_interval") or 2.0)
    try:
        async with asyncio.timeout(call.settings.seconds("timeout")):
            if agent.can("streaming"):
                return await agent.task(task_id).wait()
            while True:
                task = await agent.task(task_id).get()
                if task.has_ended or task.is_interrupted:
                    return task
                await asyncio.sleep(pause)
    except TimeoutError:
        raise DeadlineExceeded(f"the task {task_id} goes on after --timeout") from None


def _parts(options: argparse.Namespace) -> list[JSONValue]:
    """The parts of a message, in the order of their flags. Raises `UsageError`."""
    flags: list[tuple[str, str, str]] = getattr(options, "parts", None) or []
    parts: list[JSONValue] = [] if options.message is None else [{"text": options.message}]
    parts += [_part(kind, value, media_type) for kind, value, media_type in flags]
    if not parts:
        raise UsageError("give a message: a text, --text, --file or --data")
    return parts


def _part(kind: str, value: str, media_type: str) -> JSONObject:
    typed: JSONObject = {"mediaType": media_type} if media_type else {}
    if kind == "text":
        return {"text": value, **typed}
    if kind == "file" and "://" in value:
        return {"url": value, **typed}
    try:
        data = sys.stdin.buffer.read() if value == "-" and kind == "data" else Path(value).read_bytes()
        if kind == "data":
            return {"data": json.loads(data), **typed}
    except OSError as error:
        raise UsageError(f"{value} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{value} holds no JSON: {error}") from None
    guessed = media_type or mimetypes.guess_type(value)[0]
    return File(data=data, name=Path(value).name, media_type=guessed).part()


def _metadata(text: str) -> JSONObject | None:
    if not text:
        return None
    try:
        found: JSONValue = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--metadata is no JSON: {error}") from None
    if not is_object(found):
        raise UsageError("--metadata is a JSON object")
    return found


def _save(task: Task, folder: Path, *, force: bool, note: Callable[[str], None]) -> list[str]:
    """Write what has bytes; gives the paths. Raises `UsageError`."""
    folder.mkdir(parents=True, exist_ok=True)
    saved: list[str] = []
    for artifact in task.artifacts:
        for index, part in enumerate(artifact.parts):
            content = _content(part)
            if content is None:
                note(f"not fetched: {part.url}")
                continue
            path = folder / _file_name(artifact.name or artifact.id, index, part)
            if path.exists() and not force:
                raise UsageError(f"{path} is there already: give --force to replace it")
            path.write_bytes(content)
            saved.append(str(path))
    return saved


def _content(part: Any) -> bytes | None:
    if part.text is not None:
        return str(part.text).encode()
    if part.has_data:
        return json.dumps(part.data, ensure_ascii=False, indent=2).encode()
    raw: bytes | None = part.raw
    return raw


def _file_name(artifact: str, index: int, part: Any) -> str:
    """A name in the folder and nowhere else, whatever the agent calls it."""
    given = Path(str(part.filename or "").replace("\\", "/")).name.strip(". ")
    if given:
        return given
    base = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in artifact)[:80] or "artifact"
    suffix = ".json" if part.has_data else ".txt" if part.text is not None else ""
    return f"{base}-{index}{suffix or mimetypes.guess_extension(part.media_type) or '.bin'}"


def _show_webhooks(call: Call, found: list[JSONObject], *, one: bool) -> int:
    if call.printer.as_json:
        call.printer.document(found[0] if one else {"configs": found})
        return OK
    for each in found:
        call.printer.field("Webhook", f"{each.get('id', '')} {each['url']}")
    return OK


__all__ = ["DEFAULTS", "USAGE", "run"]
