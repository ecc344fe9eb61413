"""Questions of tasks as live requests of a 2025-11-25 session, sent on the stream of a `tasks/result`.

One stream asks a question at a time: when it goes away with the question open, another one asks it.
Spec: 2025-11-25 basic/utilities/tasks#input-required-status.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from wireproof.mcp_tools.asking import Question
from wireproof.mcp_tools.call import Call
from wireproof.mcp_tools.errors import ClientGone, ProtocolError, ToolError
from wireproof.mcp_tools.tasks.wire import RELATED
from wireproof.mcp_tools.tasks.work import REFUSED
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.tasks import TaskRecord

if TYPE_CHECKING:
    from wireproof.mcp_tools.tasks.engine import TaskEngine

log = logging.getLogger("wireproof.mcp_tools")


class Questions:
    """Who asks what, in this process."""

    def __init__(self, engine: TaskEngine) -> None:
        self.engine: Final = engine
        self.taken: Final[set[tuple[str, str]]] = set()
        self.askers: Final[set[Asker]] = set()

    def asker(self, call: Call) -> Asker:
        """The one who asks on the stream of this call; close it."""
        asker = Asker(self, call)
        self.askers.add(asker)
        return asker


class Asker:
    """Asks on one stream."""

    def __init__(self, questions: Questions, call: Call) -> None:
        self._questions: Final = questions
        self._call: Final = call
        self._record: TaskRecord | None = None
        self._running: Final[set[asyncio.Task[None]]] = set()

    def ask(self, record: TaskRecord) -> None:
        """Ask what is outstanding and nobody asks yet."""
        self._record = record
        for key, request in record.pending.items():
            if (record.id, key) not in self._questions.taken and is_object(request):
                self._questions.taken.add((record.id, key))
                asking = asyncio.get_running_loop().create_task(self._ask(record, key, request))
                self._running.add(asking)
                asking.add_done_callback(self._running.discard)

    async def aclose(self) -> None:
        """Withdraw what is open here, for another stream to ask."""
        self._questions.askers.discard(self)
        running = list(self._running)
        for asking in running:
            asking.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for other in self._questions.askers:
            if other._record is not None and self._record is not None and other._record.id == self._record.id:
                other.ask(other._record)

    async def _ask(self, record: TaskRecord, key: str, request: JSONObject) -> None:
        params: JSONValue = request.get("params")
        meta = {RELATED: {"taskId": record.id}}
        question = Question(str(request["method"]), {**(params if is_object(params) else {}), "_meta": meta})
        try:
            answer = await self._answer_to(question)
            if answer is not None:
                await self._questions.engine.answer(self._call.facts.principal, record.id, {key: answer})
        except ProtocolError as failure:
            log.warning("an answer for task %s was not kept: %s", record.id, failure.message)
        finally:
            self._questions.taken.discard((record.id, key))

    async def _answer_to(self, question: Question) -> JSONObject | None:
        try:
            return await self._call.endpoint.ask_client(question, self._call)
        except ClientGone:
            return None
        except ToolError as refusal:
            return {REFUSED: str(refusal)}
