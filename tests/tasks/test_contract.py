"""Every engine passes the contract that third parties can run on theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from wireproof.tasks.memory import MemoryStore
from wireproof.tasks.testing import Opener, StoreContract

from .conftest import handles


class TestMemory(StoreContract):
    @pytest.fixture
    async def stores(self) -> AsyncIterator[Opener]:
        async with MemoryStore() as store:

            async def same() -> MemoryStore:
                return store

            yield same


class TestSqlite(StoreContract):
    @pytest.fixture
    async def stores(self, tmp_path) -> AsyncIterator[Opener]:
        async for opener in handles(f"sqlite:///{tmp_path}/tasks.db"):
            yield opener


class TestPostgres(StoreContract):
    @pytest.fixture
    async def stores(self, postgres_url) -> AsyncIterator[Opener]:
        async for opener in handles(postgres_url):
            yield opener


class TestRedis(StoreContract):
    @pytest.fixture
    async def stores(self, redis_url) -> AsyncIterator[Opener]:
        async for opener in handles(redis_url):
            yield opener
