"""Streams: what comes first, in which order, and when they end."""

from __future__ import annotations

from wireproof.conformance import a2a_oracle as oracle
from wireproof.conformance.a2a_cell import ABSENT, INTERRUPTED, TERMINAL, AgentCell, refused_with
from wireproof.conformance.checks.a2a_send import ANSWER, faults
from wireproof.conformance.ledger import A2A_1, A2A_ALL, A2A_WEB, JSONRPC
from wireproof.conformance.probe.a2a_talk import EventFeed
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object, at
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject

AREA = "streams"
FIRST = "a2a.stream.first"
KINDS = ("task", "message", "statusUpdate", "artifactUpdate")


def _kind(event: JSONObject) -> str:
    there = [name for name in KINDS if name in event]
    if len(there) != 1:
        raise Broken(f"An event of a stream has {there or sorted(event)}, not exactly one of {', '.join(KINDS)}.")
    return there[0]


def _state(event: JSONObject) -> object:
    return at(event, "statusUpdate", "status", "state") or at(event, "task", "status", "state")


async def _whole(cell: AgentCell) -> EventFeed:
    """A stream of a send, to its end. Raises `NotHere` where the card claims no streaming."""
    cell.need("streaming")
    await cell.said()
    async with cell.talk().stream("SendStreamingMessage", cell.message()) as feed:
        if feed.media_type != "text/event-stream":
            raise Broken(f"SendStreamingMessage was answered with {(await feed.refusal()).describe()}")
        await feed.rest()
    return feed


async def _events(cell: AgentCell) -> list[JSONObject]:
    """The events of a stream with a task. Raises `NotHere` for one with a message."""
    events = (await _whole(cell)).events
    if not events or "message" in events[0]:
        raise NotHere("The agent answers a streaming send with a message.")
    return events


