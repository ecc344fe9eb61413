"""Peers that misuse a server: half a body, cancelled calls in a storm, files that stay open, streams at the end."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Final, cast

from wireproof.conformance.ledger import DUPLEX, MODERN, ON_HTTP, ON_STDIO
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.http_talk import HttpTalk
from wireproof.conformance.probe.talk import META, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object, at
from wireproof.conformance.verdict import Broken, NotHere, PeerGone, Unsure

USE: Final = "resources-use"
LIFE: Final = "lifecycle"
NEWEST: Final = frozenset({"2026-07-28", "2025-11-25"})
OWNED: Final = ON_STDIO | ON_HTTP
FILES: Final = 0.25
"""Open files for each request that are no warming up."""


def _harmless(cell: Cell) -> str:
    return "server/discover" if cell.is_modern else "ping"


@check("use.slow-body", shows=["house.slow-body"], area=USE, transports=ON_HTTP)
async def half_a_body_holds_up_nobody_else(cell: Cell) -> None:
    from wireproof.conformance.probe.http import Url, connect

    talk = cast("HttpTalk", await cell.talk())
    url = Url.parse(talk.url)
    message = talk.build(_harmless(cell))
    shown = "".join(f"{name}: {value}\r\n" for name, value in talk.headers(message))
    head = f"POST {url.path} HTTP/1.1\r\nHost: {url.authority}\r\n{shown}Content-Length: 1000\r\n\r\n{{".encode()
    held = [await connect(url) for _ in range(20)]
    try:
        for _, writer in held:
            writer.write(head)
            await writer.drain()
        talk.recorder.note("20 connections hold one byte of a body of 1000")
        if (await talk.request(_harmless(cell), timeout=3)).message is None:
            raise Broken("While 20 connections held half a body, a good request was not answered within 3 s.")
    finally:
        for _, writer in held:
            writer.close()


@check("use.cancelled-calls", shows=["house.cancelled-calls"], area=USE, transports=DUPLEX, revisions=NEWEST, limit=20)
async def a_storm_of_cancelled_calls_leaves_a_working_server(cell: Cell) -> None:
    tool = await cell.quick_tool(may_fail=True)
    async with cell.own() as talk:
        await talk.alive()
        params = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        try:
            for number in range(300):
                await talk.listen(talk.build("tools/call", params, id_=f"call-{number}"))
                await talk.notify("notifications/cancelled", {"requestId": f"call-{number}"})
            alive = await talk.alive()
        except PeerGone as gone:
            raise Broken("The server ended in a storm of 300 cancelled calls.") from gone
        if not alive:
            raise Broken("After 300 cancelled calls no good request was answered any more.")


@check("use.files", shows=["house.files"], area=USE, transports=OWNED, revisions=NEWEST, limit=30)
async def open_files_do_not_grow_with_each_request(cell: Cell) -> None:
    async with cell.process() as (child, talk):

        async def some(count: int) -> int:
            for _ in range(count):
                await talk.request(_harmless(cell))
            return child.open_files()

        first = await some(30)
        if not first:
            raise NotHere("The open files of a process cannot be read on this system.")
        last = await some(80)
        talk.recorder.note(f"open files: {first}, {last}")
        if last - first > FILES * 80:
            raise Broken(f"80 requests left {last - first} files open.")


@check("life.term.orphans", shows=["house.no-orphans"], area=LIFE, transports=ON_STDIO, revisions=NEWEST, limit=30)
async def no_child_outlives_a_process_that_was_told_to_end(cell: Cell) -> None:
    async with cell.process() as (child, talk):
        await talk.alive()
        talk.recorder.note("the client sends SIGTERM")
        child.signal(signal.SIGTERM)
        if await child.wait(cell.options.patience) is None:
            raise Unsure("The process did not end on SIGTERM.")
        await asyncio.sleep(0.1)
        left = child.members()
        if left:
            raise Broken(f"{len(left)} child processes outlived a server that was told to end.")


@check(
    "subscription.end",
    shows=["mcp.subscription.graceful-end"],
    area="subscriptions",
    transports=ON_STDIO,
    revisions=MODERN,
    limit=20,
)
async def a_server_that_ends_answers_its_subscriptions(cell: Cell) -> None:
    async with cell.process() as (child, talk):
        message = talk.build("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id_="until-the-end")
        listening = await talk.listen(message)
        first = await listening.next(10)
        if first is None or "error" in first:
            raise NotHere("The server has no subscriptions.")
        talk.recorder.note("the client sends SIGTERM")
        child.signal(signal.SIGTERM)
        await child.wait(cell.options.patience)
        while (got := await listening.next(0.5)) is not None and "method" in got:
            pass
        if got is None or "result" not in got:
            raise Broken(f"The subscription of a server that ended was answered with {short(got)}.")
        about = at(as_object(got.get("result")), "_meta", f"{META}subscriptionId")
        if about != "until-the-end":
            raise Broken(f"The end of a subscription names the subscription {short(about)}: {json.dumps(got)[:200]}")
