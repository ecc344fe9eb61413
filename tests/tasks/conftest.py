"""Real servers for the engines: found on their standard loopback ports, never skipped where CI is set."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncIterator

import pytest

from wireproof.tasks.opening import open_store
from wireproof.tasks.testing import Opener

POSTGRES = os.environ.get("WIREPROOF_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
REDIS = os.environ.get("WIREPROOF_TEST_REDIS", "redis://127.0.0.1:6379/0")


def listens(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def need(name: str, port: int) -> None:
    """Skip with the reason where a server is missing; in CI go on and fail."""
    if not os.environ.get("CI") and not listens(port):
        pytest.skip(f"no {name} on 127.0.0.1:{port}")


async def drop_schema(schema: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(POSTGRES)
    try:
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    finally:
        await connection.close()


async def drop_prefix(prefix: str) -> None:
    import redis.asyncio as aioredis

    async with aioredis.from_url(REDIS) as client:
        async for key in client.scan_iter(match="{" + prefix + "}:*", count=1000):
            await client.delete(key)


@pytest.fixture
async def postgres_url() -> AsyncIterator[str]:
    """An address with a schema of its own."""
    need("PostgreSQL", 5432)
    schema = f"t_{secrets.token_hex(6)}"
    yield f"{POSTGRES}?schema={schema}"
    await drop_schema(schema)


@pytest.fixture
async def redis_url() -> AsyncIterator[str]:
    """An address with a prefix of its own."""
    need("Redis", 6379)
    prefix = f"t_{secrets.token_hex(6)}"
    yield f"{REDIS}?prefix={prefix}"
    await drop_prefix(prefix)


async def handles(url: str) -> AsyncIterator[Opener]:
    """A function that opens handles on one address; closes them all."""
    opened = []

    async def open_one():
        store = await open_store(url)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.aclose()
