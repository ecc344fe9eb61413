"""The life of a process and what it costs: end of input, SIGTERM, orphans, leaks, floods and slow readers."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import cast

from wireproof.conformance.ledger import DUPLEX, MODERN, ON_HTTP, ON_STDIO, STDIO
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.child import Child
from wireproof.conformance.probe.duplex_talk import StdioTalk
from wireproof.conformance.probe.talk import Talk
from wireproof.conformance.registry import check
from wireproof.conformance.verdict import Broken, NotHere, Unsure

LIFE = "lifecycle"
USE = "resources-use"
LEAK = 10_000
"""Bytes of resident memory for each request that are no noise of an allocator."""
PATIENT = 8.0
"""Seconds in which growing memory gets a chance to stop growing."""
OWNED = ON_STDIO | ON_HTTP
NEWEST = frozenset({"2026-07-28", "2025-11-25"})


def _method(cell: Cell) -> str:
    return "server/discover" if cell.is_modern else "ping"


@check("life.eof.exits", shows=["mcp.stdio.eof"], area=LIFE, transports=ON_STDIO, revisions=NEWEST, limit=30)
async def the_process_ends_when_its_input_ends(cell: Cell) -> None:
    async with cell.own() as other:
        talk = cast("StdioTalk", other)
        await talk.alive()
        talk.recorder.note("the client closes stdin")
        talk.child.end_input()
        begun = time.monotonic()
        if await talk.child.wait(cell.options.patience) is None:
            raise Broken(f"{cell.options.patience:g} s after its stdin was closed the process still runs.")
        talk.recorder.note(f"the process ended after {time.monotonic() - begun:.2f} s")


@check("life.eof.drains", shows=["house.eof-drain"], area=LIFE, transports=ON_STDIO, revisions=NEWEST, limit=30)
async def requests_that_were_sent_before_the_end_are_answered(cell: Cell) -> None:
    async with cell.own() as other:
        talk = cast("StdioTalk", other)
        await talk.alive()
        count = 20
        batch = b"".join(json.dumps(talk.build(_method(cell), id_=f"last-{n}")).encode() + b"\n" for n in range(count))
        await talk.put(batch.rstrip(b"\n"))
        talk.recorder.note("the client closes stdin")
        talk.child.end_input()
        await talk.child.wait(cell.options.patience)
        try:
            async with asyncio.timeout(1):
                await talk.ended.wait()
        except TimeoutError:
            pass
        answered = {message["id"] for message in talk.strays if "result" in message}
        if len(answered) < count:
            raise Broken(f"Of {count} requests sent before the end of input {len(answered)} were answered.")


@check("life.eof.orphans", shows=["house.no-orphans"], area=LIFE, transports=ON_STDIO, revisions=NEWEST, limit=30)
async def no_child_outlives_the_process(cell: Cell) -> None:
    async with cell.own() as other:
        talk = cast("StdioTalk", other)
        await talk.alive()
        talk.child.end_input()
        if await talk.child.wait(cell.options.patience) is None:
            raise Unsure("The process did not end by itself.")
        await asyncio.sleep(0.1)
        left = talk.child.members()
        if left:
            raise Broken(f"{len(left)} child processes outlived the server.")


async def _terminated(child: Child, talk: Talk, when: str, patience: float) -> None:
    talk.recorder.note("the client sends SIGTERM")
    child.signal(signal.SIGTERM)
    begun = time.monotonic()
    if await child.wait(patience) is None:
        raise Broken(f"{patience:g} s after SIGTERM {when} the process still runs.")
    talk.recorder.note(f"the process ended after {time.monotonic() - begun:.2f} s")


@check("life.term.idle", shows=["house.sigterm"], area=LIFE, transports=OWNED, revisions=NEWEST, limit=40)
async def an_idle_process_ends_on_sigterm(cell: Cell) -> None:
    async with cell.process() as (child, talk):
        await talk.alive()
        await _terminated(child, talk, "while idle", cell.options.patience)


@check("life.term.streams", shows=["house.sigterm-streams"], area=LIFE, transports=OWNED, revisions=MODERN, limit=40)
async def a_process_with_open_streams_ends_on_sigterm(cell: Cell) -> None:
    async with cell.process() as (child, talk):
        listening = await talk.listen(talk.build("subscriptions/listen", {"notifications": {"toolsListChanged": True}}))
        first = await listening.next(20)
        if first is None or "error" in first:
            raise NotHere("The server has no subscriptions.")
        await _terminated(child, talk, "with an open subscriptions/listen", cell.options.patience)


@check("use.flood", shows=["house.flood"], area=USE, transports=DUPLEX, revisions=NEWEST, limit=30)
async def two_thousand_requests_at_once_are_all_answered(cell: Cell) -> None:
    async with cell.own() as other:
        talk = other
        await talk.alive()
        count = 2000
        method = _method(cell)
        waiting = [asyncio.create_task(talk.request(method, id_=f"flood-{n}", timeout=20)) for n in range(count)]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        missing = sum(1 for a in answers if isinstance(a, BaseException) or a.message is None)
        if missing:
            raise Broken(f"Of {count} requests that were sent at once {missing} were not answered within 20 s.")


@check("use.slow-reader", shows=["house.slow-reader"], area=USE, transports=ON_STDIO, revisions=NEWEST, limit=30)
async def answers_wait_for_a_reader_that_is_slow(cell: Cell) -> None:
    from wireproof.conformance.probe.child import Child

    child = await Child.spawn(list(cell.target.command))
    talk = StdioTalk(child, cell.revision, cell.recorder)
    try:
        opening = talk.build(
            "initialize",
            {"protocolVersion": cell.revision, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
        )
        lines = [] if cell.is_modern else [opening, {"jsonrpc": "2.0", "method": "notifications/initialized"}]
        count = 1000
        lines += [talk.build(_method(cell), id_=f"slow-{n}") for n in range(count)]
        data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        child.pause()
        sending = asyncio.create_task(child.write(data, timeout=25))
        await asyncio.sleep(0.7)
        child.resume()
        wanted = {f"slow-{n}" for n in range(count)}
        async with asyncio.timeout(20):
            while wanted and (line := await _line_within(child, 2 * cell.options.patience)):
                try:
                    wanted.discard(json.loads(line).get("id"))
                except (ValueError, AttributeError):
                    continue
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        if wanted:
            raise Broken(f"{len(wanted)} of {count} answers were lost on a reader that was slow at first.")
    except TimeoutError:
        raise Broken("A reader that was slow at first did not get all answers within 20 s.") from None
    finally:
        await child.close()


async def _line_within(child: Child, seconds: float) -> bytes:
    """The next line of its stdout, b"" at the end or when nothing comes for this long."""
    try:
        async with asyncio.timeout(seconds):
            return await child.read_line()
    except TimeoutError:
        return b""


@check("use.leak", shows=["house.leak"], area=USE, transports=OWNED, revisions=NEWEST, limit=40)
async def memory_does_not_grow_with_each_request(cell: Cell) -> None:
    async with cell.process() as (child, talk):
        method = "tools/list" if "tools" in cell.capabilities else _method(cell)
        at_once = 100 if cell.transport == STDIO else 10

        async def some(count: int) -> int:
            for start in range(0, count, at_once):
                stamp = time.monotonic_ns()
                sent = [talk.request(method, id_=f"leak-{stamp}-{start + n}") for n in range(at_once)]
                await asyncio.gather(*sent)
            return child.resident_bytes()

        first = await some(400)
        middle = await some(600)
        last = await some(600)
        if not first:
            raise NotHere("The memory of a process cannot be read on this system.")
        slope = min(middle - first, last - middle) / 600
        talk.recorder.note(f"resident bytes: {first}, {middle}, {last}")
        begun = time.monotonic()
        while slope > LEAK and time.monotonic() - begun < PATIENT:
            # A young heap grows until its collector has seen work enough; a leak grows in every window.
            before, last = last, await some(600)
            talk.recorder.note(f"resident bytes after 600 more: {last}")
            slope = min(slope, (last - before) / 600)
        if slope > LEAK:
            raise Broken(f"Resident memory grows by about {slope:.0f} bytes for each {method} request.")
