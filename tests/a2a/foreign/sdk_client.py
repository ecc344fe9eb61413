"""The client of the PyPI package `a2a-sdk`, in an environment of its own: every operation, told as one JSON object.

`python sdk_client.py CARD_URL BINDING VERSION`. The card's interfaces are cut down to the one that is asked for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from typing import Any

import grpc
import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
)
from google.protobuf.json_format import MessageToDict

HOOK = "https://hooks.example/told"


def request(text: str, skill: str, *, wait: bool = True, task: str = "") -> SendMessageRequest:
    """A message to a skill."""
    message = Message(message_id=uuid.uuid4().hex, role=Role.ROLE_USER, parts=[Part(text=text)], task_id=task)
    made = SendMessageRequest(message=message)
    made.metadata.update({"skillId": skill})
    made.configuration.return_immediately = not wait
    return made


async def collected(events: Any, until: str = "", begun: asyncio.Event | None = None) -> list[dict[str, Any]]:
    """The events as JSON, to the end or to the first one that holds this text; `begun` is set by the first."""
    found: list[dict[str, Any]] = []
    async for event in events:
        found.append(MessageToDict(event))
        if begun is not None:
            begun.set()
        if until and until in json.dumps(found[-1]):
            break
    return found


async def refused(call: Any) -> str:
    """The name of the error that a call ends in."""
    try:
        if hasattr(call, "__aiter__"):
            await collected(call)
        else:
            await call
    except Exception as error:
        return type(error).__name__
    return "nothing"


def task_id(events: list[dict[str, Any]]) -> str:
    """The task that a stream or an answer begins with."""
    return str(events[0]["task"]["id"])


async def drive(client: Any, polling: Any, version: str) -> dict[str, Any]:
    """Every operation once."""
    told: dict[str, Any] = {}
    told["message"] = await collected(polling.send_message(request("hi", "echo")))
    told["task"] = await collected(polling.send_message(request("hi", "work")))
    told["stream"] = await collected(client.send_message(request("hi", "work")))
    asked = await collected(client.send_message(request("hi", "ask")))
    told["asked"] = asked[-1]
    told["answered"] = await collected(polling.send_message(request("Monday", "ask", task=task_id(asked))))
    begun = task_id(await collected(polling.send_message(request("hi", "wait", wait=False))))
    told["got"] = MessageToDict(await client.get_task(GetTaskRequest(id=begun, history_length=1)))
    snapshot = asyncio.Event()
    following = asyncio.create_task(collected(client.subscribe(SubscribeToTaskRequest(id=begun)), "CANCELED", snapshot))
    hook = TaskPushNotificationConfig(task_id=begun, id="hook", url=HOOK, token="t")
    told["hook"] = MessageToDict(await client.create_task_push_notification_config(hook))
    one = GetTaskPushNotificationConfigRequest(task_id=begun, id="hook")
    told["hook got"] = MessageToDict(await client.get_task_push_notification_config(one))
    if (sys.argv[2], version) != ("HTTP+JSON", "0.3"):  # this client has neither there
        listing = ListTaskPushNotificationConfigsRequest(task_id=begun)
        told["hooks"] = MessageToDict(await client.list_task_push_notification_configs(listing))
        gone = DeleteTaskPushNotificationConfigRequest(task_id=begun, id="hook")
        await client.delete_task_push_notification_config(gone)
        told["hooks left"] = MessageToDict(await client.list_task_push_notification_configs(listing))
    await snapshot.wait()
    told["canceled"] = MessageToDict(await client.cancel_task(CancelTaskRequest(id=begun)))
    async with asyncio.timeout(10):
        told["followed"] = await following
    if version == "1.0":
        told["list"] = MessageToDict(await client.list_tasks(ListTasksRequest(page_size=2)))
    told["errors"] = {
        "get nothing": await refused(client.get_task(GetTaskRequest(id="nothing"))),
        "cancel the ended": await refused(client.cancel_task(CancelTaskRequest(id=task_id(told["task"])))),
        "send to the ended": await refused(polling.send_message(request("more", "wait", task=begun))),
        "subscribe to the ended": await refused(client.subscribe(SubscribeToTaskRequest(id=begun))),
        "no such skill": await refused(polling.send_message(request("hi", "nothing"))),
    }
    return told


async def main() -> None:
    """Connect by one interface and drive it."""
    url, binding, version = sys.argv[1:4]
    async with httpx.AsyncClient(timeout=20) as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        chosen = [
            each
            for each in card.supported_interfaces
            if (each.protocol_binding, each.protocol_version) == (binding, version)
        ]
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(chosen)

        def client(streaming: bool) -> Any:
            config = ClientConfig(
                streaming=streaming,
                httpx_client=http,
                grpc_channel_factory=grpc.aio.insecure_channel,
                supported_protocol_bindings=[binding],
            )
            return ClientFactory(config).create(card)

        print(json.dumps(await drive(client(True), client(False), version)))


asyncio.run(main())
