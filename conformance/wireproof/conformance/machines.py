"""Hypothesis state machines that lead a real endpoint through its lives: a session, its tasks, its subscriptions.

`machine(SessionLife, target)` gives a class for `run_state_machine_as_test`, or its `TestCase`. Each example has a
connection of its own. Needs Hypothesis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from wireproof.conformance.checks.tasks import DECLARED, FINAL, STATES
from wireproof.conformance.ledger import STDIO
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.mcp_cell import Options as CellOptions
from wireproof.conformance.probe.talk import META, Answer, Listening, Talk, short
from wireproof.conformance.shapes import as_list, as_object, at
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Broken, PeerGone
from wireproof.schemas.jsonrpc import JSONObject

T = TypeVar("T")
M = TypeVar("M", bound="Life")
IDS = st.one_of(st.integers(10_000, 99_999), st.text("abcdef", min_size=1, max_size=4))


class Life(RuleBasedStateMachine):
    """What the machines share: a loop, a connection, and the rule that everything is answered."""

    target: ClassVar[Target]
    transport: ClassVar[str] = STDIO
    revision: ClassVar[str] = "2026-07-28"
    shakes_hands: ClassVar[bool] = True

    def __init__(self) -> None:
        """Open a connection."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.cell = Cell(self.target, self.transport, self.revision, CellOptions())
        self.talk: Talk = self.run(self._open())

    async def _open(self) -> Talk:
        talk = await self.cell.dial()
        if self.shakes_hands:
            await talk.handshake()
        return talk

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one step on the machine's own loop."""
        return self.runner.run(work)

    def ask(self, method: str, params: JSONObject | None = None, **options: Any) -> Answer:
        """A request that must be answered. Raises `Broken`."""
        answer = self.run(self.talk.request(method, params, **options))
        if answer.message is None:
            raise Broken(f"{method} was not answered: {answer.describe()}")
        return answer

    def teardown(self) -> None:
        """Close the connection and the loop."""
        try:
            self.run(self.talk.close())
        finally:
            self.runner.close()


def machine(life: type[M], target: Target, *, transport: str = STDIO, revision: str | None = None) -> type[M]:
    """The machine bound to an endpoint. `revision` is the newest that the machine is about when left out."""
    facts = {"target": target, "transport": transport, "revision": revision or life.revision}
    return cast("type[M]", type(life.__name__, (life,), facts))


