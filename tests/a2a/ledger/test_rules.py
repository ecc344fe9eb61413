"""Rules of the specification that no other test states: versions, names on the wire, cards that keep their word."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import httpx2
import pytest
import websockets

from tests.a2a.push.webhook import webhook
from wireproof.a2a import Agent, ExtensionOption, Interface, Turn
from wireproof.a2a.bindings.duplex import STDIO, WEBSOCKET
from wireproof.a2a.bindings.grpc.server import serving
from wireproof.a2a.bindings.http import HTTPOptions
from wireproof.a2a.card import GRPC
from wireproof.a2a.security import APIKey
from wireproof.schemas.caller import Principal
from wireproof.transports.serve import listening

BINDINGS = Path(__file__).parents[3] / "docs" / "a2a-bindings"
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
V1 = {"A2A-Version": "1.0"}


def make(**options: Any) -> Agent:
    agent = Agent("Rules", **options)
    agent.allow_loopback_webhooks()

    @agent.skill(tags=["t"])
    async def work(turn: Turn) -> Any:
        """Work."""
        yield turn.status("working")
        yield turn.artifact(data={"free_form": [1]}, name="made")

    @agent.skill(tags=["t"])
    async def permit(turn: Turn) -> Any:
        """Ask to be authorised, twice."""
        for what in ("Read?", "Write?"):
            said = await turn.authorize(what)
            yield turn.artifact(text=f"{what} {said}")

    return agent


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with listening(make().asgi()) as url, httpx2.AsyncClient(base_url=url, timeout=10) as client:
        yield client


def message(text: str = "go", **more: Any) -> dict[str, Any]:
    made = {"messageId": f"m {text}", "role": "ROLE_USER", "parts": [{"text": text}], **more}
    return {"message": made, "configuration": {}}


def rpc(method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


async def sent(http: httpx2.AsyncClient, skill: str = "work", text: str = "go", **more: Any) -> dict[str, Any]:
    body = {**message(text, **more), "metadata": {"skillId": skill}}
    task: dict[str, Any] = (await http.post("/message:send", json=body, headers=V1)).json()["task"]
    return task


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1.0.7"])
async def test_a_patch_number_does_not_count(http: httpx2.AsyncClient, version: str) -> None:
    answer = await http.post("/", json=rpc("SendMessage", message()), headers={"A2A-Version": version})
    assert "task" in answer.json()["result"]


@pytest.mark.parametrize("headers", [{}, {"A2A-Version": ""}], ids=["no header", "an empty one"])
async def test_a_request_without_a_version_is_one_of_0_3(http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    params = {"message": {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "go"}]}}
    old = (await http.post("/", json=rpc("message/send", params), headers=headers)).json()
    assert old["result"]["kind"] == "task"
    new = (await http.post("/", json=rpc("SendMessage", message()), headers=headers)).json()
    assert new["error"]["code"] == -32009


async def test_the_version_may_stand_in_the_query(http: httpx2.AsyncClient) -> None:
    task = await sent(http)
    assert (await http.get(f"/tasks/{task['id']}?A2A-Version=1.0")).json()["id"] == task["id"]
    assert (await http.get(f"/tasks/{task['id']}?A2A-Version=7.0")).status_code == 400


def names(value: Any, free: tuple[str, ...] = ("data", "metadata")) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            if key not in free:
                yield from names(each)
    elif isinstance(value, list):
        for each in value:
            yield from names(each)


async def test_names_are_in_camel_case_enums_are_names_and_times_are_utc_with_milliseconds(
    http: httpx2.AsyncClient,
) -> None:
    task = await sent(http)
    assert {name for name in names(task) if not re.fullmatch(r"[a-z][A-Za-z]*", name)} == set()
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert {each["role"] for each in task["history"]} <= {"ROLE_USER", "ROLE_AGENT"}
    assert TIMESTAMP.fullmatch(task["status"]["timestamp"])
    assert task["artifacts"][0]["parts"][0]["data"] == {"free_form": [1]}


async def test_parameters_in_a_query_are_in_camel_case_and_decoded(http: httpx2.AsyncClient) -> None:
    context = "a context/with spaces & ümläuts"
    task = await sent(http, contextId=context)
    found = await http.get(f"/tasks?contextId={quote(context, safe='')}&includeArtifacts=true&pageSize=5", headers=V1)
    assert [(each["id"], len(each["artifacts"])) for each in found.json()["tasks"]] == [(task["id"], 1)]
    other = await http.get("/tasks?contextId=another", headers=V1)
    assert other.json()["tasks"] == []


@pytest.mark.parametrize("path", ["/", "/message:send"])
async def test_bytes_that_are_no_utf8_are_no_json(http: httpx2.AsyncClient, path: str) -> None:
    headers = {**V1, "content-type": "application/json"}
    body = json.dumps(rpc("SendMessage", message())).encode().replace(b'"go"', b'"\xff"')
    error = (await http.post(path, content=body, headers=headers)).json()["error"]
    assert error["code"] == (-32700 if path == "/" else 400)
    assert (await http.get("/tasks", headers=V1)).json()["totalSize"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"id": 1, "method": "GetTask", "params": {"id": "x"}}, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "params": {"id": "x"}}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "tasks/nothing", "params": {}}, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": [1]}, -32602),
        ([{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "x"}}], -32600),
    ],
    ids=["no version", "1.0", "no method", "no such method", "params by position", "a batch"],
)
async def test_a_request_that_is_no_json_rpc_2_0_has_its_code(http: httpx2.AsyncClient, body: Any, code: int) -> None:
    error = (await http.post("/", json=body, headers=V1)).json()["error"]
    assert (error["code"], bool(error["message"])) == (code, True)


async def test_every_interface_of_a_card_answers_where_it_says() -> None:
    agent = make()
    async with serving(agent.core) as port:
        more = (Interface(url=f"127.0.0.1:{port}", binding=GRPC),)
        options = HTTPOptions(websocket=True, interfaces=more)
        async with listening(agent.asgi(options)) as url, httpx2.AsyncClient() as http:
            card = (await http.get(f"{url}/.well-known/agent-card.json")).json()
            offered = {each["protocolBinding"]: each["url"] for each in reversed(card["supportedInterfaces"])}
            assert set(offered) == {"JSONRPC", "HTTP+JSON", "GRPC", WEBSOCKET}
            answer = await http.post(offered["JSONRPC"], json=rpc("ListTasks", {}), headers=V1)
            assert answer.json()["result"]["tasks"] == []
            assert (await http.get(offered["HTTP+JSON"] + "/tasks", headers=V1)).json()["tasks"] == []
            async with websockets.connect(offered[WEBSOCKET], subprotocols=["a2a.v1"]) as socket:  # type: ignore[list-item]
                await socket.send(json.dumps({**rpc("ListTasks", {}), "serviceParams": V1}))
                assert json.loads(await socket.recv())["result"]["tasks"] == []
            async with grpc.aio.insecure_channel(offered["GRPC"]) as channel:
                call = channel.unary_unary("/lf.a2a.v1.A2AService/ListTasks")
                assert await call(b"", metadata=(("a2a-version", "1.0"),), timeout=10)


def test_the_custom_bindings_are_named_by_uris_and_described() -> None:
    for uri, file in ((WEBSOCKET, "websocket.md"), (STDIO, "stdio.md")):
        assert re.fullmatch(r"urn:[a-z0-9:]+:v\d+", uri)
        text = (BINDINGS / file).read_text()
        assert f"`{uri}`" in text
        for part in ("Data", "Service parameters", "Errors", "Streams", "Authentication", "Version"):
            assert re.search(rf"\*\*[^*]*{part}", text, re.IGNORECASE), (file, part)


async def test_a_task_that_needs_authorisation_says_why_each_time_and_takes_an_answer(
    http: httpx2.AsyncClient,
) -> None:
    task = await sent(http, "permit")
    for what, answer in (("Read?", "yes"), ("Write?", "no")):
        assert task["status"]["state"] == "TASK_STATE_AUTH_REQUIRED"
        assert task["status"]["message"]["parts"] == [{"text": what}]
        await sent(http, "permit", answer, taskId=task["id"])
        task = (await http.get(f"/tasks/{task['id']}", headers=V1)).json()
    assert [each["parts"][0]["text"] for each in task["artifacts"]] == ["Read? yes", "Write? no"]


async def test_no_credential_is_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    agent = make(security_schemes={"key": APIKey("X-API-Key", {"right-and-secret": Principal("ada", "keys")})})
    async with (
        webhook(statuses=[500]) as hook,
        listening(agent.asgi()) as url,
        httpx2.AsyncClient(base_url=url) as http,
    ):
        push = {"url": hook.url, "token": "t-secret", "authentication": {"scheme": "Bearer", "credentials": "c-secret"}}
        body = {**message(), "configuration": {"taskPushNotificationConfig": push}}
        for key in ("wrong-and-secret", "right-and-secret"):
            await http.post("/message:send", json=body, headers={**V1, "X-API-Key": key})
        await hook.until("COMPLETED")
    ours = [record for record in caplog.records if record.name.startswith("wireproof")]
    assert "a caller was refused" in caplog.text
    assert "secret" not in " ".join(str(record.__dict__) for record in ours)


async def test_an_extension_of_another_version_is_left_out_and_never_replaced() -> None:
    new = "https://e.example/x/v2"
    app = make(extensions=[ExtensionOption(uri=new)]).asgi()
    async with listening(app) as url, httpx2.AsyncClient(base_url=url) as http:
        for asked, active in (("https://e.example/x/v1", None), (new, new), (f"https://e.example/x/v1,{new}", new)):
            answer = await http.post("/message:send", json=message(), headers={**V1, "A2A-Extensions": asked})
            assert answer.status_code == 200
            assert answer.headers.get("a2a-extensions") == active
