"""The SQLite engine: one file, one writer thread, one reader thread, several processes. Standard library only.

Queued writes are committed together, one fsync for all of them. Other processes' commits are seen through the file's
`data_version`, looked at every few milliseconds while somebody waits.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Literal, Self, TypeVar

from wireproof.tasks.errors import StoreBusy, StoreFull, StoreRefused, StoreUnavailable, TaskError
from wireproof.tasks.hints import Hints
from wireproof.tasks.sql_core import Op, Transaction
from wireproof.tasks.sql_schema import MARKER, MIGRATIONS, SCHEMA_VERSION
from wireproof.tasks.sql_store import SqlStore

T = TypeVar("T")
Synchronous = Literal["FULL", "NORMAL"]

_DIALECT: Final = {"serial": "INTEGER PRIMARY KEY", "text": "TEXT", "compact": " WITHOUT ROWID"}
_OWN_TABLES: Final = ("CREATE TABLE hints (seq INTEGER PRIMARY KEY, key TEXT NOT NULL)",)
_HEADER: Final = b"SQLite format 3\x00"
_BATCH: Final = 256
_HINTS_KEPT: Final = 20_000
_APART: Final = "\x1f"
"""Stands between the keys of one commit."""
_CHECKED_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SqliteOptions:
    """How a file is opened. Times in seconds.

    `synchronous` FULL: an acknowledged commit outlives a power cut. NORMAL: several times faster, outlives the death
    of the process but may lose the last commits in a power cut (the file stays consistent).
    """

    synchronous: Synchronous = "FULL"
    lock_timeout: float = 5.0
    look: float = 0.02
    max_pages: int = 0
    """Bound of the file in pages of 4096 bytes; 0 is none."""


@dataclass(slots=True)
class _Job(Generic[T]):
    """One op, and where its outcome goes."""

    op: Callable[[Transaction], Op[T]]
    future: asyncio.Future[T]
    result: T | None = None
    failure: BaseException | None = None


_AnyJob = _Job[Any]


def refusal(failure: sqlite3.Error) -> TaskError:
    """The typed error for what SQLite says."""
    name = getattr(failure, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy("sqlite", "another process holds the database; raise lock_timeout or end that process")
    if name == "SQLITE_FULL":
        return StoreFull("sqlite", "the disk or the configured size is full; free space and retry")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreRefused("sqlite", "the file is damaged; restore it from a backup, it was not changed")
    return StoreUnavailable("sqlite", f"{failure} ({name or type(failure).__name__})")


class _Connection:
    """One SQLite connection on a thread of its own, fed by a queue. Reopened after an I/O error."""

    def __init__(
        self,
        path: Path,
        options: SqliteOptions,
        clock: Callable[[], float],
        *,
        writes: bool,
        committed: Callable[[set[str], int], None],
    ) -> None:
        self._path, self._options, self._clock, self._writes = path, options, clock, writes
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_AnyJob | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._batches = 0
        self._committed = committed
        self._hints: set[str] = set()
        self._seq = 0
        self._thread = threading.Thread(target=self._work, name=f"wireproof-sqlite-{writes=}", daemon=True)
        self._thread.start()

    def submit(self, op: Callable[[Transaction], Op[T]]) -> asyncio.Future[T]:
        """Queue one op."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(op, future))
        return future

    async def stop(self) -> None:
        """End after everything queued before."""
        self._jobs.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _work(self) -> None:
        ending = False
        while not ending:
            jobs, ending = self._take()
            if jobs:
                self._batch(jobs)
                hints, self._hints = self._hints, set()
                with suppress(RuntimeError):  # the loop may be closed when the program ends in the middle
                    self._loop.call_soon_threadsafe(self._settle, jobs, hints, self._seq)
        self._drop()

    def _take(self) -> tuple[list[_AnyJob], bool]:
        """All that is queued now, at least one; True with them when the end was asked for."""
        first = self._jobs.get()
        if first is None:
            return [], True
        jobs = [first]
        while len(jobs) < _BATCH:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _settle(self, jobs: Sequence[_AnyJob], hints: set[str], seq: int) -> None:
        """In the loop: the callers first, then those who only wait."""
        for job in jobs:
            if job.future.done():
                continue  # its caller was cancelled
            if job.failure is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.failure)
        if hints:
            self._committed(hints, seq)

    def _batch(self, jobs: Sequence[_AnyJob]) -> None:
        """Run jobs in one transaction; when the database fails, each again in one of its own."""
        try:
            self._transact(jobs)
        except sqlite3.Error as failure:
            self._recover(failure)
            if len(jobs) > 1 and not isinstance(refusal(failure), StoreBusy):
                for job in jobs:
                    self._batch([job])
                return
            for job in jobs:
                job.failure = refusal(failure)

    def _transact(self, jobs: Sequence[_AnyJob], *, careful: bool = False) -> None:
        """All jobs in one transaction. `careful`: each in a savepoint, so that a refusal undoes only its own writes."""
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE" if self._writes else "BEGIN")
        hints: set[str] = set()
        for job in jobs:
            if not self._run(connection, job, hints, careful=careful):
                connection.execute("ROLLBACK")
                self._transact(jobs, careful=True)
                return
        if hints:
            self._seq = self._tell(connection, hints)
        connection.execute("COMMIT")
        self._hints |= hints

    def _run(self, connection: sqlite3.Connection, job: _AnyJob, hints: set[str], *, careful: bool) -> bool:
        """One op. False when it was refused after it had written, and no savepoint can undo that."""
        transaction = Transaction(self._clock(), set())
        changes = connection.total_changes
        job.failure = None
        if careful:
            connection.execute("SAVEPOINT op")
        try:
            job.result = drive(connection, job.op(transaction))
        except sqlite3.Error:
            raise
        except Exception as failure:
            job.failure = failure
            if careful:
                connection.execute("ROLLBACK TO op")
            elif connection.total_changes != changes:
                return False
        else:
            hints |= transaction.hints
        if careful:
            connection.execute("RELEASE op")
        return True

    def _tell(self, connection: sqlite3.Connection, hints: Iterable[str]) -> int:
        """Leave the hints for other processes, in the same transaction; gives their number."""
        told = connection.execute("INSERT INTO hints (key) VALUES (?)", (_APART.join(hints),))
        seq = told.lastrowid or 0
        self._batches += 1
        if self._batches % 1000 == 0:
            connection.execute("DELETE FROM hints WHERE seq <= ?", (seq - _HINTS_KEPT,))
        return seq

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, self._options, writes=self._writes)
        return self._connection

    def _recover(self, failure: sqlite3.Error) -> None:
        """Undo what is open; after anything but a lock, start with a new connection."""
        if self._connection is None:
            return
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        if not isinstance(refusal(failure), StoreBusy | StoreFull):
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def drive(connection: sqlite3.Connection, op: Op[T]) -> T:
    """Run one op on a connection that is in a transaction."""
    try:
        sql, values = next(op)
        while True:
            sql, values = op.send(connection.execute(sql, values).fetchall())
    except StopIteration as end:
        result: T = end.value
        return result


