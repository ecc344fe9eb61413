"""Push notifications: an outbox worked off the request path, so that a slow webhook slows nobody.

At least once, in order for each webhook and task; every attempt is bounded and goes through the guarded fetcher, which
judges the address that it dials. Spec: A2A 1.0 sections 4.3 and 13.2.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import Final, Self

from pydantic_core import to_json

from wireproof.a2a.work import PUSH_CHANNEL
from wireproof.auth.addresses import BadURL, Reach, classify, read_url
from wireproof.auth.fetcher import Ask, FetchError, GuardedFetcher, Rules
from wireproof.schemas.jsonrpc import JSONObject
from wireproof.tasks.errors import TaskError
from wireproof.tasks.hints import Watch
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import Delivery

log = logging.getLogger("wireproof.a2a.push")

ATTEMPTS: Final = 8
"""Tries of one delivery; then it is given up, with a line in the log."""
ATTEMPT_S: Final = 10.0
_LEASE_S: Final = ATTEMPT_S + 5.0
"""What a process that died was delivering is delivered by another after that."""
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 300.0
_AT_ONCE: Final = 16
_POLL_S: Final = 5.0
_MAX_ANSWER: Final = 16 * 1024


def screen_url(url: str, *, loopback: bool = False) -> str | None:
    """Why a webhook may not be registered, None when it may. The address itself is judged again at each delivery."""
    try:
        target = read_url(url)
    except BadURL as error:
        return error.reason
    if target.is_loopback_name:
        return None if loopback else "names this machine"
    if target.literal is not None and classify(target.literal) is not Reach.PUBLIC:
        return "is no public address"
    return None if target.scheme == "https" else "must be https"


class PushWorker:
    """Delivers what commits put into the outbox, for any task of the store. Entered and left by the core."""

    def __init__(self, store: Store, *, loopback: bool = False, fetcher: GuardedFetcher | None = None) -> None:
        self._store: Final = store
        self._fetcher: Final = fetcher or GuardedFetcher()
        self._rules: Final = Rules(loopback=loopback, seconds=ATTEMPT_S, body=_MAX_ANSWER)
        self._slots: Final = asyncio.Semaphore(_AT_ONCE)
        self._running: Final[dict[asyncio.Task[None], Delivery]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._watch: Watch | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop().create_task(self._work(), name="a2a push")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [*self._running, *([self._loop] if self._loop is not None else [])]
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        broken_off = list(self._running.items())
        await asyncio.wait(tasks)
        for task, delivery in broken_off:
            if task.cancelled():  # whoever works next need not wait for the end of this claim
                with suppress(TaskError):
                    await self._store.retry_delivery(delivery, 0.0)

    async def _work(self) -> None:
        with self._store.watch_deliveries(PUSH_CHANNEL) as watch:
            self._watch = watch
            while True:
                await self._slots.acquire()
                self._slots.release()
                free = _AT_ONCE - len(self._running)  # what is claimed is sent at once, within its lease
                try:
                    found = await self._store.claim_deliveries(PUSH_CHANNEL, limit=free, lease=_LEASE_S)
                except TaskError as error:
                    log.warning("push deliveries wait: %s", error)
                    found = []
                for delivery in found:
                    await self._slots.acquire()
                    task = asyncio.get_running_loop().create_task(self._deliver(delivery))
                    self._running[task] = delivery
                    task.add_done_callback(self._done)
                if not found:
                    await watch.wait(_POLL_S)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._slots.release()
        if not task.cancelled() and task.exception() is not None:
            log.error("a push delivery failed in an unexpected way", exc_info=task.exception())

    async def _deliver(self, delivery: Delivery) -> None:
        """One attempt, and what it means for the next."""
        problem = await self._attempt(delivery)
        try:
            if problem is None:
                await self._store.acknowledge(delivery)
            elif delivery.attempt >= ATTEMPTS:
                log.error("push for task %s is given up after %d attempts: %s", delivery.task_id, ATTEMPTS, problem)
                await self._store.acknowledge(delivery)
            else:
                log.info("push for task %s, attempt %d: %s", delivery.task_id, delivery.attempt, problem)
                pause = _pause(delivery.attempt)
                await self._store.retry_delivery(delivery, pause)
                if self._watch is not None:  # else it would wait for the next poll
                    asyncio.get_running_loop().call_later(pause, self._watch.wake)
        except TaskError as error:
            log.warning("a push delivery will be repeated: %s", error)

    async def _attempt(self, delivery: Delivery) -> str | None:
        """What went wrong, None for nothing. Names no secret of the configuration."""
        kept: JSONObject = delivery.payload["config"]
        config: JSONObject = kept["config"]
        body, content_type = body_of(delivery.payload["event"], kept["version"], task=delivery.payload.get("document"))
        try:
            headers = {"content-type": content_type, **headers_of(config)}
            answer = await self._fetcher.fetch(Ask("POST", config["url"], headers, body), rules=self._rules)
        except (FetchError, ValueError) as error:
            return str(error)
        return None if 200 <= answer.status < 300 else f"the webhook answered {answer.status}"


def body_of(event: JSONObject, version: str, *, task: JSONObject | None = None) -> tuple[bytes, str]:
    """The body of a delivery and its content type, in the version that registered the webhook."""
    if version == "0.3" and task is not None:
        from wireproof.schemas.a2a.v03 import task_to_03

        return to_json(task_to_03(task)), "application/json"
    return to_json(event), "application/a2a+json"


def headers_of(config: JSONObject) -> dict[str, str]:
    """The credentials and the token that the configuration asks for. Raises `ValueError` for a broken one."""
    headers: dict[str, str] = {}
    authentication: JSONObject = config.get("authentication") or {}
    if authentication.get("credentials"):
        headers["authorization"] = f"{authentication['scheme']} {authentication['credentials']}"
    if config.get("token"):
        headers["x-a2a-notification-token"] = config["token"]
    for name, value in headers.items():
        if any(ord(character) < 0x20 or ord(character) > 0x7E for character in value):
            raise ValueError(f"the webhook's {name} is no header value")
    return headers


def _pause(attempt: int) -> float:
    """Seconds to the next attempt: doubled each time, with jitter."""
    pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (attempt - 1))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311
