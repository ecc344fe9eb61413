"""What a card says of an interface is what its client does; bounds are kept before anything is stored."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.a2a.ledger.test_rules import V1, make, message, rpc
from tests.auth.peers import http, recorder
from wireproof.a2a import connect
from wireproof.a2a.bindings.http import HTTPOptions
from wireproof.transports.serve import listening


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_the_tenant_of_the_interface_goes_with_every_request(binding: str) -> None:
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes:
        asked.append(request)
        task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}
        result: Any = {"tasks": [task], "nextPageToken": "", "pageSize": 1, "totalSize": 1}
        if b"SendMessage" in request or b"message:send" in request:
            result = {"task": task}
        elif b"GetTask" in request or b"/tasks/t" in request:
            result = task
        if binding == "JSONRPC":
            result = {"jsonrpc": "2.0", "id": json.loads(request.partition(b"\r\n\r\n")[2])["id"], "result": result}
        return http(body=json.dumps(result).encode())

    async with recorder(answer) as peer:
        url = f"http://127.0.0.1:{peer.port}"
        interface = {"url": url, "protocolBinding": binding, "protocolVersion": "1.0", "tenant": "acme"}
        card = {**make().card(), "supportedInterfaces": [interface]}
        async with connect(card) as agent:
            await agent.send("go", wait=False)
            await agent.task("t").get()
            await agent.list_tasks()
    assert len(asked) == 3
    for request in asked:
        head, _, body = request.partition(b"\r\n\r\n")
        if binding == "JSONRPC":
            assert json.loads(body)["params"]["tenant"] == "acme"
        else:
            assert head.split(b" ")[1].startswith(b"/acme/")


@pytest.mark.parametrize("path", ["/", "/message:send"])
async def test_a_body_above_the_limit_is_refused_and_nothing_is_stored(path: str) -> None:
    agent = make()
    async with (
        listening(agent.asgi(HTTPOptions(max_body=2000))) as url,
        httpx2.AsyncClient(base_url=url, headers=V1) as http,
    ):
        params = message("x" * 3000)
        answer = await http.post(path, json=rpc("SendMessage", params) if path == "/" else params)
        assert answer.status_code == 413
        assert answer.json()["error"]["message"]
        assert (await http.get("/tasks")).json()["totalSize"] == 0
