"""Cancellation reaches code that talks to Redis, whenever it comes."""

from __future__ import annotations

import asyncio

from tests.tasks.conftest import need
from wireproof.tasks.opening import open_store
from wireproof.tasks.records import BROADCAST


async def test_a_cancellation_is_not_lost_at_whatever_step_of_a_command_it_comes(redis_url: str) -> None:
    need("Redis", 6379)
    async with open_store(redis_url) as store:

        async def ask_for_ever() -> None:
            while True:
                await store.topic_end(BROADCAST, "nothing")

        for ticks in range(120):
            asking = asyncio.create_task(ask_for_ever())
            for _ in range(ticks % 40):
                await asyncio.sleep(0)
            asking.cancel()
            _, lost = await asyncio.wait([asking], timeout=5)
            assert not lost
            assert asking.cancelled()
