"""The tasks extension: creation, polling, updates, cancellation, and what an undeclared client gets."""

from __future__ import annotations

import asyncio
from datetime import datetime

from wireproof.conformance.checks.versions import must_refuse
from wireproof.conformance.ledger import MODERN
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.oracle import result_problem
from wireproof.conformance.probe.talk import Talk, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import Broken, NotHere, Unsure
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

AREA = "tasks"
EXTENSION = "io.modelcontextprotocol/tasks"
DECLARED: JSONObject = {"extensions": {EXTENSION: {}}}
STATES = {"working", "input_required", "completed", "failed", "cancelled"}
FINAL = {"completed", "failed", "cancelled"}
NEVER_ON_CREATE = {"result", "error", "inputRequests", "requestState", "task"}
NOTHING: JSONObject = {}
OTHERS: tuple[tuple[str, JSONObject], ...] = (("tasks/update", {"inputResponses": {}}), ("tasks/cancel", {}))
SHORTEST_ID = 16
"""Characters under which an id can be guessed by trying."""


def need_tasks(cell: Cell) -> None:
    """Raise `NotHere` unless the server declares the extension."""
    if EXTENSION not in as_object(cell.capabilities.get("extensions")):
        raise NotHere("The server does not declare the tasks extension.")


async def _create(cell: Cell, talk: Talk) -> tuple[JSONObject, JSONObject]:
    """The parameters of a call that became a task, and its result. Raises `NotHere` when no tool becomes one."""
    need_tasks(cell)
    known = cell.remembered.get("task-tool")
    tools = [known] if known else (await cell.callable_tools())[:40]
    for tool in tools:
        params = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        answer = await talk.request("tools/call", params, capabilities=DECLARED)
        result = as_object(as_object(answer.message).get("result"))
        if result.get("resultType") == "task" or "taskId" in result:
            cell.remembered["task-tool"] = tool
            return params, result
    raise NotHere("No callable tool becomes a task.")


async def _get(talk: Talk, id_: JSONValue) -> JSONObject:
    return (await talk.request("tasks/get", {"taskId": id_}, capabilities=DECLARED)).result


@check("tasks.create.type", shows=["mcp.tasks.create.result-type"], area=AREA, revisions=MODERN)
async def a_created_task_has_the_result_type_task(cell: Cell) -> None:
    _, result = await _create(cell, await cell.talk())
    if result.get("resultType") != "task":
        raise Broken(f"A created task has the resultType {short(result.get('resultType'))}: {short(result)}")


@check("tasks.create.shape", shows=["mcp.tasks.create.shape"], area=AREA, revisions=MODERN)
async def a_created_task_is_flat_and_complete(cell: Cell) -> None:
    _, result = await _create(cell, await cell.talk())
    extra = sorted(NEVER_ON_CREATE & set(result))
    if extra:
        raise Broken(f"A created task has the member {extra[0]!r}: {short(result)}")
    if not isinstance(result.get("taskId"), str) or result.get("status") not in STATES:
        raise Broken(f"A created task needs an id and a status: {short(result)}")
    for name in ("createdAt", "lastUpdatedAt"):
        _need_time(result.get(name), name)
    ttl = result.get("ttlMs", 0)
    if ttl is not None and (not isinstance(ttl, int) or ttl <= 0):
        raise Broken(f"ttlMs is {short(ttl)}, neither null nor a positive integer.")


def _need_time(value: JSONValue, name: str) -> None:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise Broken(f"{name} is no ISO 8601 time: {short(value)}") from None


@check("tasks.create.durable", shows=["mcp.tasks.create.durable"], area=AREA, revisions=MODERN)
async def a_created_task_is_found_at_once(cell: Cell) -> None:
    talk = await cell.talk()
    _, result = await _create(cell, talk)
    answer = await talk.request("tasks/get", {"taskId": _id(result)}, capabilities=DECLARED)
    if answer.error is not None or answer.message is None:
        raise Broken(f"tasks/get right after the creation was answered with {answer.describe()}")


def _id(result: JSONObject) -> JSONValue:
    if not isinstance(result.get("taskId"), str):
        raise Unsure(f"The created task has no taskId: {short(result)}")
    return result["taskId"]


@check("tasks.undeclared", shows=["mcp.tasks.undeclared", "mcp.tasks.needed"], area=AREA, revisions=MODERN)
async def a_client_that_declared_nothing_never_gets_a_task(cell: Cell) -> None:
    need_tasks(cell)
    talk = await cell.talk()
    for tool in (await cell.callable_tools())[:40]:
        params = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        answer = await talk.request("tools/call", params, timeout=3)
        result = as_object(as_object(answer.message).get("result"))
        if result.get("resultType") == "task" or "taskId" in result:
            raise Broken(f"{tool['name']} gave a task to a client that did not declare the extension: {short(result)}")
        needed = as_object(as_object(as_object(answer.error).get("data")).get("requiredCapabilities"))
        if answer.code == -32021 and not needed:
            raise Broken(f"{tool['name']} was refused with -32021 that names no capability: {answer.describe()}")


@check("tasks.get", shows=["mcp.tasks.get.result-type"], area=AREA, revisions=MODERN)
async def tasks_get_is_a_complete_result(cell: Cell) -> None:
    talk = await cell.talk()
    _, created = await _create(cell, talk)
    result = await _get(talk, _id(created))
    if result.get("resultType") != "complete":
        raise Broken(f"tasks/get has the resultType {short(result.get('resultType'))}, not complete.")


