"""Push notifications over real sockets: delivered in order, at least once, and never in a caller's way."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from wireproof.a2a import A2AError, Agent, Caller, Kind, Turn
from wireproof.a2a.push import PushWorker, screen_url
from wireproof.auth.fetcher import GuardedFetcher
from wireproof.tasks.opening import open_store

from .webhook import webhook


def steps(store: str = "memory://", *, loopback: bool = True) -> Agent:
    agent = Agent("Steps", store=store)
    if loopback:
        agent.allow_loopback_webhooks()

    @agent.skill(tags=["test"])
    async def work(turn: Turn) -> AsyncGenerator[Any, None]:
        """Take two steps."""
        yield turn.status("one")
        yield turn.artifact(text="two")

    return agent


def message(url: str = "", **config: Any) -> dict[str, Any]:
    request: dict[str, Any] = {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "go"}]}}
    if url:
        request["configuration"] = {"taskPushNotificationConfig": {"url": url, **config}}
    return request


def kind(event: dict[str, Any]) -> str:
    (name,) = event
    return event[name]["status"]["state"] if name in ("task", "statusUpdate") else name


async def test_every_event_is_delivered_in_order_with_the_credentials_that_were_given() -> None:
    authentication = {"scheme": "Bearer", "credentials": "secret"}
    async with webhook() as hook, steps().core as core:
        answer = await core.call("SendMessage", message(hook.url, token="t-1", authentication=authentication), Caller())
        got = await hook.until("TASK_STATE_COMPLETED")
    assert answer["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    headers = got[0][0]
    assert headers[":line"] == "POST /hook HTTP/1.1"
    assert headers["content-type"] == "application/a2a+json"
    assert headers["authorization"] == "Bearer secret"
    assert headers["x-a2a-notification-token"] == "t-1"
    assert kind(got[-1][1]) == "TASK_STATE_COMPLETED"
    assert "artifactUpdate" in [kind(body) for _, body in got]


async def test_a_caller_of_0_3_gets_tasks_in_the_form_of_0_3() -> None:
    async with webhook() as hook, steps().core as core:
        await core.call("SendMessage", message(hook.url), Caller(version="0.3"))
        got = await hook.until("completed")
    headers, body = got[-1]
    assert headers["content-type"] == "application/json"
    assert (body["kind"], body["status"]["state"]) == ("task", "completed")


async def test_a_webhook_that_takes_a_second_slows_no_caller() -> None:
    async with webhook(slow_s=1.0) as hook, steps().core as core:
        begun = time.monotonic()
        await core.call("SendMessage", message(hook.url), Caller())
        took = time.monotonic() - begun
        await hook.has(2)
    assert took < 0.5, f"the caller waited {took:.2f} s"


async def test_a_delivery_that_fails_is_repeated_and_the_next_waits_for_it() -> None:
    async with webhook(statuses=[500, 302]) as hook, steps().core as core:
        await core.call("SendMessage", message(hook.url), Caller())
        bodies = [body for _, body in await hook.until("TASK_STATE_COMPLETED")]
    assert bodies[0] == bodies[1] == bodies[2], "nothing overtakes what was not delivered; no redirect is followed"
    assert kind(bodies[-1]) == "TASK_STATE_COMPLETED"


async def test_what_was_not_delivered_before_a_restart_is_delivered_after_it(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'tasks.db'}"
    async with webhook(statuses=[503]) as hook:
        async with steps(store).core as core:
            await core.call("SendMessage", message(hook.url), Caller())
            await hook.has(1)
        seen = len(hook.got)
        async with steps(store).core:
            await hook.has(seen + 1, within_s=30)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://[64:ff9b::a00:1]/hook",
        "https://0x7f000001/hook",
        "https://2130706433/hook",
        "http://example.com/hook",
        "ftp://example.com/hook",
        "https://user:password@example.com/hook",
        "",
        "hook",
    ],
)
async def test_a_webhook_inside_the_network_is_refused_when_it_is_registered(url: str) -> None:
    async with steps(loopback=False).core as core:
        with pytest.raises(A2AError) as refused:
            await core.call("SendMessage", message(url or "https:///"), Caller())
        assert refused.value.kind is Kind.INVALID_PARAMS
        listed = await core.call("ListTasks", {}, Caller())
    assert listed["totalSize"] == 0, "nothing is stored"


def test_a_public_webhook_is_taken() -> None:
    assert screen_url("https://example.com/hook?id=1") is None


async def test_a_name_that_leads_inside_the_network_is_refused_when_it_is_dialled() -> None:
    asked: list[str] = []

    async def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["10.0.0.1"]

    from wireproof.tasks.records import Delivery

    async with open_store("memory://") as store:
        worker = PushWorker(store, fetcher=GuardedFetcher(resolver=resolver))
        config = {"url": "https://inside.example/hook", "authentication": {"scheme": "Bearer", "credentials": "secret"}}
        payload = {"config": {"config": config, "version": "1.0"}, "event": {"task": {}}}
        fields = dict.fromkeys(Delivery.__dataclass_fields__, "")
        delivery = Delivery(**{**fields, "payload": payload, "attempt": 1})  # type: ignore[arg-type]
        problem = await worker._attempt(delivery)
    assert asked == ["inside.example"]
    assert problem is not None
    assert "internal address" in problem
    assert "secret" not in problem


async def test_a_task_has_sixteen_configurations_at_most() -> None:
    agent = Agent("Waits")
    agent.allow_loopback_webhooks()

    @agent.skill(tags=["test"])
    async def wait(turn: Turn) -> str:
        """Wait."""
        return await turn.ask("for what?")

    async with webhook() as hook, agent.core as core:
        answer = await core.call("SendMessage", message(), Caller())
        config = {"taskId": answer["task"]["id"], "url": hook.url}
        for _ in range(16):
            await core.call("CreateTaskPushNotificationConfig", config, Caller())
        with pytest.raises(A2AError, match="16"):
            await core.call("CreateTaskPushNotificationConfig", config, Caller())


async def test_a_credential_that_is_no_header_value_is_not_sent() -> None:
    from wireproof.a2a.push import headers_of

    with pytest.raises(ValueError, match="x-a2a-notification-token"):
        headers_of({"token": "a\r\nx: y"})