def connect(path: Path, options: SqliteOptions, *, writes: bool) -> sqlite3.Connection:
    """A connection as this engine needs it. The file must exist and be ours."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=options.lock_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute(f"PRAGMA synchronous = {options.synchronous}")
    if options.max_pages:
        connection.execute(f"PRAGMA max_page_count = {options.max_pages}")
    if not writes:
        connection.execute("PRAGMA query_only = 1")
    return connection


def prepare(path: Path, options: SqliteOptions) -> None:
    """Create or check the file and bring its schema up to date. Blocks; raises `StoreRefused` or `StoreBusy`."""
    if not path.parent.is_dir():
        raise StoreRefused("sqlite", f"there is no folder {path.parent}; create it first")
    if path.is_dir():
        raise StoreRefused("sqlite", f"{path} is a folder")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # tasks are their owners' business
        with os.fdopen(descriptor, "rb") as file:
            head = file.read(len(_HEADER))
    except OSError as failure:
        raise StoreUnavailable("sqlite", f"{path} cannot be opened: {failure.strerror}") from failure
    if head and head != _HEADER:
        raise StoreRefused("sqlite", f"{path} is no SQLite database; it was not changed. Name another file")
    try:
        _prepare(path, options)
    except sqlite3.Error as failure:
        raise refusal(failure) from failure


def _prepare(path: Path, options: SqliteOptions) -> None:
    connection = connect(path, options, writes=True)
    try:
        _check(connection, path)
        _until_unlocked(options, lambda: connection.execute("PRAGMA journal_mode = WAL").fetchall())
        connection.execute("BEGIN IMMEDIATE")
        version = _check(connection, path)
        for number in range(version, SCHEMA_VERSION):
            for statement in MIGRATIONS[number]:
                connection.execute(statement.format(**_DIALECT))
        if version == 0:
            for statement in _OWN_TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {MARKER}")
        if version < SCHEMA_VERSION:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        connection.close()


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of the file, 0 for a new one. Raises `StoreRefused`."""
    marker: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if marker != MARKER:
        if tables or marker:
            raise StoreRefused("sqlite", f"{path} belongs to another program; it was not changed. Name another file")
        return 0
    if version > SCHEMA_VERSION:
        known = f"this version of wireproof knows {SCHEMA_VERSION}"
        raise StoreRefused("sqlite", f"{path} has schema {version}, {known}; upgrade wireproof or name another file")
    if path.stat().st_size <= _CHECKED_BYTES and not connection.in_transaction:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreRefused("sqlite", f"{path} is damaged; restore it from a backup, it was not changed")
    return version


