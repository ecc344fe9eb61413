"""`wireproof call`: tools and agents, on whatever the target speaks."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.running import EXAMPLES, serving, wireproof

WEATHER, PLANNER = EXAMPLES / "weather.py", EXAMPLES / "planner.py"


@pytest.fixture(scope="module")
def weather() -> Generator[str]:
    with serving(WEATHER, "--http", 0) as (url,):
        yield url


@pytest.fixture(scope="module")
def planner() -> Generator[str]:
    with serving(PLANNER, "--http", 0) as (url,):
        yield url


@pytest.mark.parametrize("kind", ["file", "command", "http", "sse", "websocket"])
def test_a_tool_is_called_over_every_transport(kind: str, weather: str) -> None:
    target = {
        "file": str(WEATHER),
        "command": f"{sys.executable} -m wireproof.cli run {WEATHER}",
        "http": f"{weather}/mcp",
        "sse": f"{weather}/sse",
        "websocket": f"{weather.replace('http', 'ws')}/ws",
    }[kind]
    ran = wireproof("call", target, "forecast", "city=Oslo", "days=2")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["structuredContent"] == {"city": "Oslo", "days": 2, "celsius": [4.5, 5.0]}


def test_the_arguments_may_be_one_json_object_and_the_answer_a_text() -> None:
    ran = wireproof("call", WEATHER, "forecast", "--json", '{"city": "Rome", "days": 1}', "-o", "text")
    assert ran.code == 0
    assert "Rome" in ran.out


def test_without_a_tool_the_tools_are_listed() -> None:
    ran = wireproof("call", WEATHER)
    assert ran.code == 0
    assert [tool["name"] for tool in ran.json] == ["forecast", "record"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["call", str(WEATHER), "forecast", "city=Atlantis"], 5, "No forecast for 'Atlantis'"),
        (["call", str(WEATHER), "nothing"], 2, "there is no tool 'nothing'"),
        (["call", str(WEATHER), "forecast", "Oslo"], 2, "NAME=VALUE"),
        (["call", str(WEATHER), "forecast", "--json", "{"], 2, "JSON"),
        (["call", "nowhere.py", "x"], 1, "nowhere.py"),
        (["call", "http://127.0.0.1:9/mcp", "x"], 4, "127.0.0.1 port 9 cannot be reached"),
        (["run", "nowhere.py"], 2, "there is no file 'nowhere.py'"),
        (["run", str(PLANNER), "--tcp", "0"], 2, "holds no ToolServer"),
        (["run", str(WEATHER), "--grpc", "0"], 2, "holds no Agent"),
        (["run", str(PLANNER), "--as-agent"], 2, "no ToolServer"),
        (["run", str(WEATHER), "--as-tools"], 2, "no Agent"),
        ([], 2, "usage"),
        (["--nonsense"], 2, "unrecognized"),
    ],
    ids=lambda value: " ".join(Path(str(each)).name for each in value) if isinstance(value, list) else None,
)
def test_every_failure_is_one_line_and_its_own_exit_code(arguments: list[str], code: int, said: str) -> None:
    ran = wireproof(*arguments)
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_an_agent_is_asked_and_asks_back(planner: str) -> None:
    ran = wireproof("call", planner, "Plan a day in Rome", stdin="Monday\n")
    assert ran.code == 0
    assert ran.out == "Plan a day in Rome: leave on Monday at 08:05\n"
    assert ran.err.splitlines() == ["Looking at trains", "Which day?", "Reserving seats for Monday"]


def test_with_nobody_to_answer_the_way_on_is_told(planner: str) -> None:
    ran = wireproof("call", planner, "Plan")
    assert ran.code == 6
    assert f"to answer: wireproof send -a {planner} --task-id" in ran.err


def test_an_agent_in_a_file_is_spawned() -> None:
    ran = wireproof("call", PLANNER, "Rome", stdin="Friday\n")
    assert (ran.code, ran.out) == (0, "Rome: leave on Friday at 08:05\n")


def test_an_agent_is_served_over_every_binding_that_the_command_line_names() -> None:
    with serving(PLANNER, "--http", 0, "--grpc", 0, "--ws", lines=2) as (grpc, http):
        card = wireproof("card", "get", "-a", http, "-o", "json").json
        over_grpc = wireproof("send", "-a", http, "--transport", "grpc", "Rome", "-o", "json")
    named = {(each["protocolBinding"], each["url"]) for each in card["supportedInterfaces"]}
    assert ("GRPC", grpc.removeprefix("grpc://")) in named
    assert ("urn:wireproof:a2a:binding:websocket:v1", http.replace("http", "ws") + "/a2a/ws") in named
    assert over_grpc.json["task"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"


def test_one_file_with_both_is_served_from_one_port(tmp_path: Path) -> None:
    file = tmp_path / "both.py"
    file.write_text(
        "from wireproof.a2a import Agent\nfrom wireproof.mcp_tools import ToolServer\n"
        "server = ToolServer('tools')\nagent = Agent('skills')\n"
        "@server.tool\n@agent.skill\ndef shout(text: str) -> str:\n    'Shout.'\n    return text.upper()\n"
    )
    with serving(file, "--http", 0, lines=2) as (url, _):
        tool = wireproof("call", f"{url}/mcp", "shout", "text=hi", "-o", "text")
        skill = wireproof("call", url, "hi")
    assert (tool.out, skill.out) == ("HI\n", "HI\n")


def test_the_bridges_are_two_flags() -> None:
    with serving(WEATHER, "--as-agent", "--http", 0) as (url,):
        as_agent = wireproof("send", "-a", url, "--skill", "forecast", "Oslo", "-o", "json")
    as_tools = wireproof(
        "call", f"{sys.executable} -m wireproof.cli run {PLANNER} --as-tools", "distance", "message=Rome"
    )
    assert as_agent.json["task"]["artifacts"][0]["parts"][0]["data"]["city"] == "Oslo"
    assert "Rome is" in as_tools.json["content"][0]["text"]
