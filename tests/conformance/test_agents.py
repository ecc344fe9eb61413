"""Agents under the judge: ours keep every rule, and what is wrong with others' is found without being told."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.a2a.foreign.test_sdk_client import SDK
from tests.conformance.judged import listening, wireproof, wrong
from tests.foreign.environments import installed, node, npm_env, python_env
from wireproof.conformance.report import Report
from wireproof.conformance.run import judge
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Verdict

FOREIGN = Path(__file__).parents[1] / "a2a" / "foreign"
CELLS = ["jsonrpc/1.0", "http+json/1.0", "jsonrpc/0.3"]
FILES = ["examples/planner.py", "tests/a2a/bindings/conversationalist.py"]
pytestmark = pytest.mark.timeout(150)


@pytest.mark.parametrize("file", FILES)
async def test_our_agents_keep_every_rule_in_less_than_a_minute(file: str) -> None:
    report = await judge(Target.parse(file))
    assert wrong(report) == []
    assert (report.protocol, report.cells) == ("a2a", CELLS)
    assert report.count(Verdict.PASS) > 120
    assert report.seconds < 60


async def test_a_file_with_both_is_an_agent_at_its_root_and_a_tool_server_at_its_path() -> None:
    async with listening("examples/both.py") as base:
        agent, tools = await judge(Target.parse(base)), await judge(Target.parse(base + "/mcp"), time_limit=60)
    assert (agent.protocol, tools.protocol) == ("a2a", "mcp")
    assert (wrong(agent), wrong(tools)) == ([], [])
    assert any("does not take a message of one text" in result.detail for result in agent.results)


async def test_two_runs_of_an_agent_give_equal_verdicts() -> None:
    async with listening(FILES[0]) as base:
        found = [await judge(Target.parse(base)) for _ in range(2)]
    first, second = (sorted((each.key, each.verdict.value) for each in report.results) for report in found)
    assert first == second


def test_the_command_line_judges_an_agent_and_shows_what_it_looked_at() -> None:
    ran = wireproof("check", FILES[0], "--quiet", "--report", "json:-")
    assert ran.code == 0
    assert '"protocol": "a2a"' in ran.out
    none = wireproof("check", "grpc://127.0.0.1:1", "--quiet")
    assert none.code != 0
    assert "gRPC is not judged" in none.out + none.err


def found(report: Report) -> dict[str, str]:
    return {
        result.key: result.verdict.value
        for result in report.results
        if result.verdict in {Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE}
    }


@pytest.mark.foreign
async def test_a2a_sdk_answers_minus_32603_to_bytes_that_are_no_utf8_and_has_no_bound_on_bodies() -> None:
    python = installed(lambda: python_env("a2a-sdk-1.3", SDK))
    command = shlex.join([str(python), str(FOREIGN / "sdk_agent.py"), "{port}"])
    report = await judge(Target.parse("http://127.0.0.1:{port}").spawned_by(command))
    seen = found(report)
    assert seen == {
        "a2a.card.cache@jsonrpc/1.0": "warn",
        "a2a.card.cache@http+json/1.0": "warn",
        "a2a.push.inside@jsonrpc/1.0": "warn",
        "a2a.push.inside@http+json/1.0": "warn",
        "a2a.wire.bad-utf8@jsonrpc/1.0": "fail",
        "a2a.wire.bad-utf8@http+json/1.0": "fail",
        "a2a.wire.large@jsonrpc/1.0": "warn",
        "a2a.wire.large@http+json/1.0": "warn",
    }
    evidence = next(result for result in report.results if result.key == "a2a.wire.bad-utf8@jsonrpc/1.0")
    assert b"-32603" in evidence.exchanges[-1].data
    assert "curl" in evidence.command


@pytest.mark.foreign
async def test_a2a_js_takes_broken_bytes_for_text_and_counts_patch_numbers() -> None:
    home = installed(lambda: npm_env("a2a-js", ["@a2a-js/sdk@1.3.0", "express@5"]))
    command = shlex.join([str(node()), str(FOREIGN / "js_agent.mjs"), str(home), "{port}"])
    report = await judge(Target.parse("http://127.0.0.1:{port}").spawned_by(command))
    seen = found(report)
    assert seen == dict.fromkeys(
        [
            *(f"a2a.{name}@jsonrpc/1.0" for name in ("wire.bad-json", "wire.no-object")),
            *(
                f"a2a.{name}@{binding}/1.0"
                for name in ("send.no-parts", "wire.bad-utf8", "version.patch")
                for binding in ("jsonrpc", "http+json")
            ),
        ],
        "fail",
    )