@check("tasks.states", shows=["mcp.tasks.get.states", "mcp.tasks.status.names"], area=AREA, revisions=MODERN, limit=20)
async def a_task_tells_its_status_and_what_belongs_to_it(cell: Cell) -> None:
    talk = await cell.talk()
    _, created = await _create(cell, talk)
    for _ in range(60):
        task = await _get(talk, _id(created))
        status = task.get("status")
        if status not in STATES:
            raise Broken(f"A task has the status {short(status)}.")
        if status == "input_required":
            if not task.get("inputRequests"):
                raise Broken(f"A task that requires input has no inputRequests: {short(task)}")
            await talk.request("tasks/cancel", {"taskId": _id(created)}, capabilities=DECLARED)
            return
        if status in FINAL:
            await _final(cell, talk, task)
            return
        await asyncio.sleep(0.1)
    raise Unsure("The task did not end within 6 s.")


async def _final(cell: Cell, talk: Talk, task: JSONObject) -> None:
    if task["status"] == "completed":
        result = task.get("result")
        if not is_object(result):
            raise Broken(f"A completed task has no result: {short(task)}")
        problem = result_problem("tools/call", cell.revision, result)
        if problem:
            raise Broken(f"The result of a completed task does not fit tools/call at {problem}.")
    if task["status"] == "failed" and not is_object(task.get("error")):
        raise Broken(f"A failed task has no error: {short(task)}")
    again = await _get(talk, task.get("taskId"))
    if again.get("status") != task["status"]:
        raise Broken(f"A task that was {task['status']} became {short(again.get('status'))}.")


def _need_empty(result: JSONObject, method: str) -> None:
    left = set(result) - {"resultType", "_meta"}
    if left or result.get("resultType") != "complete":
        raise Broken(f"{method} was answered with {short(result)}, not with an empty complete result.")


@check("tasks.update", shows=["mcp.tasks.update.ack", "mcp.tasks.update.unknown-keys"], area=AREA, revisions=MODERN)
async def an_update_with_unknown_keys_is_acknowledged(cell: Cell) -> None:
    talk = await cell.talk()
    _, created = await _create(cell, talk)
    params = {"taskId": _id(created), "inputResponses": {"no-such-key": {"action": "decline"}}}
    _need_empty((await talk.request("tasks/update", params, capabilities=DECLARED)).result, "tasks/update")


@check("tasks.cancel", shows=["mcp.tasks.cancel.ack"], area=AREA, revisions=MODERN)
async def a_cancellation_is_acknowledged_also_twice(cell: Cell) -> None:
    talk = await cell.talk()
    _, created = await _create(cell, talk)
    for _ in range(2):
        params = {"taskId": _id(created)}
        _need_empty((await talk.request("tasks/cancel", params, capabilities=DECLARED)).result, "tasks/cancel")


@check("tasks.unknown", shows=["mcp.tasks.unknown.get"], area=AREA, revisions=MODERN)
async def an_unknown_task_is_refused(cell: Cell) -> None:
    need_tasks(cell)
    answer = await (await cell.talk()).request("tasks/get", {"taskId": "no-such-task"}, capabilities=DECLARED)
    must_refuse(answer, -32602, "tasks/get for a task that does not exist")


@check("tasks.unknown.others", shows=["mcp.tasks.unknown.others"], area=AREA, revisions=MODERN)
async def updates_and_cancellations_of_unknown_tasks_are_refused(cell: Cell) -> None:
    need_tasks(cell)
    talk = await cell.talk()
    for method, extra in OTHERS:
        answer = await talk.request(method, {"taskId": "no-such-task", **extra}, capabilities=DECLARED)
        must_refuse(answer, -32602, f"{method} for a task that does not exist")


@check("tasks.methods.undeclared", shows=["mcp.tasks.methods.undeclared"], area=AREA, revisions=MODERN)
async def the_methods_are_refused_to_a_client_that_declared_nothing(cell: Cell) -> None:
    talk = await cell.talk()
    _, created = await _create(cell, talk)
    for method, extra in (("tasks/get", NOTHING), *OTHERS):
        answer = await talk.request(method, {"taskId": _id(created), **extra})
        must_refuse(answer, -32021, f"{method} of a client that did not declare the extension")


@check("tasks.listen.undeclared", shows=["mcp.tasks.listen.undeclared"], area=AREA, revisions=MODERN)
async def a_subscription_to_tasks_needs_the_declaration(cell: Cell) -> None:
    need_tasks(cell)
    talk = await cell.talk()
    listening = await talk.listen(talk.build("subscriptions/listen", {"notifications": {"taskIds": ["any"]}}))
    first = await listening.next(3)
    await listening.cancel()
    if as_object(as_object(first).get("error")).get("code") != -32021:
        raise Broken(f"subscriptions/listen for tasks without the capability was answered with {short(first)}")


@check("tasks.ids", shows=["mcp.tasks.ids"], area=AREA, revisions=MODERN)
async def task_ids_cannot_be_guessed(cell: Cell) -> None:
    talk = await cell.talk()
    ids = [str(_id((await _create(cell, talk))[1])) for _ in range(3)]
    for id_ in ids:
        if len(id_) < SHORTEST_ID:
            raise Broken(f"The task id {id_!r} has only {len(id_)} characters.")
    if len(set(ids)) < 3:
        raise Broken(f"Task ids repeat: {ids}")
