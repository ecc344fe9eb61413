"""The PostgreSQL engine: the truth in tables, NOTIFY as a coalesced hint that carries none, a poll behind it.

A hint is sent after the commit, many in one message, so that no data transaction waits for NOTIFY's global lock.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from wireproof.tasks.errors import StoreFull, StoreRefused, StoreUnavailable, TaskError
from wireproof.tasks.hints import Hints
from wireproof.tasks.sql_core import Op, RunAgain, Transaction
from wireproof.tasks.sql_schema import MIGRATIONS, SCHEMA_VERSION
from wireproof.tasks.sql_store import SqlStore

T = TypeVar("T")

_DIALECT: Final = {
    "serial": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "text": 'TEXT COLLATE "C"',
    "compact": "",
}
_CHANNEL: Final = "wireproof_hints"
_COALESCE: Final = 0.002
_MESSAGE: Final = 7000
"""Bytes of one NOTIFY; the server's bound is 8000."""
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_IDLE: Final = 3.0
"""Seconds after which a process that is stopped in the middle of a transaction loses it, and with it the locks."""
_STUCK: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = $1 AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
  AND wait_event = 'ClientRead' AND xact_start IS NOT NULL AND state_change < clock_timestamp() - $2 * interval '1 s'
"""
"""The server's own limit does not see a client that stopped between the parts of one statement; its peers do."""
_LOCK: Final = 0x57500F
_AGAIN: Final = 5


def refusal(failure: BaseException) -> TaskError:
    """The typed error for what the driver or the server says."""
    if isinstance(failure, asyncpg.DiskFullError | asyncpg.OutOfMemoryError):
        return StoreFull("postgresql", "the server's disk or memory is full; free space and retry")
    if isinstance(failure, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidCatalogNameError):
        return StoreRefused("postgresql", f"{failure}; correct the address")
    if isinstance(failure, asyncpg.InsufficientPrivilegeError):
        return StoreRefused("postgresql", f"{failure}; grant it, or name another schema")
    return StoreUnavailable("postgresql", f"{type(failure).__name__}: {str(failure)[:200]}")


_asyncpg: Any = asyncpg  # untyped
_DRIVER: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


def session_settings(schema: str) -> dict[str, str]:
    """What every connection of a store says of itself."""
    return {
        "search_path": schema,
        "application_name": f"wireproof {schema}"[:63],
        "idle_in_transaction_session_timeout": str(int(_IDLE * 1000)),
    }


def numbered(sql: str) -> str:
    """Our statement in the server's spelling: $1 for ?, and the clauses in comments put in force."""
    counter = 0

    def mark(_: re.Match[str]) -> str:
        nonlocal counter
        counter += 1
        return f"${counter}"

    return re.sub(r"\?", mark, sql.replace("/*", "").replace("*/", ""))


