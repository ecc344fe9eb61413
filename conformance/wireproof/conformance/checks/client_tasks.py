"""A client of the tasks extension: it takes a task for a result, looks at it in its time, and answers what it asks."""

from __future__ import annotations

import itertools

from wireproof.conformance.checks.client_messages import BOTH
from wireproof.conformance.clients.cell import ClientCell
from wireproof.conformance.clients.record import Record
from wireproof.conformance.clients.server import META, POLL_MS, TASK_ID, TASKS
from wireproof.conformance.ledger import MODERN, ON_HTTP
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_object, at
from wireproof.conformance.verdict import Broken, NotHere

AREA = "tasks"
LIMIT = 40.0
SLACK = 0.8
"""Part of the interval after which a look is not too early: clocks and processes are not exact."""


async def _followed(cell: ClientCell, twist: str) -> Record:
    """A play with a task. Raises `NotHere` for a client that does not declare the extension."""
    honest = await cell.honest()
    call = honest.requests("tools/call")[0]
    if TASKS not in as_object(at(call.params, "_meta", f"{META}clientCapabilities", "extensions")):
        raise NotHere("The client does not declare the tasks extension.")
    cell.recorder.exchanges.clear()
    return await cell.play(twist)


@check(
    "client.tasks.either",
    shows=["mcp.tasks.client.both-results"],
    area=AREA,
    role="client",
    transports=BOTH,
    revisions=MODERN,
    limit=LIMIT,
)
async def a_task_in_the_place_of_a_result_is_taken(cell: ClientCell) -> None:
    record = await _followed(cell, "task")
    if not record.succeeded:
        raise Broken(f"The call became a task, and the client ended with {record.exit_code}: {record.stderr[-200:]}")


@check(
    "client.tasks.final",
    shows=["mcp.tasks.client.until-final"],
    area=AREA,
    role="client",
    transports=BOTH,
    revisions=MODERN,
    limit=LIMIT,
)
async def a_task_is_looked_at_until_it_ends(cell: ClientCell) -> None:
    looks = len((await _followed(cell, "task")).requests("tasks/get"))
    if looks < 3:
        raise Broken(f"The task was working at the first two looks; the client looked {looks} times.")


@check(
    "client.tasks.poll",
    shows=["mcp.tasks.client.poll-interval"],
    area=AREA,
    role="client",
    transports=BOTH,
    revisions=MODERN,
    limit=LIMIT,
)
async def the_poll_interval_is_honoured(cell: ClientCell) -> None:
    times = [seen.at for seen in (await _followed(cell, "task")).requests("tasks/get")]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    if gaps and min(gaps) < SLACK * POLL_MS / 1000:
        raise Broken(f"The server asked for {POLL_MS} ms between two looks; the client took {min(gaps) * 1000:.0f} ms.")


@check(
    "client.tasks.answers",
    shows=["mcp.tasks.client.answers"],
    area=AREA,
    role="client",
    transports=BOTH,
    revisions=MODERN,
    limit=LIMIT,
)
async def what_a_task_asks_is_answered_by_an_update(cell: ClientCell) -> None:
    updates = (await _followed(cell, "task-asks")).requests("tasks/update")
    if not updates:
        raise Broken("The task asked for input, and the client sent no tasks/update.")
    if set(as_object(updates[0].params.get("inputResponses"))) != {"q"}:
        raise Broken(f"The request q was answered with {updates[0].params.get('inputResponses')}.")


@check(
    "client.tasks.name",
    shows=["mcp.tasks.client.name-header"],
    area=AREA,
    role="client",
    transports=ON_HTTP,
    revisions=MODERN,
    limit=LIMIT,
)
async def requests_about_a_task_carry_its_id_as_their_name(cell: ClientCell) -> None:
    for seen in (await _followed(cell, "task")).requests("tasks/get"):
        if seen.header("mcp-name") != TASK_ID:
            raise Broken(f"tasks/get came with Mcp-Name: {seen.header('mcp-name')!r}, not {TASK_ID!r}.")
