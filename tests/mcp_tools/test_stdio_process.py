"""A spawned server: nothing but messages on stdout, an answer to every line, and a proper end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.foreign.environments import installed
from tests.foreign.json_inputs import json_inputs
from tests.mcp_tools.pipes import NOISY, ROOT, spawned

PARSE_ERROR, INVALID_REQUEST = -32700, -32600


def test_nothing_that_user_code_prints_reaches_the_wire() -> None:
    with spawned() as server:
        server.call(1, "shout")
        assert server.message()["result"]["content"][0]["text"] == "quiet"
        server.call(2, "read_stdin")
        assert server.message()["result"]["content"][0]["text"] == "''"
        server.close_stdin()
        assert server.rest() == []
        assert server.ended() == 0
        said = server.stderr()
    for text in (
        "while loading",
        "fd 1 while loading",
        "in a tool",
        "first stdout",
        "to fd 1",
        "from a child",
        "from C",
    ):
        assert text in said


BAD_LINES = {
    "no JSON": (b"hello\n", None, PARSE_ERROR),
    "an empty line": (b"\n", None, PARSE_ERROR),
    "white space": (b"  \r\n", None, PARSE_ERROR),
    "no UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}\n', None, PARSE_ERROR),
    "a key twice": (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}\n', None, PARSE_ERROR),
    "too deep": (b"[" * 5000 + b"]" * 5000 + b"\n", None, PARSE_ERROR),
    "too long": (b'"' + b"x" * (5 * 1024 * 1024) + b'"\n', None, PARSE_ERROR),
    "a batch": (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]\n', None, INVALID_REQUEST),
    "null as id": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n', None, INVALID_REQUEST),
    "a fraction as id": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}\n', None, INVALID_REQUEST),
    "no version": (b'{"id":"a","method":"ping"}\n', "a", INVALID_REQUEST),
}


def test_every_bad_line_is_answered_exactly_and_the_next_call_works() -> None:
    with spawned() as server:
        for number, (what, (line, id_, code)) in enumerate(BAD_LINES.items()):
            server.write(line)
            refused = server.message()
            assert (refused["id"], refused["error"]["code"]) == (id_, code), what
            server.send(number, "tools/list")
            assert "result" in server.answer(number), what


def test_a_duplicate_id_in_flight_is_refused_and_both_calls_are_accounted_for() -> None:
    with spawned() as server:
        server.call(7, "slow", seconds=0.2)
        server.call(7, "slow", seconds=0)
        first, second = server.message(), server.message()
        assert first["error"]["code"] == INVALID_REQUEST
        assert second["result"]["content"][0]["text"] == "slow but sure"


@pytest.mark.foreign
def test_every_json_input_is_answered_exactly_over_stdio() -> None:
    with spawned() as server:
        for given in installed(json_inputs):
            lines = given.data.split(b"\n")
            server.write(given.data + b"\n")
            answers = [server.message() for _ in lines]
            codes = {answer["error"]["code"] for answer in answers}
            assert codes <= {PARSE_ERROR, INVALID_REQUEST}, given.name
            if len(lines) == 1 and given.kind == "n":
                assert codes == {PARSE_ERROR}, given.name
            assert all(answer["id"] in (None, "x" * 40) for answer in answers), given.name
        server.send("canary", "tools/list")
        assert server.message()["id"] == "canary"


def test_after_the_end_of_input_accepted_calls_are_answered_and_the_process_ends() -> None:
    with spawned() as server:
        for id_ in range(20):
            server.call(id_, "slow", seconds=0.1)
        server.close_stdin()
        assert {message["id"] for message in server.rest()} == set(range(20))
        assert server.ended() == 0


def test_a_last_line_without_newline_is_answered() -> None:
    with spawned() as server:
        server.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        server.close_stdin()
        assert server.rest() == [{"jsonrpc": "2.0", "id": 1, "result": {}}]
        assert server.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_open_streams_properly_within_three_seconds(number: signal.Signals) -> None:
    with spawned(ROOT / "examples" / "everything.py") as server:
        server.send("sub", "subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        assert server.message()["method"] == "notifications/subscriptions/acknowledged"
        began = time.monotonic()
        server.process.send_signal(number)
        assert server.ended() == 0
        assert time.monotonic() - began < 3
        (ended,) = server.rest()
        assert (ended["id"], ended["result"]["resultType"]) == ("sub", "complete")
        assert server.stderr() == ""


def test_a_signal_gives_running_calls_a_moment_and_then_ends_even_with_a_blocked_thread() -> None:
    with spawned() as server:
        server.call(1, "wait")
        assert server.message()["method"] == "notifications/progress"
        server.call(2, "block")
        server.send(3, "tools/list")
        server.answer(3)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0
        assert time.monotonic() - began < 3
        assert server.rest() == []


def test_a_second_signal_ends_the_process_at_once() -> None:
    with spawned() as server:
        server.call(1, "wait")
        assert server.message()["method"] == "notifications/progress"
        began = time.monotonic()
        while server.process.poll() is None and time.monotonic() - began < 1.5:
            server.process.send_signal(signal.SIGTERM)
            try:
                server.process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
        assert server.process.poll() == 128 + signal.SIGTERM


def test_a_host_that_reads_nothing_is_pushed_back_and_memory_stays_flat() -> None:
    with spawned() as server:
        server.send(0, "tools/list")
        server.answer(0)
        before = _resident(server.process.pid)
        request = json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 0,
                "method": "tools/call",
                "params": {"name": "big", "arguments": {"size": 50_000}},
            }
        )
        from tests.mcp_tools.wire import MODERN_META

        assert server.process.stdin is not None
        import os

        os.set_blocking(server.process.stdin.fileno(), False)
        sent, blocked = 0, 0
        while blocked < 20 and sent < 20_000:
            message = json.loads(request)
            message["id"] = sent
            message["params"]["_meta"] = MODERN_META
            try:
                os.write(server.process.stdin.fileno(), json.dumps(message).encode() + b"\n")
                sent += 1
            except BlockingIOError:
                blocked += 1
                time.sleep(0.01)  # the pipe is full: let the server take what it will take
        assert sent < 20_000
        assert _resident(server.process.pid) - before < 64 * 1024


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no such process")


def test_a_host_that_goes_away_takes_the_server_with_it() -> None:
    with spawned() as server:
        server.call(1, "wait")
        assert server.message()["method"] == "notifications/progress"
        assert server.process.stdout is not None
        server.process.stdout.close()
        server.close_stdin()
        server.ended()


def test_a_file_may_stand_where_a_pipe_stands(tmp_path: Path) -> None:
    given, got = tmp_path / "in", tmp_path / "out"
    given.write_bytes(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n' * 3)
    with given.open("rb") as stdin, got.open("wb") as stdout:
        command = [sys.executable, "-m", "wireproof.cli", "run", str(NOISY)]
        subprocess.run(command, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL, check=True, timeout=20)
    assert len(got.read_bytes().splitlines()) == 3


BROKEN_FILES = {
    "absent.py": (None, "there is no file"),
    "empty.py": ("", "holds no ToolServer and no Agent"),
    "two.py": (
        "from wireproof.mcp_tools import ToolServer\na = ToolServer('a')\nb = ToolServer('b')\n",
        "holds 2 ToolServer objects",
    ),
    "text.txt": ("hello", "must end in .py"),
}


@pytest.mark.parametrize(("name", "given"), BROKEN_FILES.items(), ids=BROKEN_FILES.keys())
def test_a_file_that_cannot_be_served_is_explained_on_stderr(
    name: str, given: tuple[str | None, str], tmp_path: Path
) -> None:
    source, text = given
    if source is not None:
        (tmp_path / name).write_text(source)
    command = [sys.executable, "-m", "wireproof.cli", "run", str(tmp_path / name)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert text in done.stderr


def test_a_stdio_server_loads_no_http_stack_and_no_pydantic_for_plain_functions() -> None:
    script = (
        "import sys; from wireproof.mcp_tools import ToolServer; import wireproof.transports.stdio\n"
        "s = ToolServer('a'); s.add_tool(eval('lambda a: a'), name='t')\n"
        "print(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)
    loaded = set(done.stdout.split())
    heavy = {
        "uvicorn", "starlette", "httpx2", "httpx", "h11", "websockets", "anyio", "pydantic", "cryptography", "joserfc",
        "jsonschema", "typer", "rich", "email", "http",
    }  # fmt: skip
    assert loaded & heavy == set()
