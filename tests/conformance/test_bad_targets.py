"""Whatever a target does, a run ends in time, with a verdict, without a traceback, and leaves no process behind."""

from __future__ import annotations

import os
import shlex
import sys
import time
import uuid
from pathlib import Path

import pytest

from tests.conformance.judged import wireproof

PYTHON = sys.executable
ANSWER_ANY = """
import json, sys
for line in sys.stdin:
    try: message = json.loads(line)
    except ValueError: continue
    if isinstance(message, dict) and "id" in message:
        print(json.dumps({{"jsonrpc": "2.0", "id": message["id"], "result": {result}}}), flush=True)
"""
LIES = {
    "a-number": "7",
    "null": "None",
    "lists-for-objects": (
        '{"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": [], "resources": 1, '
        '"prompts": "x"}, "tools": [1, None, {"name": 3}, {"name": "a", "inputSchema": []}], "resources": {}, '
        '"prompts": [[]], "protocolVersion": "2025-11-25", "serverInfo": 5, "_meta": [], "ttlMs": "x", "nextCursor": {}}'
    ),
    "a-pattern-without-end": (
        '{"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "tools": [{"name": '
        '"a", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object", "properties": {"x": {"pattern": '
        '"^(a+)+$"}}}}], "content": [], "structuredContent": {"x": "a" * 60 + "b"}, "ttlMs": 1, "cacheScope": "public"}'
    ),
}
SCRIPTS = {
    "ends-at-once": ("import sys; sys.exit(3)", 3),
    "prints-and-ends": ("print('hello')", 3),
    "hangs": ("import time; time.sleep(1000)", 3),
    "hangs-and-ignores-term": ("import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(1000)", 3),
    "echoes": ("import sys\nfor line in sys.stdin: print(line, end='', flush=True)", 3),
    "floods": ("import sys\nwhile True: sys.stdout.write('noise\\n')", 3),
    "floods-json": ('import sys\nwhile True: sys.stdout.write(\'{"jsonrpc":"2.0","method":"x"}\\n\')', 3),
    "one-endless-line": ("import sys\nwhile True: sys.stdout.write('x' * 65536)", 3),
    "spawns-a-grandchild": ("import subprocess,time; subprocess.Popen(['sleep', '1000']); time.sleep(1000)", 3),
    "closes-stdin": ("import os,time; os.close(0); time.sleep(1000)", 3),
}
LIMIT = 3.5


def left(marker: str) -> list[str]:
    """Processes whose environment has the marker."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int(entry.name) != os.getpid() and marker in (entry / "environ").read_text():
                found.append((entry / "cmdline").read_text())
        except (OSError, UnicodeDecodeError):
            continue
    return found


def judged(target: str, *options: str, limit: float = LIMIT) -> tuple[int, str]:
    marker = f"wireproof-test-{uuid.uuid4().hex}"
    os.environ["WIREPROOF_TEST_MARKER"] = marker
    try:
        began = time.monotonic()
        ran = wireproof("check", target, "--time-limit", str(limit), *options, timeout=limit + 40)
        took = time.monotonic() - began
    finally:
        del os.environ["WIREPROOF_TEST_MARKER"]
    assert "Traceback" not in ran.out + ran.err
    assert took < limit + 4, f"{took:.1f} s with a limit of {limit} s"
    assert left(marker) == []
    return ran.code, ran.out


@pytest.mark.parametrize(("script", "code"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_command_that_is_no_server_is_told_so_in_time(script: str, code: int):
    found, out = judged(shlex.join([PYTHON, "-c", script]))
    assert found == code, out
    assert "Nothing" in out


@pytest.mark.parametrize("result", LIES.values(), ids=LIES.keys())
def test_a_server_that_lies_gets_verdicts(result: str):
    found, out = judged(shlex.join([PYTHON, "-c", ANSWER_ANY.format(result=result)]), limit=12)
    assert found in {1, 3, 4}, out


def test_a_server_that_dies_midway_gets_verdicts():
    script = (
        "import os,sys\nfrom wireproof.conformance.miniatures import mcp_stdio as m\nm.Pipe.spoil = spoil\nm.main()"
    )
    head = "count = []\ndef spoil(self, line):\n  count.append(1)\n  if len(count) > 30: os._exit(1)\n  return False\n"
    found, out = judged(shlex.join([PYTHON, "-c", head + script]), limit=30)
    assert found == 1, out


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/mcp", "ws://127.0.0.1:9/ws", "http://[::1]:9/mcp"])
def test_a_url_where_nobody_listens_is_told_so(url: str):
    found, out = judged(url)
    assert found == 3
    assert "Nothing to judge" in out


def test_a_web_server_that_is_no_tool_server_is_told_so(tmp_path: Path):
    command = shlex.join([PYTHON, "-m", "http.server", "{port}", "--bind", "127.0.0.1", "-d", str(tmp_path)])
    found, out = judged("http://127.0.0.1:{port}/mcp", "--spawn", command)
    assert found == 3, out


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://"],
        [""],
        ["nowhere.py"],
        ["'unclosed"],
        ["examples/weather.py", "--report", "what.is-this"],
        ["examples/weather.py", "--baseline", "no-such-file.yaml"],
        ["examples/weather.py", "--bearer", "@no-such-file"],
        ["examples/weather.py", "--spawn", "x"],
        ["examples/weather.py", "--time-limit", "-1"],
        ["examples/weather.py", "--check", "no.such.check"],
    ],
)
def test_a_wrong_call_is_exit_code_2_with_words_on_stderr(arguments: list[str]):
    ran = wireproof("check", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.strip()
    assert "Traceback" not in ran.err
