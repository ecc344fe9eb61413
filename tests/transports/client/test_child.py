"""A spawned server: its environment, every way it can die, and the end of its whole tree."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.transports.client.census import children, is_alive, nothing_leaks, until_dead
from tests.transports.echo import Recorder
from wireproof.schemas.jsonrpc import Result, encode_notification, encode_request
from wireproof.transports.client.carrier import BadAnswer, Carrier, CarrierLost, PeerExited, Unreachable
from wireproof.transports.client.child import open_child
from wireproof.transports.exchange import Limits

PROGRAM = (sys.executable, "-S", str(Path(__file__).with_name("server_program.py")))


async def call(carrier: Carrier, id_: int, method: str, **params: Any) -> Any:
    answered = await carrier.ask(id_, encode_request(id_, method, params))
    assert isinstance(answered.message, Result)
    return answered.message.result


@asynccontextmanager
async def spawned(**options: Any) -> AsyncGenerator[Carrier]:
    options.setdefault("stderr", "capture")
    async with nothing_leaks():
        carrier = await open_child(PROGRAM, Recorder, **options)
        try:
            yield carrier
        finally:
            await carrier.aclose()


async def test_calls_are_answered_and_closing_ends_the_process_quickly() -> None:
    async with spawned() as carrier:
        assert await asyncio.gather(*(call(carrier, n, "echo", n=n) for n in range(50))) == [
            {"n": n} for n in range(50)
        ]
        began = time.monotonic()
        await carrier.aclose()
        assert time.monotonic() - began < 1
        with pytest.raises(CarrierLost):
            await call(carrier, 99, "echo")


async def test_a_server_gets_a_session_of_its_own_and_only_safe_variables(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("A_SECRET", "s")
    async with spawned(env={"GIVEN": "yes"}, cwd=str(tmp_path)) as carrier:
        where, pid, session, group = await call(carrier, 1, "where")
        assert (where, session, group) == (str(tmp_path), pid, pid)
        environment = await call(carrier, 2, "environment")
        assert environment["GIVEN"] == "yes"
        assert environment["PATH"] == os.environ["PATH"]
        assert "A_SECRET" not in environment


@pytest.mark.parametrize(
    ("method", "params", "code"), [("exit", {"code": 3}, 3), ("kill", {}, -signal.SIGKILL), ("half", {}, 4)]
)
async def test_a_server_that_dies_fails_every_call_at_once_with_its_code(
    method: str, params: dict[str, Any], code: int
) -> None:
    async with spawned() as carrier:
        waiting = [asyncio.create_task(call(carrier, n, "silent")) for n in range(5)]
        await call(carrier, 10, "echo")
        began = time.monotonic()
        dying = asyncio.create_task(call(carrier, 11, method, **params))
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert time.monotonic() - began < 0.9
        assert {type(end) for end in ends} == {PeerExited}
        assert {end.code for end in ends if isinstance(end, PeerExited)} == {code}
        with pytest.raises((PeerExited, BadAnswer)):
            await dying
        with pytest.raises(PeerExited):
            await call(carrier, 12, "echo")
        with pytest.raises(PeerExited):
            await carrier.tell(encode_notification("x"))


async def test_the_last_words_of_a_dead_server_are_told() -> None:
    async with spawned() as carrier:
        with pytest.raises(PeerExited, match=r"exited with code 3\. The last of its stderr: the last words") as caught:
            await call(carrier, 1, "exit", code=3)
        assert caught.value.stderr == "the last words\n"


async def test_an_answer_given_right_before_death_arrives() -> None:
    for _ in range(10):
        async with spawned() as carrier:
            assert await call(carrier, 1, "answer_and_exit") == "done"


async def test_only_the_tail_of_a_noisy_stderr_is_kept_and_the_noise_blocks_nobody() -> None:
    async with spawned() as carrier:
        await call(carrier, 1, "noise")
        await call(carrier, 2, "noise")
        with pytest.raises(PeerExited) as caught:
            await call(carrier, 3, "kill")
        assert len(caught.value.stderr) == 8192
        assert caught.value.stderr.endswith("the end of the noise\n")


async def test_stderr_is_passed_on_where_wanted(capsys: Any) -> None:
    async with spawned(stderr="inherit") as carrier:
        with pytest.raises(PeerExited):
            await call(carrier, 1, "exit", code=0)
    assert capsys.readouterr().err == "the last words\n"


async def test_a_server_that_closes_its_output_and_stays_is_ended() -> None:
    async with spawned() as carrier:
        pid = (await call(carrier, 1, "where"))[1]
        with pytest.raises(CarrierLost, match="closed its output"):
            await call(carrier, 2, "close_output")
        await carrier.aclose()
        assert not is_alive(pid)


async def test_a_grandchild_that_ignores_everything_is_ended_with_its_parent() -> None:
    async with spawned() as carrier:
        pid = await call(carrier, 1, "grandchild")
        assert is_alive(pid)
        began = time.monotonic()
        await carrier.aclose()
        assert time.monotonic() - began < 5
        await until_dead(pid)


async def test_a_grandchild_that_outlives_its_parent_is_ended_and_holds_nothing_up() -> None:
    async with spawned() as carrier:
        pid = await call(carrier, 1, "grandchild", leave=True)
        began = time.monotonic()
        with pytest.raises(PeerExited):
            await call(carrier, 2, "silent")
        assert time.monotonic() - began < 1
        await carrier.aclose()
        await until_dead(pid)


@pytest.mark.parametrize("method", ["stubborn", "deaf"])
async def test_a_server_that_does_not_go_is_killed_within_five_seconds(method: str) -> None:
    async with spawned() as carrier:
        pid = await call(carrier, 1, method)
        began = time.monotonic()
        await carrier.aclose()
        assert time.monotonic() - began < 5.5
        assert not is_alive(pid)


async def test_a_cancelled_close_kills_the_tree_at_once() -> None:
    async with spawned() as carrier:
        pid = await call(carrier, 1, "stubborn")
        closing = asyncio.create_task(carrier.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        began = time.monotonic()
        await asyncio.wait([closing])
        assert closing.cancelled()
        assert time.monotonic() - began < 1
        assert not is_alive(pid)


async def test_closing_while_calls_run_and_closing_twice_from_two_tasks() -> None:
    async with spawned() as carrier:
        waiting = asyncio.create_task(call(carrier, 1, "silent"))
        await call(carrier, 2, "echo")
        await asyncio.gather(carrier.aclose(), carrier.aclose())
        with pytest.raises(CarrierLost, match="closed by this side"):
            await waiting


async def test_a_loop_that_ends_without_closing_leaves_no_orphan() -> None:
    pids: list[int] = []

    async def forgetful() -> None:
        carrier = await open_child(PROGRAM, Recorder, stderr="capture")
        pids.append((await call(carrier, 1, "where"))[1])
        closing = asyncio.create_task(carrier.aclose())  # left to its fate
        await asyncio.sleep(0)
        del closing

    await asyncio.to_thread(asyncio.run, forgetful())
    await until_dead(pids[0])
    assert pids[0] not in children()


async def test_a_process_that_never_closes_leaves_no_orphan() -> None:
    script = (
        "import asyncio\n"
        "from wireproof.transports.client.child import open_child\n"
        "from tests.transports.client.test_child import PROGRAM, Recorder, call\n"
        "async def main():\n"
        "    carrier = await open_child(PROGRAM, Recorder)\n"
        "    print(await call(carrier, 1, 'stubborn'), flush=True)\n"
        "    raise SystemExit(0)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    await until_dead(int(out))


@pytest.mark.parametrize(
    ("command", "options", "match"),
    [
        (["no-such-program-here"], {}, "there is no program 'no-such-program-here'"),
        ([sys.executable], {"cwd": "/no/such/folder"}, "there is no folder"),
        ([str(Path(__file__))], {}, "Permission denied"),
        ([sys.executable, "a\0b"], {}, "NUL"),
    ],
)
async def test_a_program_that_cannot_start_says_why(command: list[str], options: dict[str, str], match: str) -> None:
    async with nothing_leaks():
        with pytest.raises(Unreachable, match=match):
            await open_child(command, Recorder, cwd=options.get("cwd"))


async def test_a_ten_megabyte_line_fails_its_call_and_the_server_lives_on() -> None:
    async with spawned(limits=Limits(message=1024 * 1024)) as carrier:
        with pytest.raises(BadAnswer, match="more than 1048576 bytes"):
            await call(carrier, 1, "big", size=10 * 1024 * 1024)
        assert await call(carrier, 2, "echo", n=2) == {"n": 2}


async def test_both_sides_may_send_much_at_the_same_time() -> None:
    async with spawned(limits=Limits(outgoing=65536)) as carrier:
        fill = "x" * 300_000
        answers = await asyncio.gather(*(call(carrier, n, "echo", fill=fill) for n in range(10)))
        assert all(answer == {"fill": fill} for answer in answers)


async def test_many_servers_one_after_another_leave_nothing() -> None:
    async with nothing_leaks():
        for number in range(30):
            carrier = await open_child(PROGRAM, Recorder, stderr="capture")
            method = ("echo", "answer_and_exit", "noise")[number % 3]
            await call(carrier, number, method)
            await carrier.aclose()
