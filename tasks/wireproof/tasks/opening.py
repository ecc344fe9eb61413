"""One address, one engine: memory://, sqlite:///path, postgresql://…, redis://… (and valkey://…, rediss://…).

Engines are imported when they are named. Knows no protocol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import Final, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from wireproof.tasks.errors import StoreRefused
from wireproof.tasks.protocols import Store


class Opening(AbstractAsyncContextManager[Store]):
    """What `open_store` returns: `await` it for a store that you close, or enter it to have it closed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: Store | None = None

    def __await__(self) -> Generator[object, None, Store]:
        return _open(self._url).__await__()

    async def __aenter__(self) -> Store:
        self._store = await _open(self._url)
        return self._store

    async def __aexit__(self, *_: object) -> None:
        if self._store is not None:
            await self._store.aclose()


def open_store(url: str) -> Opening:
    """Open a store by its address: `async with open_store(url) as store:` or `store = await open_store(url)`.

    - `memory://`: ends with the process.
    - `sqlite:///relative.db` or `sqlite:////folder/file.db`, with `?synchronous=normal` and
      `?lock_timeout=5` (seconds).
    - `postgresql://user@host/database` (needs `wireproof[postgres]`), with `?schema=wireproof`.
    - `redis://host:port/0`, `rediss://`, `valkey://`, `valkeys://` (needs `wireproof[redis]`), with
      `?prefix=wireproof`.

    Raises `StoreRefused` for a wrong address, a missing extra, a damaged or newer store, and `StoreUnavailable` when
    the server is not there.
    """
    return Opening(url)


async def _open(url: str) -> Store:
    scheme = url.partition(":")[0].partition("+")[0].lower()
    opener = _OPENERS.get(scheme)
    if opener is None or "://" not in url:
        known = ", ".join(sorted({f"{name}://" for name in _OPENERS}))
        raise StoreRefused(scheme[:32] or "unnamed", f"a store address starts with one of {known}")
    return await opener(url)


async def _memory(_url: str) -> Store:
    from wireproof.tasks.memory import MemoryStore

    return MemoryStore()


async def _sqlite(url: str) -> Store:
    from wireproof.tasks.sqlite import SqliteOptions, SqliteStore, Synchronous

    parts = urlsplit(url)
    if parts.netloc:
        raise StoreRefused("sqlite", "write sqlite:///file.db, or sqlite:////folder/file.db for a full path")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = unquote(parts.path)[1:]
    if not path:
        raise StoreRefused("sqlite", "the address names no file; write sqlite:///file.db")
    synchronous = options.pop("synchronous", "full").upper()
    try:
        lock_timeout = float(options.pop("lock_timeout", "5"))
    except ValueError:
        raise StoreRefused("sqlite", "lock_timeout is a number of seconds") from None
    if synchronous not in get_args(Synchronous) or options:
        raise StoreRefused("sqlite", "the options are synchronous=full|normal and lock_timeout=seconds")
    level: Synchronous = "FULL" if synchronous == "FULL" else "NORMAL"
    return await SqliteStore.open(path, SqliteOptions(synchronous=level, lock_timeout=lock_timeout))


async def _postgres(url: str) -> Store:
    try:
        import asyncpg as _  # noqa: F401
    except ImportError:
        raise StoreRefused("postgresql", "its driver is missing; install wireproof[postgres]") from None
    from wireproof.tasks.postgres import PostgresStore

    return await PostgresStore.open(url)


async def _redis(url: str) -> Store:
    try:
        import redis as _  # noqa: F401
    except ImportError:
        raise StoreRefused("redis", "its driver is missing; install wireproof[redis]") from None
    from wireproof.tasks.redis_streams import RedisStore

    return await RedisStore.open(url)


_OPENERS: Final[dict[str, Callable[[str], Awaitable[Store]]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgres": _postgres,
    "postgresql": _postgres,
    "redis": _redis,
    "rediss": _redis,
    "valkey": _redis,
    "valkeys": _redis,
}
