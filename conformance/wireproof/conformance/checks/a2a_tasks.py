"""Looking at tasks: get, list, cancel."""

from __future__ import annotations

from wireproof.conformance.a2a_cell import ABSENT, AgentCell, is_over, refused_with
from wireproof.conformance.checks.a2a_send import ANSWER
from wireproof.conformance.ledger import A2A_1, A2A_ALL, A2A_WEB
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object, at
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject, is_array

AREA = "tasks"
LIST = "a2a.list.shape"
MOST_PAGES = 60


async def _list(cell: AgentCell, **params: object) -> JSONObject:
    return (await cell.talk().call("ListTasks", dict(params))).result


@check(
    "a2a.get.same",
    shows=["a2a.get.task"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
)
async def a_task_is_given_as_it_was_told(cell: AgentCell) -> None:
    task = await cell.task()
    found = (await cell.talk().call("GetTask", {"id": task["id"]})).result
    same = [
        (name, task.get(name), found.get(name)) for name in ("id", "contextId") if task.get(name) != found.get(name)
    ]
    if same:
        raise Broken(f"GetTask gave another task: {same}.")
    if is_over(task) and at(found, "status", "state") != at(task, "status", "state"):
        raise Broken("A task that had ended came back in another state.")
    if is_over(task) and len(as_list(found.get("artifacts"))) != len(as_list(task.get("artifacts"))):
        raise Broken("A task that had ended came back with other artifacts.")


@check(
    "a2a.get.unknown", shows=["a2a.task.not-found"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_ALL
)
async def a_task_that_is_not_there_is_not_found(cell: AgentCell) -> None:
    refused_with(await cell.talk().call("GetTask", {"id": ABSENT}), -32001, 404, "TASK_NOT_FOUND", "An unknown task")


@check(
    "a2a.get.history",
    shows=["a2a.get.history"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def a_history_length_of_zero_leaves_the_history_out(cell: AgentCell) -> None:
    task = await cell.task()
    found = (await cell.talk().call("GetTask", {"id": task["id"], "historyLength": 0})).result
    if found.get("history"):
        raise Broken(f"With historyLength 0 the task came with {len(as_list(found['history']))} messages.")


@check(
    "a2a.get.history.bound",
    shows=["a2a.get.history-bound"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
)
async def a_history_length_is_an_upper_bound(cell: AgentCell) -> None:
    task = await cell.task()
    found = (await cell.talk().call("GetTask", {"id": task["id"], "historyLength": 1})).result
    if len(as_list(found.get("history"))) > 1:
        raise Broken(f"With historyLength 1 the task came with {len(as_list(found['history']))} messages.")


@check(LIST, shows=["a2a.list.fields"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def a_listing_has_tasks_token_size_and_total(cell: AgentCell) -> None:
    page = await _list(cell)
    if not is_array(page.get("tasks")):
        raise Broken("ListTasks gave no list of tasks.")
    if not isinstance(page.get("nextPageToken"), str):
        raise Broken("A listing has no nextPageToken; it is there on every page, empty on the last one.")
    for name in ("pageSize", "totalSize"):
        if not isinstance(page.get(name), int):
            raise Broken(f"A listing has no {name}.")


@check(
    "a2a.list.artifacts",
    shows=["a2a.list.artifacts"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[LIST, ANSWER],
)
async def a_listing_leaves_artifacts_out_unless_they_are_asked_for(cell: AgentCell) -> None:
    await cell.task()
    shown = [
        as_object(task).get("id")
        for task in as_list((await _list(cell)).get("tasks"))
        if "artifacts" in as_object(task)
    ]
    if shown:
        raise Broken(f"A listing without includeArtifacts has tasks with a member artifacts: {shown[:3]}.")


@check(
    "a2a.list.artifacts.asked",
    shows=["a2a.list.artifacts-asked"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[LIST, ANSWER],
)
async def a_listing_shows_artifacts_when_they_are_asked_for(cell: AgentCell) -> None:
    task = await cell.task()
    if not task.get("artifacts"):
        raise NotHere("The task has no artifacts.")
    page = await _list(cell, includeArtifacts=True, contextId=task["contextId"])
    found = [as_object(each) for each in as_list(page.get("tasks")) if as_object(each).get("id") == task["id"]]
    if not found or not found[0].get("artifacts"):
        raise Broken("A listing with includeArtifacts shows the task without its artifacts.")


@check(
    "a2a.list.order",
    shows=["a2a.list.order"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[LIST, ANSWER],
    limit=35,
)
async def tasks_are_listed_newest_status_first(cell: AgentCell) -> None:
    await cell.task()
    times: list[str] = []
    for _ in range(5):  # until two tasks differ in their times
        await cell.talk().call("SendMessage", cell.message(), timeout=20)
        times = [str(at(each, "status", "timestamp") or "") for each in as_list((await _list(cell)).get("tasks"))]
        if len(set(times)) > 1:
            break
    if "" in times or len(set(times)) < 2:
        raise NotHere("There are no two tasks with different times.")
    if times != sorted(times, reverse=True):
        raise Broken(f"The times of the listed tasks do not go down: {times[:6]}.")


@check(
    "a2a.list.pages",
    shows=["a2a.list.pages"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[LIST, ANSWER],
    limit=35,
)
async def pages_hold_every_task_once(cell: AgentCell) -> None:
    first = await cell.task()
    await cell.talk().call("SendMessage", cell.message(), timeout=20)
    seen: list[str] = []
    token = ""
    for _ in range(MOST_PAGES):
        page = await _list(cell, pageSize=1, **({"pageToken": token} if token else {}))
        listed = [str(at(each, "id")) for each in as_list(page.get("tasks"))]
        if len(listed) > 1:
            raise Broken(f"A page of size 1 holds {len(listed)} tasks.")
        seen += listed
        token = str(page.get("nextPageToken") or "")
        if not token:
            break
    if len(seen) != len(set(seen)):
        raise Broken("The pages hold a task twice.")
    if not token and first["id"] not in seen:
        raise Broken("The pages leave out a task that is there.")


@check(
    "a2a.list.context",
    shows=["a2a.list.filter"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[LIST, ANSWER],
)
async def a_filter_by_context_leaves_out_other_contexts(cell: AgentCell) -> None:
    task = await cell.task()
    page = await _list(cell, contextId=task.get("contextId"))
    wrong = [at(each, "id") for each in as_list(page.get("tasks")) if at(each, "contextId") != task.get("contextId")]
    none = await _list(cell, contextId="wireproof-no-such-context")
    if wrong or none.get("tasks"):
        raise Broken("A listing of one context holds tasks of others.")


@check(
    "a2a.list.bad-token",
    shows=["a2a.list.token"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[LIST],
)
async def a_page_token_that_was_never_given_is_refused(cell: AgentCell) -> None:
    reply = await cell.talk().call("ListTasks", {"pageToken": "wireproof-no-such-token"})
    refused_with(reply, -32602, 400, "", "A page token that was never given")


@check(
    "a2a.cancel.unknown", shows=["a2a.task.not-found"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_ALL
)
async def cancelling_a_task_that_is_not_there_is_not_found(cell: AgentCell) -> None:
    reply = await cell.talk().call("CancelTask", {"id": ABSENT})
    refused_with(reply, -32001, 404, "TASK_NOT_FOUND", "Cancelling an unknown task")


@check(
    "a2a.cancel.ended",
    shows=["a2a.cancel.ended"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
)
async def a_task_that_ended_is_not_cancelable(cell: AgentCell) -> None:
    task = await cell.ended_task()
    if at(task, "status", "state") == "TASK_STATE_CANCELED":
        raise NotHere("The only task that ended was cancelled.")
    reply = await cell.talk().call("CancelTask", {"id": task["id"]})
    refused_with(
        reply, -32002, 400 if cell.revision != "0.3" else 409, "TASK_NOT_CANCELABLE", "Cancelling an ended task"
    )


@check(
    "a2a.cancel.open",
    shows=["a2a.cancel.works"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
)
async def a_task_that_is_cancelled_ends_as_canceled_and_stays_so(cell: AgentCell) -> None:
    task = await cell.open_task()
    reply = await cell.talk().call("CancelTask", {"id": task["id"]})
    if reply.error is not None:
        raise NotHere(f"The agent does not cancel this task: {reply.describe()}")
    if at(reply.result, "status", "state") != "TASK_STATE_CANCELED":
        raise NotHere(f"The task was not cancelled in time: it is in {at(reply.result, 'status', 'state')}.")
    after = (await cell.talk().call("GetTask", {"id": task["id"]})).result
    if at(after, "status", "state") != "TASK_STATE_CANCELED":
        raise Broken(f"A task that was told to be canceled is in {at(after, 'status', 'state')} afterwards.")
