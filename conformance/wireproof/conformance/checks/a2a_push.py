"""Push notification configurations: kept, shown, deleted; and where they may not lead."""

from __future__ import annotations

from wireproof.conformance.a2a_cell import ABSENT, AgentCell, refused_with
from wireproof.conformance.checks.a2a_send import ANSWER
from wireproof.conformance.ledger import A2A_1, A2A_ALL, A2A_WEB
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, at
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject

AREA = "push"
MADE = "a2a.push.made"
HOOK = "https://example.com/wireproof-check"
INSIDE = ("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/hook", "http://127.0.0.1:1/hook")


async def _task(cell: AgentCell) -> JSONObject:
    cell.need("pushNotifications")
    return await cell.task()


async def _make(cell: AgentCell, id_: str, url: str = HOOK) -> JSONObject:
    task = await _task(cell)
    config = {"taskId": task["id"], "id": id_, "url": url, "token": "wireproof"}
    return (await cell.talk().call("CreateTaskPushNotificationConfig", config)).result


@check(
    "a2a.push.unclaimed", shows=["a2a.push.unclaimed"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_ALL
)
async def without_the_capability_push_operations_are_not_supported(cell: AgentCell) -> None:
    if cell.capabilities.get("pushNotifications") is True:
        raise NotHere("The card claims push notifications.")
    config = {"taskId": ABSENT, "id": "hook", "url": HOOK}
    reply = await cell.talk().call("CreateTaskPushNotificationConfig", config)
    refused_with(reply, -32003, 400 if cell.revision != "0.3" else 501, "PUSH_NOTIFICATION_NOT_SUPPORTED", "A webhook")


@check(
    MADE, shows=["a2a.push.kept"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1, depends_on=[ANSWER]
)
async def a_configuration_is_kept_and_given_back(cell: AgentCell) -> None:
    made = await _make(cell, "wireproof-kept")
    one = {"taskId": (await _task(cell))["id"], "id": str(made.get("id"))}
    found = (await cell.talk().call("GetTaskPushNotificationConfig", one)).result
    if (found.get("url"), found.get("id")) != (HOOK, made.get("id")):
        raise Broken(f"A configuration for {HOOK} came back as {found}.")
    await cell.talk().call("DeleteTaskPushNotificationConfig", one)


@check(
    "a2a.push.listed",
    shows=["a2a.push.listed"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[MADE],
)
async def all_configurations_of_a_task_are_listed(cell: AgentCell) -> None:
    task = await _task(cell)
    made = [str((await _make(cell, f"wireproof-{index}")).get("id")) for index in range(2)]
    page = (await cell.talk().call("ListTaskPushNotificationConfigs", {"taskId": task["id"]})).result
    listed = {str(at(each, "id")) for each in as_list(page.get("configs"))}
    for id_ in made:
        await cell.talk().call("DeleteTaskPushNotificationConfig", {"taskId": task["id"], "id": id_})
    if not set(made) <= listed:
        raise Broken(f"Of the configurations {made} only {sorted(listed)} are listed.")


@check(
    "a2a.push.deleted",
    shows=["a2a.push.deleted"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[MADE],
)
async def a_deleted_configuration_is_gone_and_deleting_it_again_is_no_error(cell: AgentCell) -> None:
    made = await _make(cell, "wireproof-gone")
    one = {"taskId": (await _task(cell))["id"], "id": str(made.get("id"))}
    replies = [await cell.talk().call("DeleteTaskPushNotificationConfig", one) for _ in range(2)]
    if any(reply.error is not None for reply in replies):
        raise Broken(f"Deleting a configuration twice: {replies[0].describe()}, then {replies[1].describe()}")
    if (await cell.talk().call("GetTaskPushNotificationConfig", one)).error is None:
        raise Broken("A configuration that was deleted is still there.")


@check(
    "a2a.push.unknown-task",
    shows=["a2a.task.not-found"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
)
async def a_webhook_for_a_task_that_is_not_there_is_refused(cell: AgentCell) -> None:
    cell.need("pushNotifications")
    reply = await cell.talk().call("CreateTaskPushNotificationConfig", {"taskId": ABSENT, "id": "h", "url": HOOK})
    refused_with(reply, -32001, 404, "TASK_NOT_FOUND", "A webhook for an unknown task")


@check(
    "a2a.push.inside",
    shows=["a2a.push.ssrf"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[MADE],
)
async def a_webhook_inside_the_network_is_refused(cell: AgentCell) -> None:
    task = await _task(cell)
    taken: list[str] = []
    for url in INSIDE[:2]:
        config = {"taskId": task["id"], "id": "wireproof-inside", "url": url}
        if (await cell.talk().call("CreateTaskPushNotificationConfig", config)).error is None:
            taken.append(url)
            await cell.talk().call("DeleteTaskPushNotificationConfig", {"taskId": task["id"], "id": "wireproof-inside"})
    if taken:
        raise Broken(f"Webhooks were taken that lead inside the network: {', '.join(taken)}.")