def _until_unlocked(options: SqliteOptions, run: Callable[[], object]) -> None:
    """Switching to WAL does not wait for locks by itself."""
    deadline = time.monotonic() + options.lock_timeout
    while True:
        try:
            run()
        except sqlite3.OperationalError as failure:
            if not isinstance(refusal(failure), StoreBusy) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


class SqliteStore(SqlStore):
    """One file. Made by `SqliteStore.open`; closed by who opened it."""

    engine = "sqlite"
    durable = True
    shared = False

    def __init__(self, path: Path, options: SqliteOptions, clock: Callable[[], float]) -> None:
        self.hints = Hints()
        self._options = options
        self._writer = _Connection(path, options, clock, writes=True, committed=self._committed)
        self._reader = _Connection(path, options, clock, writes=False, committed=self._committed)
        self._own: set[int] = set()
        self._seen: tuple[int, int] = (0, 0)
        self._slots = asyncio.Semaphore(4 * _BATCH)  # full: the caller waits
        self._looking = asyncio.create_task(self._look())

    @classmethod
    async def open(
        cls, path: str | Path, options: SqliteOptions = SqliteOptions(), *, clock: Callable[[], float] = time.time
    ) -> Self:
        """Open or create the file.

        Raises `StoreRefused` for a file that is damaged, of a newer schema or another program's (never changed),
        `StoreBusy` when another process holds it longer than `lock_timeout`, `StoreUnavailable` when it cannot be
        opened.
        """
        file = Path(path)
        await asyncio.get_running_loop().run_in_executor(None, prepare, file, options)
        return cls(file, options, clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """See `Store.aclose`; everything queued before is written."""
        if self.closed:
            return
        self.closed = True
        self._looking.cancel()
        with suppress(asyncio.CancelledError):
            await self._looking
        self.hints.fire_all()
        await self._writer.stop()
        await self._reader.stop()

    async def _write(self, op: Callable[[Transaction], Op[T]]) -> T:
        async with self._slots:
            self._check_open()
            return await self._writer.submit(op)

    async def _read(self, op: Callable[[Transaction], Op[T]]) -> T:
        async with self._slots:
            self._check_open()
            return await self._reader.submit(op)

    def _committed(self, keys: set[str], seq: int) -> None:
        self._own.add(seq)
        self.hints.fire(keys)

    async def _look(self) -> None:
        """Wake waiters for what other processes commit; sleeps while nobody waits."""
        while True:
            if not self.hints.waiting:
                await self.hints.somebody()
                self.hints.fire_all()
            await asyncio.sleep(self._options.look)
            try:
                keys = await self._reader.submit(lambda _: self._news())
            except TaskError:
                continue  # the calls of those who wait meet the same error and tell it
            if keys is None:
                self.hints.fire_all()
            else:
                self.hints.fire(keys)

    def _news(self) -> Op[Sequence[str] | None]:
        """Keys that other processes left since the last look; None when some were missed."""
        seen, last = self._seen
        version: int = (yield "PRAGMA data_version", ())[0][0]
        if version == seen:
            return ()
        rows = yield "SELECT seq, key FROM hints WHERE seq > ? ORDER BY seq", (last,)
        own, self._own = self._own, set()
        self._seen = (version, rows[-1][0] if rows else last)
        if last == 0 or (rows and rows[0][0] != last + 1):
            return None
        return [key for seq, keys in rows if seq not in own for key in keys.split(_APART)]
