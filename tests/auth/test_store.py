"""Stores keep tokens whole, for their owner alone, and for many processes."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from wireproof.auth import FileStore, KeyringStore, MemoryStore, StoreUnavailable, TokenStore
from wireproof.auth.oauth import store as store_module

WRITER = """
import asyncio, sys
from wireproof.auth import FileStore

async def main(path, name, count):
    store = FileStore(path)
    for n in range(count):
        await store.save(f"{name}-{n}", {"n": n})

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""
RENEWER = """
import asyncio, sys
from wireproof.auth import FileStore

async def main(path, rounds):
    store = FileStore(path)
    for _ in range(rounds):
        async with store.hold("tokens"):
            value = await store.load("tokens") or {"n": 0}
            await asyncio.sleep(0)
            await store.save("tokens", {"n": value["n"] + 1})

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""
KILLED = """
import asyncio, sys
from wireproof.auth import FileStore

async def main(path):
    store = FileStore(path)
    n = 0
    while True:
        n += 1
        await store.save("a", {"n": n, "pad": "x" * 50_000})
        if n == 1:
            print("going", flush=True)

asyncio.run(main(sys.argv[1]))
"""


class MemoryKeyring(KeyringBackend):
    """A keyring for tests, in this process."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[tuple[str, str], str] = {}
        self.locked = False

    def _check(self) -> None:
        if self.locked:
            raise KeyringLocked("locked")

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.values.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.values[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        if self.values.pop((service, username), None) is None:
            raise PasswordDeleteError("none")


@pytest.fixture
def ring() -> MemoryKeyring:
    before = keyring.get_keyring()
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture(params=["memory", "file", "keyring"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path, ring: MemoryKeyring) -> TokenStore:
    stores: dict[str, TokenStore] = {
        "memory": MemoryStore(),
        "file": FileStore(tmp_path / "new" / "tokens.json"),
        "keyring": KeyringStore("test"),
    }
    return stores[request.param]


async def test_what_is_saved_is_loaded_until_it_is_deleted(any_store: TokenStore) -> None:
    assert await any_store.load("a") is None
    await any_store.delete("a")
    await any_store.save("a", {"n": 1, "t": "é\n"})
    await any_store.save("b", {"n": 2})
    await any_store.save("a", {"n": 3, "t": "é\n"})
    assert await any_store.load("a") == {"n": 3, "t": "é\n"}
    await any_store.delete("a")
    assert (await any_store.load("a"), await any_store.load("b")) == (None, {"n": 2})


async def test_one_holder_at_a_time(any_store: TokenStore) -> None:
    inside, order = 0, []

    async def renew(n: int) -> None:
        nonlocal inside
        async with any_store.hold("a"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            order.append(n)
            inside -= 1

    await asyncio.gather(*(renew(n) for n in range(5)))
    assert sorted(order) == [0, 1, 2, 3, 4]


async def test_a_holder_of_one_key_does_not_hinder_another(any_store: TokenStore) -> None:
    async with any_store.hold("a"), any_store.hold("b"):
        await any_store.save("a", {})


async def test_the_hold_is_given_back_when_its_holder_fails_or_is_cancelled(any_store: TokenStore) -> None:
    with pytest.raises(RuntimeError):
        async with any_store.hold("a"):
            raise RuntimeError
    started = asyncio.Event()

    async def sit() -> None:
        async with any_store.hold("a"):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(sit())
    await started.wait()
    task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(5), any_store.hold("a"):
        pass


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "deep" / "tokens.json"
        await FileStore(path).save("a", {"access_token": "secret"})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(other.stat().st_mode) == 0o600 for other in path.parent.iterdir())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null", b'{"a": 7}'])
async def test_a_file_that_holds_nonsense_counts_as_empty_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokens.json"
    path.write_bytes(content)
    store = FileStore(path)
    assert await store.load("a") is None
    await store.save("b", {"n": 1})
    assert await store.load("b") == {"n": 1}


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be"):
        await FileStore(tmp_path / "file" / "tokens.json").save("a", {})
    with pytest.raises(StoreUnavailable, match="cannot be"):
        await FileStore(tmp_path).load("a")


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


async def test_four_processes_lose_no_write(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    writers = [run(WRITER, str(path), f"w{n}", "25") for n in range(4)]
    for writer in writers:
        _, errors = writer.communicate(timeout=50)
        assert writer.returncode == 0, errors
    kept = json.loads(path.read_text())
    assert set(kept) == {f"w{n}-{m}" for n in range(4) for m in range(25)}


async def test_renewals_of_several_processes_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    renewers = [run(RENEWER, str(path), "15") for _ in range(3)]
    for renewer in renewers:
        _, errors = renewer.communicate(timeout=50)
        assert renewer.returncode == 0, errors
    assert await FileStore(path).load("tokens") == {"n": 45}


async def test_a_writer_that_is_killed_leaves_a_whole_file_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    for _ in range(5):
        writer = run(KILLED, str(path))
        assert writer.stdout is not None
        assert writer.stdout.readline() == "going\n"
        writer.kill()
        writer.communicate(timeout=20)
        value = await FileStore(path).load("a")
        assert value is not None
        assert len(value["pad"]) == 50_000
        await FileStore(path).save("b", {"n": 1})
        assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


async def test_a_lock_that_others_keep_too_long_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LOCK_S", 0.1)
    one, two = FileStore(tmp_path / "t.json"), FileStore(tmp_path / "t.json")
    async with one.hold("a"):
        with pytest.raises(StoreUnavailable, match="held by another process"):
            async with two.hold("a"):
                pass
    memory = MemoryStore()
    async with memory.hold("a"):
        with pytest.raises(StoreUnavailable, match="renews"):
            async with memory.hold("a"):
                pass


async def test_a_locked_keyring_is_an_error_that_says_what_to_do(ring: MemoryKeyring) -> None:
    ring.locked = True
    store = KeyringStore()
    for work in (store.load("a"), store.save("a", {}), store.delete("a")):
        with pytest.raises(StoreUnavailable, match="unlock it"):
            await work
