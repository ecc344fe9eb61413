"""A fuzz run: finds the methods, sends batches, and shrinks what goes wrong."""

from __future__ import annotations

import contextlib
import json
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wireproof.conformance.discovery import discover
from wireproof.conformance.fuzzing.cassette import Cassette
from wireproof.conformance.fuzzing.lane import Lane, Trouble, open_lane
from wireproof.conformance.fuzzing.messages import Input, Inputs, Method
from wireproof.conformance.fuzzing.shrink import shrink
from wireproof.conformance.ledger import HTTP, STDIO
from wireproof.conformance.mcp_cell import Cell, Options
from wireproof.conformance.probe.served import served
from wireproof.conformance.probe.talk import Talk
from wireproof.conformance.shapes import as_list, as_object
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Ended, PeerGone
from wireproof.schemas.jsonrpc import JSONObject

BATCH: Final = 250
PATIENCE: Final = 10.0
MOST_FINDINGS: Final = 5
QUICK_S: Final = 0.05
"""A tool that takes longer for its smallest arguments is left out: it would be its speed that is measured."""
INTERNAL: Final = -32603
ANY: Final[JSONObject] = {}
CURSOR: Final[JSONObject] = {"type": "object", "properties": {"cursor": {"type": "string"}}}
TEXT: Final[JSONObject] = {"type": "string"}
REFERENCE: Final[JSONObject] = {
    "type": "object",
    "properties": {
        "ref": {
            "type": "object",
            "properties": {
                "type": {"enum": ["ref/prompt", "ref/resource"]},
                "name": {"type": "string"},
                "uri": {"type": "string"},
            },
            "required": ["type"],
        },
        "argument": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
            "required": ["name", "value"],
        },
    },
    "required": ["ref", "argument"],
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which the target went wrong, and the smallest inputs that show it."""

    kind: str
    detail: str
    number: int
    """The number of the first input of the batch."""
    messages: tuple[bytes, ...]
    shrunk: bool
    """False when the failure did not come again on a fresh connection."""


@dataclass(slots=True)
class Outcome:
    """What a run gave. `problem` says why there was nothing to fuzz."""

    target: str
    seed: int
    problem: str = ""
    transport: str = ""
    revision: str = ""
    sent: int = 0
    seconds: float = 0.0
    methods: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def rate(self) -> float:
        """Inputs a second, shrinking not counted."""
        return self.sent / self.seconds if self.seconds else 0.0

    def cassettes(self, target: Target) -> list[Cassette]:
        """The findings as cassettes."""
        url = target.template or target.url
        return [
            Cassette(
                url or shlex.join(target.command),
                self.transport,
                self.revision,
                finding.kind,
                finding.detail,
                finding.messages,
                self.seed,
                shlex.join(target.spawn),
            )
            for finding in self.findings
        ]


async def fuzz(
    target: Target,
    *,
    examples: int = 10_000,
    seed: int = 0,
    options: Options | None = None,
    time_limit: float = 120.0,
    progress: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Send `examples` inputs of `seed` to a tool server on stdio or HTTP. Never raises for what the target does."""
    outcome = Outcome(target.name, seed)
    deadline = time.monotonic() + time_limit
    async with contextlib.AsyncExitStack() as held:
        try:
            if target.spawn:
                target, _ = await held.enter_async_context(served(target))
            cell = await _cell(target, options or Options(), outcome)
            if cell is not None:
                held.push_async_callback(cell.close)
                await _campaign(cell, examples, outcome, deadline, progress)
        except PeerGone as gone:
            outcome.problem = outcome.problem or str(gone)
    return outcome


async def _cell(target: Target, options: Options, outcome: Outcome) -> Cell | None:
    found = await discover(target, (), (), options)
    cells = [cell for cell in found.cells if isinstance(cell, Cell) and cell.transport in {STDIO, HTTP}]
    for cell in cells[1:]:
        await cell.close()
    if not cells:
        outcome.problem = found.problem or "Only tool servers on stdio and HTTP can be fuzzed."
        return None
    outcome.transport, outcome.revision = cells[0].transport, cells[0].revision
    return cells[0]