class PostgresStore(SqlStore):
    """One schema of one database. Made by `PostgresStore.open`; closed by who opened it."""

    engine = "postgresql"
    durable = True
    shared = True

    def __init__(self, dsn: str, schema: str, clock: Callable[[], float] | None, timeout: float, size: int) -> None:
        self.hints = Hints()
        self._dsn, self._schema, self._clock = dsn, schema, clock
        self._timeout, self._size = timeout, size
        self._offset = 0.0
        self._spelled: dict[str, str] = {}
        self._news: set[str] = set()
        self._told = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._pool: Any = None

    @classmethod
    async def open(
        cls, url: str, *, clock: Callable[[], float] | None = None, timeout: float = 10.0, connections: int = 8
    ) -> Self:
        """Connect and bring the schema up to date; `clock` replaces the server's clock.

        Raises `StoreUnavailable` when the server is not there and `StoreRefused` for a newer schema or a wrong address.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        schema = options.pop("schema", "wireproof")
        if not _NAME.fullmatch(schema):
            raise StoreRefused("postgresql", "schema is 1 to 63 characters of a-z, 0-9 and _")
        dsn = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(options), ""))
        store = cls(dsn, schema, clock, timeout, connections)
        try:
            await store._connect()
        except _DRIVER as failure:
            await store.aclose()
            raise refusal(failure) from failure
        except ValueError as failure:
            raise StoreRefused("postgresql", f"the address cannot be read: {failure}") from failure
        return store

    async def _connect(self) -> None:
        settings = session_settings(self._schema)
        async with asyncio.timeout(self._timeout):
            first = await _asyncpg.connect(self._dsn, server_settings=settings, timeout=self._timeout)
        try:
            await self._migrate(first)
            self._offset = (
                float(await first.fetchval("SELECT extract(epoch FROM clock_timestamp())")) - time.monotonic()
            )
        finally:
            await first.close()
        self._pool = await _asyncpg.create_pool(
            self._dsn,
            min_size=1,
            max_size=self._size,
            server_settings=settings,
            timeout=self._timeout,
            command_timeout=self._timeout,
        )
        self._loops = [asyncio.create_task(self._listen()), asyncio.create_task(self._tell())]

    async def _migrate(self, connection: Any) -> None:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
            await connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
            version: int = await connection.fetchval("SELECT version FROM schema_version") or 0
            if version > SCHEMA_VERSION:
                known = f"this version of wireproof knows {SCHEMA_VERSION}"
                raise StoreRefused(
                    "postgresql", f"schema {self._schema} has version {version}, {known}; upgrade wireproof"
                )
            for number in range(version, SCHEMA_VERSION):
                for statement in MIGRATIONS[number]:
                    await connection.execute(statement.format(**_DIALECT))
            if version < SCHEMA_VERSION:
                await connection.execute("DELETE FROM schema_version")
                await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", SCHEMA_VERSION)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        if self.closed:
            return
        self.closed = True
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self.hints.fire_all()
        if self._pool is not None:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._pool.close()
            except (*_DRIVER, asyncio.CancelledError):
                self._pool.terminate()

    def _now(self) -> float:
        """The server's clock, carried by our monotonic one: a local clock that jumps changes nothing."""
        return time.monotonic() + self._offset if self._clock is None else self._clock()

    async def _write(self, op: Callable[[Transaction], Op[T]]) -> T:
        for _ in range(_AGAIN):
            try:
                result, keys = await self._transact(op, isolation="read_committed", readonly=False)
            except (RunAgain, asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
                continue
            self._announce(keys)
            return result
        raise StoreUnavailable("postgresql", f"{_AGAIN} transactions in a row lost a race; retry")

    async def _read(self, op: Callable[[Transaction], Op[T]]) -> T:
        return (await self._transact(op, isolation="repeatable_read", readonly=True))[0]

    async def _transact(
        self, op: Callable[[Transaction], Op[T]], *, isolation: str, readonly: bool
    ) -> tuple[T, set[str]]:
        self._check_open()
        transaction = Transaction(self._now(), set())
        try:
            async with (
                self._pool.acquire(timeout=self._timeout) as connection,
                connection.transaction(isolation=isolation, readonly=readonly),
            ):
                return await self._drive(connection, op(transaction)), transaction.hints
        except (RunAgain, asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            raise
        except _DRIVER as failure:
            raise refusal(failure) from failure

    async def _drive(self, connection: Any, op: Op[T]) -> T:
        try:
            sql, values = next(op)
            while True:
                rows: Sequence[Any] = await connection.fetch(self._spell(sql), *values)
                sql, values = op.send(rows)
        except StopIteration as end:
            result: T = end.value
            return result

    def _spell(self, sql: str) -> str:
        spelled = self._spelled.get(sql)
        if spelled is None:
            spelled = numbered(sql)
            if len(self._spelled) < 512:
                self._spelled[sql] = spelled
        return spelled

    # Hints

    def _announce(self, keys: set[str]) -> None:
        self.hints.fire(keys)
        self._news |= keys
        self._told.set()

    async def _tell(self) -> None:
        """Send hints that gathered meanwhile in as few messages as they fit in."""
        while True:
            await self._told.wait()
            await asyncio.sleep(_COALESCE)
            self._told.clear()
            keys, self._news = self._news, set()
            with suppress(*_DRIVER):  # lost hints are what the poll is for
                for message in messages(self._schema, keys):
                    await self._pool.execute("SELECT pg_notify($1, $2)", _CHANNEL, message)

    async def _listen(self) -> None:
        """One listening connection, made again when it is lost; then everybody looks."""
        while True:
            with suppress(*_DRIVER):
                await self._listen_once()
            await asyncio.sleep(0.2)

    async def _listen_once(self) -> None:
        connection = await _asyncpg.connect(self._dsn, timeout=self._timeout)
        lost = asyncio.Event()
        try:

            def ended(_connection: object) -> None:
                lost.set()

            connection.add_termination_listener(ended)
            await connection.add_listener(_CHANNEL, self._hear)
            self.hints.fire_all()
            while not lost.is_set():
                await self._free_locks(connection)
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _IDLE)
        finally:
            connection.terminate()

    async def _free_locks(self, connection: Any) -> None:
        """End the sessions of stopped processes that hold a transaction open."""
        with suppress(asyncpg.PostgresError):
            await connection.execute(_STUCK, session_settings(self._schema)["application_name"], _IDLE)

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        with suppress(ValueError):
            message = json.loads(str(payload))
            if message["schema"] == self._schema:
                self.hints.fire(message["keys"])


def messages(schema: str, keys: set[str]) -> list[str]:
    """Hint messages below the server's bound; a key too long for any is left to the poll."""
    packed: list[str] = []
    batch: list[str] = []
    size = 0
    for key in keys:
        length = len(json.dumps(key)) + 2
        if length > _MESSAGE:
            continue
        if size + length > _MESSAGE:
            packed.append(json.dumps({"schema": schema, "keys": batch}))
            batch, size = [], 0
        batch.append(key)
        size += length
    if batch:
        packed.append(json.dumps({"schema": schema, "keys": batch}))
    return packed
