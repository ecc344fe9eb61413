"""Judge ours and foreign tool servers and agents with `wireproof check`, and write `docs/peers.md`.

`python -m benchmarks.peers [NAME …]` prints; `--write` writes the file. Every failure has to be checked by hand against
the specification: the table `HAND` says what was found, and a failure that it lacks ends the script with 1.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

from benchmarks.peers_by_hand import HAND
from tests.a2a.foreign.test_sdk_client import SDK
from tests.foreign.environments import ROOT, node, npm_env, python_env
from wireproof.conformance import LEDGER, CheckResult, Report, Target, Verdict, judge

FOREIGN: Final = ROOT / "tests" / "conformance" / "foreign"
AGENTS: Final = ROOT / "tests" / "a2a" / "foreign"
PAGE: Final = ROOT / "docs" / "peers.md"
BAD: Final = (Verdict.FAIL, Verdict.WARN)
SHOWN: Final = 400
"""Bytes of an exchange that the page shows."""


class Peer(NamedTuple):
    """A server or agent and how to start it: a command for stdio (None: not there), one with {port}, the path there."""

    name: str
    stdio: Callable[[], list[str]] | None
    http: Callable[[], list[str]]
    path: str = "/mcp"


def _python(file: str, env: str, package: str) -> Callable[[], list[str]]:
    return lambda: [str(python_env(env, [package])), str(FOREIGN / file)]


def _everything(word: str) -> list[str]:
    home = npm_env("everything", ["@modelcontextprotocol/server-everything@2026.8.31"])
    script = home / "node_modules" / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
    return [str(node()), str(script), word]


def _with_port(make: Callable[[], list[str]]) -> Callable[[], list[str]]:
    return lambda: [*make(), "{port}"]


def _of(name: str, file: str, env: str, package: str) -> Peer:
    make = _python(file, env, package)
    return Peer(name, make, _with_port(make))


def _js_agent() -> list[str]:
    home = npm_env("a2a-js", ["@a2a-js/sdk@1.3.0", "express@5"])
    return [str(node()), str(AGENTS / "js_agent.mjs"), str(home), "{port}"]


def _sdk_agent() -> list[str]:
    return [str(python_env("a2a-sdk-1.3", SDK)), str(AGENTS / "sdk_agent.py"), "{port}"]


AGENT: Final = [sys.executable, "-m", "wireproof.cli", "run", "examples/planner.py", "--http", "{port}"]
OURS: Final = [sys.executable, "-m", "wireproof.cli", "run", "examples/everything.py"]
PEERS: Final = (
    Peer("wireproof", lambda: OURS, lambda: [*OURS, "--http", "{port}"]),
    _of("mcp 2.3.0", "sdk_server.py", "mcp-2.3", "mcp==2.3.0"),
    _of("mcp 1.x", "sdk1_server.py", "mcp-1", "mcp>=1.30,<2"),
    _of("FastMCP", "fastmcp_server.py", "fastmcp", "fastmcp"),
    Peer(
        "server-everything",
        lambda: _everything("stdio"),
        lambda: ["env", "PORT={port}", *_everything("streamableHttp")],
    ),
    Peer("wireproof agent", None, lambda: AGENT, ""),
    Peer("a2a-sdk 1.3.0", None, _sdk_agent, ""),
    Peer("@a2a-js/sdk 1.3.0", None, _js_agent, ""),
)


async def reports(peer: Peer) -> list[Report]:
    """The runs over stdio, where it is spoken, and over HTTP."""
    over_http = Target.parse(f"http://127.0.0.1:{{port}}{peer.path}").spawned_by(shlex.join(peer.http()))
    targets = [over_http] if peer.stdio is None else [Target.parse(peer.stdio()), over_http]
    return [await judge(target, time_limit=240) for target in targets]


def summary(name: str, found: list[Report]) -> list[str]:
    """One row for each transport."""
    lines: list[str] = []
    for report in found:
        transport = ", ".join(dict.fromkeys(cell.rpartition("/")[0] for cell in report.cells))
        counts = " | ".join(str(report.count(verdict)) for verdict in Verdict)
        revisions = ", ".join(dict.fromkeys(cell.rpartition("/")[2] for cell in report.cells)) or report.problem
        lines.append(f"| {name} | {transport} | {revisions} | {counts} | {report.seconds:.0f} |")
    return lines


def details(name: str, found: list[Report]) -> tuple[list[str], list[str]]:
    """Each broken rule with where it broke and the last exchange of the first place; and what HAND lacks."""
    broken: dict[str, list[CheckResult]] = {}
    for report in found:
        for result in report.results:
            if result.verdict in BAD:
                broken.setdefault(result.check, []).append(result)
    lines: list[str] = [f"\n## {name}\n"]
    missing: list[str] = []
    for check, results in sorted(broken.items()):
        first = results[0]
        row = LEDGER[first.shows[0]]
        hand = HAND.get(check)
        if hand is None:
            missing.append(f"{name}: {check}: {first.detail}")
        where = ", ".join(f"{result.transport}/{result.revision}" for result in results)
        lines += [
            f"### `{check}`: {first.verdict.value}\n",
            f"[{row.level}]({row.url or 'conformance.md'}): {row.text}\n",
        ]
        lines += [f"Seen in {where}. {first.detail}\n", "```text", *_evidence(first), "```\n"]
        lines += [f"By hand: {hand or 'not checked yet.'}\n"]
    return (lines if broken else [*lines, "Nothing failed.\n"]), missing


def _evidence(result: CheckResult) -> list[str]:
    lines = [f"{item.way:9}{item.text[:SHOWN]}".replace(str(ROOT), ".") for item in result.exchanges[-6:]]
    return [
        line.encode("ascii", "backslashreplace").decode().replace("\n", "\\n").replace("```", "'''") for line in lines
    ]


async def main(words: list[str]) -> int:
    """Judge and print or write; 1 when a failure was not checked by hand."""
    wanted = [word for word in words if word != "--write"]
    head = ["| peer | transport | revisions | " + " | ".join(Verdict) + " | seconds |", "|" + "---|" * 10]
    pages: list[str] = []
    missing: list[str] = []
    for peer in PEERS:
        if wanted and peer.name not in wanted:
            continue
        found = await reports(peer)
        head += summary(peer.name, found)
        lines, lacking = details(peer.name, found)
        pages += lines
        missing += lacking
    text = "\n".join([*INTRODUCTION, *head, *pages])
    if "--write" in words:
        PAGE.write_text(text)
    else:
        print(text)
    print("\n".join(missing), file=sys.stderr)
    return 1 if missing else 0


INTRODUCTION: Final = (
    "# Peers\n",
    "What `wireproof check` finds in tool servers and agents, ours among them. Made by",
    "`python -m benchmarks.peers --write`. The foreign ones are small programs in `tests/conformance/foreign` and",
    "`tests/a2a/foreign`, each in its package's plainest way; a",
    "count is of checks times revisions. A broken SHOULD is a warning. Rules without a link are ours: what an",
    "honest peer may expect of a robust one. Each entry was compared with the specification by hand.\n",
)

if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