async def methods_of(cell: Cell) -> list[Method]:
    """The methods that may be fuzzed, with the schemas of their parameters."""
    found = [Method("no/such/method", ANY), Method("server/discover" if cell.is_modern else "ping", CURSOR)]
    talk = await cell.talk()
    with contextlib.suppress(Ended):
        for tool in await cell.callable_tools():
            begun = time.monotonic()
            answer = await cell.call(talk, tool)
            # One that fails inside for honest arguments would be found again and again.
            took = time.monotonic() - begun
            if answer.message is not None and took < QUICK_S and answer.code != INTERNAL:
                arguments = tool.get("inputSchema", {})
                found.append(Method("tools/call", _named({"const": tool["name"]}, arguments)))
        found += [Method("tools/list", CURSOR), Method("tools/call", _named({"type": "string"}, {"type": "object"}))]
    with contextlib.suppress(Ended):
        uris = [resource.get("uri") for resource in await cell.resources()]
        schema: JSONObject = {"anyOf": [{"enum": uris or ["x:y"]}, {"type": "string"}]}
        found.append(Method("resources/read", {"type": "object", "properties": {"uri": schema}, "required": ["uri"]}))
        found += [Method("resources/list", CURSOR), Method("resources/templates/list", CURSOR)]
    with contextlib.suppress(Ended):
        for prompt in await cell.prompts():
            names = [str(as_object(item).get("name")) for item in as_list(prompt.get("arguments"))]
            texts: JSONObject = dict.fromkeys(names, TEXT)
            wanted: JSONObject = {"type": "object", "properties": texts, "required": list(texts)}
            found.append(Method("prompts/get", _named({"const": prompt["name"]}, wanted)))
        found.append(Method("prompts/list", CURSOR))
    if "completions" in cell.capabilities:
        found.append(Method("completion/complete", REFERENCE))
    return found


def _named(name: JSONObject, arguments: JSONObject) -> JSONObject:
    return {"type": "object", "properties": {"name": name, "arguments": arguments}, "required": ["name", "arguments"]}


async def _campaign(
    cell: Cell, examples: int, outcome: Outcome, deadline: float, progress: Callable[[Outcome], None] | None
) -> None:
    methods = await methods_of(cell)
    outcome.methods = tuple(dict.fromkeys(method.name for method in methods))
    inputs = Inputs(builder(await cell.talk()), methods, outcome.seed)
    seen: set[tuple[str, str]] = set()
    lane = await open_lane(cell)
    try:
        for start in range(0, examples, BATCH):
            if time.monotonic() > deadline or len(outcome.findings) >= MOST_FINDINGS:
                break
            batch = [inputs[number] for number in range(start, min(start + BATCH, examples))]
            begun = time.monotonic()
            troubles = await lane.run(batch, patience=max(0.5, min(PATIENCE, deadline - begun)))
            outcome.seconds += time.monotonic() - begun
            outcome.sent += len(batch)
            if progress is not None:
                progress(outcome)
            if any(trouble.kind in {"died", "unanswered"} for trouble in troubles):
                await lane.close()
                lane = await open_lane(cell)
            for trouble in troubles:
                await _find(cell, batch, trouble, start, outcome, seen, deadline)
    finally:
        await lane.close()


def builder(talk: Talk) -> Callable[[str, JSONObject, str], JSONObject]:
    """Honest requests of a conversation's revision."""

    def build(method: str, params: JSONObject, id_: str) -> JSONObject:
        own = {name: value for name, value in params.items() if name != "_meta"}
        return talk.build(method, own, id_=id_)

    return build


async def _find(
    cell: Cell,
    batch: Sequence[Input],
    trouble: Trouble,
    start: int,
    outcome: Outcome,
    seen: set[tuple[str, str]],
    deadline: float,
) -> None:
    suspect = next((item for item in batch if trouble.id is not None and item.due == trouble.id), None)
    if suspect is None and trouble.place is not None:
        suspect = batch[trouble.place]
    sort = (trouble.kind, _sort_of(suspect))
    if sort in seen or len(outcome.findings) >= MOST_FINDINGS:
        return
    seen.add(sort)

    async def fails(items: Sequence[Input]) -> bool:
        fresh: Lane = await open_lane(cell)
        try:
            again = await fresh.run(items, patience=1.5)
        finally:
            await fresh.close()
        return any(other.kind == trouble.kind for other in again)

    small = await shrink(list(batch), suspect, fails, deadline)
    messages = tuple(item.data for item in (small or ([suspect] if suspect else batch)))
    outcome.findings.append(Finding(trouble.kind, trouble.detail, start, messages, small is not None))


def _sort_of(suspect: Input | None) -> str:
    """Which kind of input it was, so that one defect is told once."""
    if suspect is None:
        return ""
    with contextlib.suppress(ValueError):
        return str(as_object(json.loads(suspect.data)).get("method"))
    return "bytes"
