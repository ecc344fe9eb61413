"""Where tasks live: stores that cannot be used are refused at the start, stores that go away are waited for."""

from __future__ import annotations

import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.mcp_tools.tasks.jobs import META, accept, ended, get, make_server, start, until, update
from tests.mcp_tools.tasks.test_calls import text_of
from tests.mcp_tools.wire import connected
from tests.tasks.conftest import POSTGRES, REDIS, drop_prefix, drop_schema, need
from wireproof.auth.sealing import Keyring
from wireproof.tasks import StoreRefused, StoreUnavailable

DURABLE = Path(__file__).parent / "durable.py"
NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An address of each engine that outlives a process, for one test."""
    name = f"t_{secrets.token_hex(6)}"
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'tasks.db'}"
    elif request.param == "postgresql":
        need("PostgreSQL", 5432)
        yield f"{POSTGRES}?schema={name}"
        await drop_schema(name)
    else:
        need("Redis", 6379)
        yield f"{REDIS}?prefix={name}"
        await drop_prefix(name)


async def test_every_engine_carries_a_task_from_its_question_to_its_end(url: str) -> None:
    server, _ = make_server(store=url)
    async with connected(server) as wire:
        id_ = (await start(wire, "ask_both"))["taskId"]
        await until(wire, id_, "input_required")
        await update(wire, id_, name=accept(name="Ada"))
        await update(wire, id_, sure=accept(sure=True))
        task = await ended(wire, id_)
    assert text_of(task) == "Ada True"
    async with connected(server) as wire:
        assert await get(wire, id_) == task


async def test_two_replicas_share_their_tasks_and_the_pages_of_their_list(url: str) -> None:
    near, _ = make_server(store=url)
    far, _ = make_server(store=url)
    async with connected(near) as here, connected(far) as there:
        id_ = (await start(here, "ask"))["taskId"]
        await until(there, id_, "input_required")
        await update(there, id_, elicit_1=accept(name="Ada"))
        assert text_of(await ended(here, id_)) == "accept Ada"


async def test_a_cancel_through_another_replica_reaches_the_running_code(url: str) -> None:
    near, bench = make_server(store=url)
    async with connected(near) as here:
        id_ = (await start(here, "wait"))["taskId"]
        await bench.entered.wait()
        far, _ = make_server(bench, store=url)
        async with connected(far) as there:
            await there.request("tasks/cancel", {"taskId": id_}, meta=META)
            assert (await ended(there, id_))["status"] == "cancelled"
    assert bench.left.is_set()


@pytest.mark.parametrize(("address", "name", "port"), [(POSTGRES, "PostgreSQL", 5432), (REDIS, "Redis", 6379)])
async def test_a_shared_store_is_refused_to_a_server_whose_keys_no_replica_knows(
    address: str, name: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(name, port)
    monkeypatch.delenv("WIREPROOF_KEYRING", raising=False)
    for keyring in (None, Keyring.random()):
        server, _ = make_server(store=address, keyring=keyring)
        with pytest.raises(StoreRefused, match="Give all replicas the same secrets"):
            async with server.running():
                pass


async def test_bad_keys_from_the_environment_are_refused_with_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    need("Redis", 6379)
    monkeypatch.setenv("WIREPROOF_KEYRING", "short")
    server, _ = make_server(store=REDIS, keyring=None)
    with pytest.raises(StoreRefused, match="a secret has 5 bytes"):
        async with server.running():
            pass


async def test_a_locked_store_fails_the_call_in_the_protocols_words_and_works_again_after(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    server, _ = make_server(store=f"sqlite:///{path}?lock_timeout=0.05")
    async with connected(server) as wire:
        id_ = (await start(wire, "ask"))["taskId"]
        await until(wire, id_, "input_required")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            responses = {"taskId": id_, "inputResponses": {"elicit-1": accept(name="Ada")}}
            refusal = await wire.refused("tasks/update", responses, meta=META)
            assert refusal.code == -32603
            assert refusal.message == "Internal error: the store of tasks is not available now; try again later"
            assert (await wire.refused("tools/call", {"name": "brief", "arguments": {}}, meta=META)).code == -32603
        await update(wire, id_, elicit_1=accept(name="Ada"))
        assert text_of(await ended(wire, id_)) == "accept Ada"


async def test_the_keys_of_all_replicas_may_come_from_the_environment(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREPROOF_KEYRING", "x" * 32)
    server, _ = make_server(store=url, keyring=None)
    async with connected(server) as wire:
        made = await start(wire, "brief")
        assert (await ended(wire, made["taskId"]))["status"] == "completed"


async def test_a_store_that_is_down_stops_the_start() -> None:
    server, _ = make_server(store=NOBODY)
    with pytest.raises(StoreUnavailable):
        async with server.running():
            pass
    async with connected(make_server()[0]) as wire:
        await start(wire, "brief")


def broken_file(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)


def foreign_file(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE recipes (name TEXT)")


REFUSED: dict[str, Any] = {"damaged": broken_file, "another program's": foreign_file}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("over", [[], ["--http", "0"]], ids=["stdio", "http"])
def test_a_file_that_is_no_store_ends_the_command_with_a_reason_and_stays_as_it_is(
    make: Any, over: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "tasks.db"
    make(path)
    before = path.read_bytes()
    ended = run_with(f"sqlite:///{path}", *over)
    assert ended.returncode != 0
    assert b"store cannot be used" in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert path.read_bytes() == before


BAD_ADDRESSES = {
    NOBODY: b"store is not available",
    "mysql://x": b"a store address starts with one of",
    "sqlite://": b"names no file",
    "sqlite:////nowhere/at/all/tasks.db": b"sqlite store",
}


@pytest.mark.parametrize("over", [[], ["--http", "0"]], ids=["stdio", "http"])
@pytest.mark.parametrize(("address", "says"), BAD_ADDRESSES.items(), ids=BAD_ADDRESSES.keys())
def test_an_address_that_leads_nowhere_ends_the_command_with_a_reason(
    address: str, says: bytes, over: list[str]
) -> None:
    ended = run_with(address, *over)
    assert ended.returncode != 0
    assert says in ended.stderr
    assert b"Traceback" not in ended.stderr


def run_with(address: str, *over: str) -> subprocess.CompletedProcess[bytes]:
    """The command with that store; it must end by itself."""
    command = [sys.executable, "-m", "wireproof.cli", "run", str(DURABLE), "--store", address, *over]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False, env={**os.environ}
    )