@check(
    "a2a.stream.media-type",
    shows=["a2a.stream.sse"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
    limit=35,
)
async def a_streaming_send_is_answered_with_an_event_stream(cell: AgentCell) -> None:
    await _whole(cell)


@check(
    FIRST,
    shows=["a2a.stream.first"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=["a2a.stream.media-type"],
    limit=35,
)
async def a_stream_begins_with_the_task_or_is_one_message(cell: AgentCell) -> None:
    events = (await _whole(cell)).events
    kinds = [_kind(event) for event in events]
    if not kinds or kinds[0] not in {"task", "message"}:
        raise Broken(f"The first event of a stream is {kinds[0] if kinds else 'missing'}, not a task or a message.")
    if kinds[0] == "message" and len(kinds) > 1:
        raise Broken(f"A stream that began with a message went on with {kinds[1:4]}.")


@check(
    "a2a.stream.shape",
    shows=["a2a.data.shape"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[FIRST],
    limit=35,
)
async def every_event_has_its_required_fields(cell: AgentCell) -> None:
    for event in (await _whole(cell)).events:
        faults("StreamResponse", event, oracle.SHAPE, oracle.ENUM)


@check(
    "a2a.stream.end",
    shows=["a2a.stream.end"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[FIRST],
    limit=35,
)
async def a_stream_ends_with_the_end_of_its_task_or_where_it_waits(cell: AgentCell) -> None:
    events = await _events(cell)
    last = next((state for event in reversed(events) if (state := _state(event))), None)
    if last not in TERMINAL | INTERRUPTED:
        raise Broken(f"A stream ended while the last state it told of was {last}.")
    ended = [index for index, event in enumerate(events) if _state(event) in TERMINAL]
    if ended and ended[0] != len(events) - 1:
        raise Broken(f"After the end of the task came {len(events) - 1 - ended[0]} more events.")


@check(
    "a2a.stream.ids",
    shows=["a2a.stream.ids"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[FIRST],
    limit=35,
)
async def every_event_names_the_task_and_the_context_of_the_stream(cell: AgentCell) -> None:
    events = await _events(cell)
    task = as_object(events[0]["task"])
    for event in events[1:]:
        shown = as_object(event[_kind(event)])
        named = (shown.get("taskId", shown.get("id")), shown.get("contextId"))
        if named != (task.get("id"), task.get("contextId")):
            raise Broken(f"An event names {named}, its stream {(task.get('id'), task.get('contextId'))}.")


@check(
    "a2a.stream.whole",
    shows=["a2a.stream.whole"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[FIRST],
    limit=35,
)
async def what_a_stream_tells_is_what_the_task_holds_after_it(cell: AgentCell) -> None:
    events = await _events(cell)
    told: list[JSONObject] = [as_object(each) for each in as_list(as_object(events[0]["task"]).get("artifacts"))]
    for event in events[1:]:
        if "artifactUpdate" in event:
            update = as_object(event["artifactUpdate"])
            artifact = as_object(update.get("artifact"))
            if update.get("append") is not True:
                told = [each for each in told if each.get("artifactId") != artifact.get("artifactId")]
            told.append(artifact)
    task = (await cell.talk().call("GetTask", {"id": as_object(events[0]["task"])["id"]})).result
    streamed, kept = oracle.texts_of(list(told)), oracle.texts_of(as_list(task.get("artifacts")))
    if streamed != kept:
        raise Broken(f"The stream told of artifacts {streamed}, the task holds {kept}.")


@check(
    "a2a.stream.rpc-id",
    shows=["a2a.stream.rpc-id"],
    area=AREA,
    protocol="a2a",
    transports=frozenset({JSONRPC}),
    revisions=A2A_ALL,
    depends_on=[FIRST],
    limit=35,
)
async def every_event_is_a_response_to_its_request(cell: AgentCell) -> None:
    cell.need("streaming")
    await cell.said()
    before = len(cell.recorder.exchanges)
    talk = cell.talk()
    async with talk.stream("SendStreamingMessage", cell.message()) as feed:
        sent = cell.recorder.exchanges[-2].data
        await feed.rest()
    id_ = sent.partition(b'"id": ')[2].split(b",")[0].decode()
    for exchange in cell.recorder.exchanges[before + 2 :]:
        if exchange.way == "received" and exchange.data.startswith(b"{") and exchange.total == len(exchange.data):
            shown = exchange.data.replace(b" ", b"")
            if f'"id":{id_}'.encode() not in shown or b'"jsonrpc":"2.0"' not in shown:
                raise Broken(f"An event is no JSON-RPC 2.0 response with the id {id_}: {exchange.text[:200]}")


@check(
    "a2a.subscribe.unknown",
    shows=["a2a.task.not-found"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
)
async def a_subscription_to_a_task_that_is_not_there_is_not_found(cell: AgentCell) -> None:
    cell.need("streaming")
    async with cell.talk().stream("SubscribeToTask", {"id": ABSENT}) as feed:
        reply = await feed.refusal()
    refused_with(reply, -32001, 404, "TASK_NOT_FOUND", "Subscribing to an unknown task")


@check(
    "a2a.subscribe.ended",
    shows=["a2a.subscribe.ended"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
    depends_on=[ANSWER],
)
async def a_subscription_to_an_ended_task_is_an_unsupported_operation(cell: AgentCell) -> None:
    cell.need("streaming")
    task = await cell.ended_task()
    async with cell.talk().stream("SubscribeToTask", {"id": task["id"]}) as feed:
        reply = await feed.refusal()
    refused_with(reply, -32004, 400, "UNSUPPORTED_OPERATION", "Subscribing to an ended task")


@check(
    "a2a.subscribe.snapshot",
    shows=["a2a.subscribe.snapshot"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=[ANSWER],
    limit=25,
)
async def a_subscription_begins_with_the_task_as_it_is(cell: AgentCell) -> None:
    cell.need("streaming")
    task = await cell.open_task()
    try:
        async with cell.talk().stream("SubscribeToTask", {"id": task["id"]}) as feed:
            if feed.media_type != "text/event-stream":
                raise NotHere("The task ended before it could be subscribed to.")
            first = await feed.next()
        if first is None or _kind(first) != "task" or at(first, "task", "id") != task["id"]:
            raise Broken(f"The first event of a subscription is {sorted(first or {})}, not the task.")
    finally:
        await cell.cancel(task)


@check(
    "a2a.subscribe.apart",
    shows=["a2a.stream.apart"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
    depends_on=["a2a.subscribe.snapshot"],
    limit=25,
)
async def closing_one_stream_leaves_the_others_alone(cell: AgentCell) -> None:
    cell.need("streaming")
    task = await cell.open_task()
    async with cell.talk().stream("SubscribeToTask", {"id": task["id"]}) as kept:
        if kept.media_type != "text/event-stream":
            raise NotHere("The task ended before it could be subscribed to.")
        await kept.next()
        async with cell.talk().stream("SubscribeToTask", {"id": task["id"]}) as left:
            if left.media_type == "text/event-stream":
                await left.next()
        reply = await cell.talk().call("CancelTask", {"id": task["id"]})
        if reply.error is not None:
            raise NotHere("The agent does not cancel this task, so its end cannot be brought about.")
        events = await kept.rest()
    if not any(_state(event) in TERMINAL for event in events):
        raise Broken("After another stream of the task was closed, this one did not tell of the task's end.")
