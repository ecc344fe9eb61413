"""Sending a message: what comes back, what is kept, and what is refused."""

from __future__ import annotations

from wireproof.conformance import a2a_oracle as oracle
from wireproof.conformance.a2a_cell import ABSENT, AgentCell, is_over, is_waiting, refused_with
from wireproof.conformance.ledger import A2A_1, A2A_ALL, A2A_WEB
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object, at
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject, is_object

AREA = "send"
ANSWER = "a2a.send.answer"


def faults(message: str, value: JSONObject, *sorts: str) -> None:
    """Raise `Broken` when the document breaks the field table in one of these ways."""
    found = [each for each in oracle.problems(message, value) if each.sort in sorts]
    if found:
        raise Broken(f"A {message}: " + "; ".join(f"{each.path} {each.text}" for each in found[:5]) + ".")


@check(ANSWER, shows=["a2a.send.answer"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_ALL, limit=35)
async def a_message_is_answered_with_a_task_or_a_message(cell: AgentCell) -> None:
    said = await cell.said()
    there = [name for name in ("task", "message") if is_object(said.get(name))]
    if len(there) != 1:
        raise Broken(f"SendMessage gave {sorted(said)}, not exactly one of task and message.")


@check(
    "a2a.send.shape",
    shows=["a2a.data.shape"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def what_a_send_gives_has_every_required_field_in_its_type(cell: AgentCell) -> None:
    said = await cell.said()
    for name, message in (("task", "Task"), ("message", "Message")):
        if is_object(said.get(name)):
            faults(message, as_object(said[name]), oracle.SHAPE)


@check(
    "a2a.send.names",
    shows=["a2a.json.camel-case"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def what_a_send_gives_is_in_camel_case(cell: AgentCell) -> None:
    faults("SendMessageResponse", await cell.said(), oracle.NAME)


@check(
    "a2a.send.enums",
    shows=["a2a.json.enums"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def states_and_roles_are_the_names_of_the_enums(cell: AgentCell) -> None:
    faults("SendMessageResponse", await cell.said(), oracle.ENUM)


@check(
    "a2a.send.times",
    shows=["a2a.json.timestamps"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def times_are_in_utc_and_end_with_z(cell: AgentCell) -> None:
    if at(await cell.task(), "status", "timestamp") is None:
        raise NotHere("The status has no timestamp.")
    faults("Task", await cell.task(), oracle.TIME)


@check(
    "a2a.send.blocking",
    shows=["a2a.send.blocking"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
)
async def a_blocking_send_returns_when_the_task_ended_or_waits_for_its_caller(cell: AgentCell) -> None:
    task = await cell.task()
    if not is_over(task) and not is_waiting(task):
        raise Broken(f"A blocking SendMessage returned a task in {at(task, 'status', 'state')}.")


@check(
    "a2a.send.context",
    shows=["a2a.context.told"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
)
async def a_context_that_the_agent_made_is_told(cell: AgentCell) -> None:
    said = await cell.said()
    found = at(said, "task", "contextId") or at(said, "message", "contextId")
    if not isinstance(found, str) or not found:
        raise Broken("The answer to a message without a context names none.")


@check(
    "a2a.send.context.kept",
    shows=["a2a.context.kept"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
    limit=35,
)
async def a_context_that_the_caller_gave_is_kept_or_refused(cell: AgentCell) -> None:
    given = "wireproof-context-of-the-caller"
    reply = await cell.talk().call("SendMessage", cell.message(contextId=given), timeout=30)
    if reply.error is not None:
        return
    found = at(reply.result, "task", "contextId") or at(reply.result, "message", "contextId")
    if found != given:
        raise Broken(f"A message in the context {given!r} was answered in {found!r}.")


@check(
    "a2a.send.ids",
    shows=["a2a.task.unique"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
    limit=35,
)
async def each_new_task_has_an_id_of_its_own(cell: AgentCell) -> None:
    first = await cell.task()
    second = (await cell.talk().call("SendMessage", cell.message(), timeout=30)).result.get("task")
    if is_object(second) and second.get("id") == first["id"]:
        raise Broken(f"Two messages without a task led to the same task {first['id']!r}.")


@check(
    "a2a.send.unknown-task",
    shows=["a2a.task.not-found"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
)
async def a_message_to_a_task_that_is_not_there_is_refused(cell: AgentCell) -> None:
    reply = await cell.talk().call("SendMessage", cell.message(taskId=ABSENT))
    refused_with(reply, -32001, 404, "TASK_NOT_FOUND", "A message to a task that is not there")


@check(
    "a2a.send.ended-task",
    shows=["a2a.send.ended"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def a_message_to_an_ended_task_is_an_unsupported_operation(cell: AgentCell) -> None:
    task = await cell.ended_task()
    reply = await cell.talk().call("SendMessage", cell.message(taskId=task["id"]))
    refused_with(reply, -32004, 400, "UNSUPPORTED_OPERATION", "A message to an ended task")


@check(
    "a2a.send.other-context",
    shows=["a2a.context.mismatch"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
)
async def a_message_whose_context_is_not_that_of_its_task_is_refused(cell: AgentCell) -> None:
    task = await cell.task()
    reply = await cell.talk().call("SendMessage", cell.message(taskId=task["id"], contextId="wireproof-another"))
    if reply.error is None:
        raise Broken("A message with a task and another context was taken.")


@check(
    "a2a.send.no-parts",
    shows=["a2a.params.validated"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
)
async def a_message_without_parts_is_refused(cell: AgentCell) -> None:
    reply = await cell.talk().call("SendMessage", cell.message(parts=[]))
    refused_with(reply, -32602, 400, "", "A message without parts")


@check(
    "a2a.send.no-id", shows=["a2a.params.validated"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_ALL
)
async def a_message_without_an_id_is_refused(cell: AgentCell) -> None:
    params = cell.message()
    del params["message"]["messageId"]
    reply = await cell.talk().call("SendMessage", params)
    refused_with(reply, -32602, 400, "", "A message without messageId")


@check(
    "a2a.send.unknown-fields",
    shows=["a2a.json.unknown"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
    limit=35,
)
async def fields_of_a_later_version_are_passed_over(cell: AgentCell) -> None:
    await cell.said()
    params = {**cell.message(fieldOfTheFuture={"a": 1}), "anotherField": 7}
    reply = await cell.talk().call("SendMessage", params, timeout=30)
    if reply.error is not None:
        raise Broken(f"A message with an unknown field was refused: {reply.describe()}")


@check(
    "a2a.send.extension",
    shows=["a2a.extension.required"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
)
async def a_required_extension_that_is_not_activated_is_an_error(cell: AgentCell) -> None:
    if not cell.required_extensions:
        raise NotHere("The card requires no extension.")
    reply = await cell.talk(extensions=False).call("SendMessage", cell.message())
    refused_with(reply, -32008, 400, "EXTENSION_SUPPORT_REQUIRED", "A message without the required extension")
