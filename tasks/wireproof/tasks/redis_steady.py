"""Connections to Redis that lose no cancellation.

The driver sends under `asyncio.wait_for`, which before Python 3.12 swallows a cancellation that comes just as the send
ends: a task that was cancelled would go on for ever. Knows nothing of stores.
"""

from __future__ import annotations

import asyncio
from typing import Any


def steady(connection_class: Any) -> Any:
    """The same class of connection (`Any`: the driver's classes are untyped here), sending without that loss."""

    class Steady(connection_class):  # type: ignore[misc]
        async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            """Send, and raise the `CancelledError` that came meanwhile."""
            task = asyncio.current_task()
            before = task.cancelling() if task is not None else 0
            driver: Any = super()
            await driver.send_packed_command(command, check_health)
            if task is not None and task.cancelling() > before:
                await self.disconnect(nowait=True)  # its reply will not be read
                raise asyncio.CancelledError

    return Steady
