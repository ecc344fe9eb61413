"""Where tokens and registrations are kept between calls: in memory, in one file, or in the system's keyring.

Stores keep JSON objects under text keys and know nothing of what is in them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

from wireproof.auth.documents import as_object, read_object
from wireproof.schemas.jsonrpc import JSONObject

T = TypeVar("T")
LOCK_S: Final = 30.0
"""Seconds that a process waits for another one's lock."""
_POLL_S: Final = 0.02


class StoreUnavailable(Exception):
    """The store cannot be read, written or locked."""


class TokenStore(Protocol):
    """Keeps JSON objects under keys. All methods may raise `StoreUnavailable`."""

    async def load(self, key: str) -> JSONObject | None:
        """What is kept under the key; None when nothing is."""
        ...

    async def save(self, key: str, value: JSONObject) -> None:
        """Keep a value, in place of an earlier one, at once and whole."""
        ...

    async def delete(self, key: str) -> None:
        """Forget a value; nothing happens when there is none."""
        ...

    def hold(self, key: str) -> AbstractAsyncContextManager[None]:
        """Keep others with the same store from renewing what is under the key, while the block runs."""
        ...


class MemoryStore:
    """Keeps everything in this process; the default."""

    def __init__(self) -> None:
        self._values: dict[str, JSONObject] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def load(self, key: str) -> JSONObject | None:
        """What is kept under the key."""
        return self._values.get(key)

    async def save(self, key: str, value: JSONObject) -> None:
        """Keep a value."""
        self._values[key] = value

    async def delete(self, key: str) -> None:
        """Forget a value."""
        self._values.pop(key, None)

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncGenerator[None]:
        """One holder at a time among the clients that share this store."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(LOCK_S):
                await lock.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"a client of this process renews for more than {LOCK_S:g} s") from None
        try:
            yield
        finally:
            lock.release()


class FileStore:
    """Keeps everything in one JSON file that only its owner can read, safely for many processes.

    Each change locks a file beside it, reads, writes a new file and puts it in place of the old one, so a reader sees
    the old or the new content and never half of it. A file that holds no JSON object counts as empty.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    async def load(self, key: str) -> JSONObject | None:
        """What is kept under the key."""
        return as_object((await asyncio.to_thread(self._read)).get(key))

    async def save(self, key: str, value: JSONObject) -> None:
        """Keep a value."""

        def put(values: JSONObject) -> None:
            values[key] = value

        await self._change(put)

    async def delete(self, key: str) -> None:
        """Forget a value."""

        def drop(values: JSONObject) -> None:
            values.pop(key, None)

        await self._change(drop)

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncGenerator[None]:
        """One holder at a time among all processes with this file."""
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        async with _locked(self._path.with_name(f"{self._path.name}.{name}.lock")):
            yield

    async def _change(self, edit: Callable[[JSONObject], None]) -> None:
        async with _locked(self._path.with_name(f"{self._path.name}.lock")):
            await asyncio.shield(asyncio.to_thread(self._rewrite, edit))

    def _read(self) -> JSONObject:
        try:
            return read_object(self._path.read_bytes()) or {}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be read: {error.strerror}") from error

    def _rewrite(self, edit: Callable[[JSONObject], None]) -> None:
        values = self._read()
        edit(values)
        try:
            for left in self._path.parent.glob(f".{self._path.name}.*"):
                left.unlink(missing_ok=True)  # of a process that was killed; the lock is ours, so nobody writes it
            # mkstemp makes the file for its owner alone, before anything is in it.
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(values, file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreUnavailable(f"{self._path} cannot be written: {error.strerror}") from error


@asynccontextmanager
async def _locked(path: Path) -> AsyncGenerator[None]:
    """Hold an advisory lock on a file of its own. Raises `StoreUnavailable` when others keep it too long."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be opened: {error.strerror}") from error
    try:
        deadline = time.monotonic() + LOCK_S
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise StoreUnavailable(f"{path} is held by another process for more than {LOCK_S:g} s")
            await asyncio.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return _try_lock_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_windows(descriptor: int) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


class KeyringStore:
    """Keeps each value as a password in the system's keyring (extra `keyring`), under one service name."""

    def __init__(self, service: str = "wireproof") -> None:
        self._service = service
        self._locks = MemoryStore()

    async def load(self, key: str) -> JSONObject | None:
        """What is kept under the key."""
        import keyring

        found = await self._call(lambda: keyring.get_password(self._service, key))
        return None if found is None else read_object(found)

    async def save(self, key: str, value: JSONObject) -> None:
        """Keep a value."""
        import keyring

        data = json.dumps(value)
        await self._call(lambda: keyring.set_password(self._service, key, data))

    async def delete(self, key: str) -> None:
        """Forget a value."""
        import keyring
        from keyring.errors import PasswordDeleteError

        def drop() -> None:
            with suppress(PasswordDeleteError):
                keyring.delete_password(self._service, key)

        await self._call(drop)

    def hold(self, key: str) -> AbstractAsyncContextManager[None]:
        """One holder at a time in this process; a keyring offers no lock to others."""
        return self._locks.hold(key)

    @staticmethod
    async def _call(work: Callable[[], T]) -> T:
        from keyring.errors import KeyringError

        try:
            return await asyncio.to_thread(work)
        except KeyringError as error:
            raise StoreUnavailable(
                f"the keyring refused ({type(error).__name__}); unlock it or use a FileStore"
            ) from error
