"""Where inputs go: a batch of them to a fresh or used connection, and what was wrong with what came back.

A lane judges robustness only: every request is answered once, by a JSON-RPC response, and never with an internal error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wireproof.conformance.fuzzing.messages import Input
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.child import Child
from wireproof.conformance.probe.duplex_talk import StdioTalk
from wireproof.conformance.probe.http_talk import HttpTalk
from wireproof.conformance.probe.talk import short
from wireproof.conformance.shapes import as_object
from wireproof.conformance.verdict import PeerGone
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

INTERNAL: Final = -32603
AT_ONCE: Final = 16
"""HTTP requests at the same time."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What was wrong. `id` names the input where the answer did."""

    kind: str
    """`died`, `unanswered`, `answered-twice`, `noise`, `malformed`, `internal-error` or `http-5xx`."""
    detail: str
    id: str | None = None
    place: int | None = None


class Lane(ABC):
    """One connection."""

    @abstractmethod
    async def run(self, inputs: Sequence[Input], *, patience: float) -> list[Trouble]:
        """Send the inputs and judge the answers; waits at most `patience` seconds for those that are due."""

    @abstractmethod
    async def close(self) -> None:
        """End it and all that belongs to it."""


async def open_lane(cell: Cell) -> Lane:
    """A fresh lane to the target of a cell. Raises PeerGone."""
    talk = await cell.dial()
    await talk.handshake()
    if isinstance(talk, HttpTalk):
        return HttpLane(talk)
    assert isinstance(talk, StdioTalk)
    return await StdioLane.take(talk)


class StdioLane(Lane):
    """Lines on the pipes of a child, as fast as it reads them."""

    def __init__(self, child: Child, probe: JSONObject) -> None:
        """Drive this child; `probe` is a harmless request that shows it alive."""
        self.child = child
        self.probe = probe
        self._turn = 0

    @classmethod
    async def take(cls, talk: StdioTalk) -> StdioLane:
        """Take the child over from a conversation, which reads no more."""
        probe = talk.build("server/discover" if talk.is_modern else "ping", id_="probe")
        await talk.release()
        return cls(talk.child, probe)

    async def run(self, inputs: Sequence[Input], *, patience: float) -> list[Trouble]:
        """See `Lane.run`."""
        self._turn += 1
        alive = f"alive-{self._turn}"
        due = {item.due for item in inputs if item.due is not None} | {alive}
        data = b"".join(item.data + b"\n" for item in inputs)
        data += json.dumps({**self.probe, "id": alive}).encode() + b"\n"
        judged = _Answers(due)
        writing = asyncio.create_task(self._write(data, patience))
        try:
            async with asyncio.timeout(patience):
                while judged.due and (line := await self.child.read_line()):
                    asked = judged.take(line)
                    if asked is not None:
                        await self.child.write(_refusal(asked))
                if judged.due:
                    status = await self.child.wait(1)
                    judged.found.append(Trouble("died", f"The process ended with {status}."))
        except (TimeoutError, OSError):
            gone = sorted(judged.due)
            ended = self.child.process.returncode
            if ended is not None:
                judged.found.append(Trouble("died", f"The process ended with {ended}."))
            else:
                first = next((item for item in inputs if item.due in judged.due), None)
                detail = f"{len(gone)} requests were not answered within {patience:g} s, the first: {gone[0]}"
                judged.found.append(Trouble("unanswered", detail, first.due if first else None))
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        return judged.found

    async def _write(self, data: bytes, patience: float) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            await self.child.write(data, timeout=patience)

    async def close(self) -> None:
        """See `Lane.close`."""
        await self.child.close()


def _refusal(id_: JSONValue) -> bytes:
    reply = {"jsonrpc": "2.0", "id": id_, "error": {"code": -32601, "message": "Method not found"}}
    return json.dumps(reply).encode() + b"\n"


class _Answers:
    """Sorts what comes back."""

    def __init__(self, due: set[str]) -> None:
        self.due = due
        self.answered: set[str] = set()
        self.found: list[Trouble] = []

    def take(self, line: bytes) -> JSONValue:
        """Judge one line; gives the id of a request that the target made, else None."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            self.found.append(Trouble("noise", f"A line on stdout is no JSON: {line[:120]!r}"))
            return None
        asked: JSONValue = None
        for message in value if is_array(value) else [value]:
            if is_object(message) and "method" in message:
                asked = message.get("id", asked)
            else:
                self._response(message)
        return asked

    def _response(self, message: JSONValue) -> None:
        id_ = message.get("id") if is_object(message) else None
        name = id_ if isinstance(id_, str) else None
        trouble = judge_response(message, name)
        if trouble is not None:
            self.found.append(trouble)
        if name in self.due:
            self.due.discard(name)
            self.answered.add(name)
        elif name in self.answered:
            # No bent input can have this id but by a freak of its bytes: they have ids of another form.
            self.found.append(Trouble("answered-twice", f"The id {name} was answered twice.", name))


def judge_response(message: JSONValue, name: str | None) -> Trouble | None:
    """What is wrong with one response."""
    if not is_object(message) or message.get("jsonrpc") != "2.0" or ("result" in message) == ("error" in message):
        return Trouble("malformed", f"No JSON-RPC response: {short(message)}", name)
    if "error" in message:
        error = as_object(message["error"])
        if not isinstance(error.get("code"), int) or not isinstance(error.get("message"), str):
            return Trouble("malformed", f"An error needs an integer code and a text: {short(message)}", name)
        if error["code"] == INTERNAL:
            return Trouble("internal-error", f"An input was answered with an internal error: {short(message)}", name)
    return None


class HttpLane(Lane):
    """A POST for each input, several at a time."""

    def __init__(self, talk: HttpTalk) -> None:
        """Use the session of this conversation."""
        self.talk = talk

    async def run(self, inputs: Sequence[Input], *, patience: float) -> list[Trouble]:
        """See `Lane.run`."""
        gate = asyncio.Semaphore(AT_ONCE)
        found: list[Trouble] = []

        async def one(place: int, item: Input) -> None:
            async with gate:
                trouble = await self._post(item, patience)
                if trouble is not None:
                    found.append(Trouble(trouble.kind, trouble.detail, item.due, place))

        async with asyncio.TaskGroup() as group:
            for place, item in enumerate(inputs):
                group.create_task(one(place, item))
        return sorted(found, key=lambda trouble: trouble.place or 0)

    async def _post(self, item: Input, patience: float) -> Trouble | None:
        try:
            answer = await self.talk.raw(item.data, expect=item.due, timeout=patience)
        except PeerGone as gone:
            return Trouble("died", str(gone))
        if answer.status is None:
            return Trouble("unanswered", f"No answer came within {patience:g} s.")
        if answer.status >= 500:
            return Trouble("http-5xx", f"An input was answered with HTTP {answer.status}.")
        if answer.message is not None:
            return judge_response(answer.message, item.due)
        if item.due is not None and answer.status < 400:
            return Trouble("unanswered", f"A request was answered with HTTP {answer.status} and no response.")
        return None

    async def close(self) -> None:
        """See `Lane.close`."""
        await self.talk.close()