class SessionLife(Life):
    """A session revision from its first byte: whatever the order, requests are answered and pings always good."""

    revision = "2025-11-25"
    shakes_hands = False

    def __init__(self) -> None:
        """Begin with nothing sent."""
        super().__init__()
        self.opened = False

    @precondition(lambda self: not self.opened)
    @rule(version=st.sampled_from(["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "1900-01-01"]))
    def shake_hands(self, version: str) -> None:
        """`initialize`, in a known version or an unknown one."""
        params: JSONObject = {
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": {"name": "m", "version": "1"},
        }
        result = self.ask("initialize", params, timeout=20).result
        known = version != "1900-01-01"
        assert not known or result["protocolVersion"] == version, short(result)
        self.opened = True
        self.run(self.talk.notify("notifications/initialized"))

    @precondition(lambda self: self.opened)
    @rule(id_=IDS)
    def ping(self, id_: str | int) -> None:
        """A ping with any id has an empty result under that id."""
        answer = self.run(self.talk.request("ping", id_=id_))
        assert answer.message is not None
        assert answer.message["id"] == id_
        assert set(answer.result) <= {"_meta"}

    @precondition(lambda self: self.opened)
    @rule()
    def list_tools(self) -> None:
        """The tools can be listed at any time."""
        assert isinstance(self.ask("tools/list").result.get("tools"), list)

    @rule(method=st.sampled_from(["no/such/method", "", "tools/List"]))
    def ask_for_nothing(self, method: str) -> None:
        """A method that does not exist is an error, before the handshake too."""
        assert self.ask(method).error is not None

    @rule(method=st.sampled_from(["notifications/cancelled", "notifications/none", "notifications/progress"]))
    def notify(self, method: str) -> None:
        """A notification out of place is taken in silence."""
        self.run(self.talk.notify(method, {"requestId": 4242}))

    @rule(data=st.sampled_from([b"{", b"[]", b"\xff", b"{}", b"null"]))
    def send_junk(self, data: bytes) -> None:
        """Junk is refused and ends nothing."""
        answer = self.run(self.talk.raw(data))
        assert answer.message is None or "error" in answer.message


class TaskLife(Life):
    """The tasks of the extension: a final state stays, and every step is acknowledged."""

    def __init__(self) -> None:
        """Look for a tool that becomes a task."""
        super().__init__()
        self.states: dict[str, str] = {}
        self.tool: JSONObject | None = None

    @initialize()
    def find_tool(self) -> None:
        """The first tool that gives a task; without one the machine has nothing to do."""
        cursor = None
        while True:
            page = self.ask("tools/list", {"cursor": cursor} if cursor else None, capabilities=DECLARED).result
            for tool in map(as_object, as_list(page.get("tools"))):
                if self.cell.is_allowed(tool) and self._create(tool) is not None:
                    self.tool = tool
                    return
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    def _create(self, tool: JSONObject) -> str | None:
        params = {"name": tool["name"], "arguments": self.cell.arguments_for(tool)}
        result = as_object(as_object(self.ask("tools/call", params, capabilities=DECLARED).message).get("result"))
        if result.get("resultType") != "task":
            return None
        self.states[result["taskId"]] = result["status"]
        return str(result["taskId"])

    @precondition(lambda self: self.tool is not None and len(self.states) < 8)
    @rule()
    def create(self) -> None:
        """Another task, with an id of its own."""
        before = len(self.states)
        assert self.tool is not None
        assert self._create(self.tool) is not None
        assert len(self.states) == before + 1

    @precondition(lambda self: bool(self.states))
    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        """A task is told as it is; a final state never changes."""
        id_ = data.draw(st.sampled_from(sorted(self.states)))
        task = self.ask("tasks/get", {"taskId": id_}, capabilities=DECLARED).result
        assert task["status"] in STATES
        assert self.states[id_] not in FINAL or task["status"] == self.states[id_]
        assert task["status"] != "completed" or "result" in task
        self.states[id_] = task["status"]

    @precondition(lambda self: bool(self.states))
    @rule(data=st.data(), method=st.sampled_from(["tasks/cancel", "tasks/update"]))
    def act(self, data: st.DataObject, method: str) -> None:
        """Cancelling and updating are acknowledged in every state."""
        id_ = data.draw(st.sampled_from(sorted(self.states)))
        params: JSONObject = {"taskId": id_}
        if method == "tasks/update":
            params["inputResponses"] = {"no-such-key": {"action": "decline"}}
        assert self.ask(method, params, capabilities=DECLARED).result["resultType"] == "complete"

    @rule(id_=st.text("abc-", max_size=6))
    def get_unknown(self, id_: str) -> None:
        """A task that nobody created is refused."""
        answer = self.ask("tasks/get", {"taskId": id_}, capabilities=DECLARED)
        assert self.tool is None or answer.code == -32602, answer.describe()


class SubscriptionLife(Life):
    """Subscriptions: acknowledged first, under their own id, and silent once cancelled."""

    def __init__(self) -> None:
        """Begin with none open."""
        super().__init__()
        self.open: dict[str | int, Listening] = {}

    @precondition(lambda self: len(self.open) < 5)
    @rule(id_=IDS, wanted=st.dictionaries(st.sampled_from(["toolsListChanged", "promptsListChanged"]), st.just(True)))
    def subscribe(self, id_: str | int, wanted: JSONObject) -> None:
        """The first message is the acknowledgment, of a part of what was asked."""
        if id_ in self.open:
            return
        message = self.talk.build("subscriptions/listen", {"notifications": wanted}, id_=id_)
        listening = self.run(self.talk.listen(message))
        first = self.run(listening.next(5))
        if first is None or "error" in first:
            raise Broken(f"subscriptions/listen was answered with {short(first)}")
        assert first["method"] == "notifications/subscriptions/acknowledged", short(first)
        assert at(first, "params", "_meta", f"{META}subscriptionId") == id_
        assert set(as_object(at(first, "params", "notifications"))) <= set(wanted)
        self.open[id_] = listening

    @precondition(lambda self: bool(self.open))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """After its cancellation nothing comes, and the connection goes on."""
        id_ = data.draw(st.sampled_from(sorted(self.open, key=str)))
        listening = self.open.pop(id_)
        self.run(listening.cancel())
        assert self.run(self.talk.alive())

    @invariant()
    def goes_on(self) -> None:
        """However many are open, requests are answered."""
        try:
            assert self.run(self.talk.alive())
        except PeerGone as gone:
            raise Broken(str(gone)) from gone


__all__ = ["Life", "SessionLife", "SubscriptionLife", "TaskLife", "machine"]
