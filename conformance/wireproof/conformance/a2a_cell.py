"""One A2A agent on one binding and version, as a check sees it: its card, its conversation, what a message led to.

Asks for the card once, and says a harmless sentence to the agent to see what it does. Judges nothing.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from wireproof.conformance.ledger import JSONRPC, REST
from wireproof.conformance.mcp_cell import Options
from wireproof.conformance.probe.a2a_talk import AgentTalk, Reply
from wireproof.conformance.probe.http import HttpBroken, Response, fetch
from wireproof.conformance.shapes import as_list, as_object, at
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Broken, NotHere, Recorder, Unsure
from wireproof.schemas.jsonrpc import JSONObject, is_object

if TYPE_CHECKING:
    from wireproof.conformance.discovery import Discovered

VERSIONS: Final = ("1.0", "0.3")
WELL_KNOWN: Final = ("/.well-known/agent-card.json", "/.well-known/agent.json")
BINDINGS: Final = {"JSONRPC": JSONRPC, "HTTP+JSON": REST}
TERMINAL: Final = frozenset({"TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED"})
INTERRUPTED: Final = frozenset({"TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"})
HELLO: Final = "Hello. This is a conformance check; please answer briefly."
ABSENT: Final = "wireproof-no-such-task"
UNFIT: Final = frozenset({-32602, -32005, 400, 415})
"""How an agent says that it has no use for a message."""
_MESSAGES: Final = itertools.count(1)


def is_over(task: JSONObject) -> bool:
    """True when the task has ended."""
    return at(task, "status", "state") in TERMINAL


def is_waiting(task: JSONObject) -> bool:
    """True when the task waits for its caller."""
    return at(task, "status", "state") in INTERRUPTED


@dataclass(slots=True)
class AgentCell:
    """An agent, a binding and a version."""

    target: Target
    transport: str
    revision: str
    url: str
    card: JSONObject
    card_response: Response
    card_url: str
    options: Options = field(default_factory=Options)
    recorder: Recorder = field(default_factory=Recorder)
    tenant: str = ""
    locked: bool = False
    """True when the target lets nobody in without a token, and none was given that it takes."""
    _kept: dict[str, JSONObject] = field(default_factory=dict[str, JSONObject])

    def talk(self, *, extensions: bool = True) -> AgentTalk:
        """Requests to this interface; without the required extensions where a check says so."""
        return AgentTalk(
            self.url,
            self.transport,
            self.revision,
            self.recorder,
            self.options.bearer,
            self.required_extensions if extensions else (),
            self.tenant,
        )

    @property
    def capabilities(self) -> JSONObject:
        """What the card claims."""
        return as_object(self.card.get("capabilities"))

    @property
    def required_extensions(self) -> tuple[str, ...]:
        """The URIs that callers have to activate."""
        listed = as_list(self.capabilities.get("extensions"))
        return tuple(str(at(each, "uri")) for each in listed if at(each, "required") is True)

    def message(self, text: str = "", **more: object) -> JSONObject:
        """The parameters of a send; its text is an example of the card, where there is one."""
        text = text or self._example()
        message = {"messageId": f"wireproof-{next(_MESSAGES)}-{id(self)}", "role": "ROLE_USER"}
        return {"message": {**message, "parts": [{"text": text}], **more}}

    def _example(self) -> str:
        for skill in as_list(self.card.get("skills")):
            for example in as_list(at(skill, "examples")):
                if isinstance(example, str) and example.strip():
                    return example[:500]
        return HELLO

    async def said(self) -> JSONObject:
        """The result of one blocking send, kept: `{"task": …}` or `{"message": …}`.

        Raises `NotHere` when the agent's skills do not take a plain text.
        """
        if "said" not in self._kept:
            reply = await self.talk().call("SendMessage", self.message(), timeout=30)
            if reply.number in UNFIT:
                raise NotHere(f"The agent does not take a message of one text: {reply.describe()}")
            self._kept["said"] = reply.result
        return self._kept["said"]

    async def task(self) -> JSONObject:
        """A task that a send led to. Raises `NotHere` when the agent answers with messages."""
        found = (await self.said()).get("task")
        if not is_object(found) or not isinstance(found.get("id"), str):
            raise NotHere("The agent answered with a message, so there is no task to look at.")
        return found

    async def ended_task(self) -> JSONObject:
        """A task that has ended. Raises `NotHere` when none has."""
        task = await self.task()
        if not is_over(task) and "ended" not in self._kept:
            reply = await self.talk().call("CancelTask", {"id": task["id"]})
            after = as_object(reply.document).get("result") if self.transport == JSONRPC else reply.document
            if reply.error is not None or not is_object(after) or not is_over(after):
                raise NotHere("No task of the agent has ended, and the one there is could not be cancelled.")
            self._kept["ended"] = after
        return self._kept.get("ended", task)

    async def open_task(self) -> JSONObject:
        """A new task that has not ended. Raises `NotHere` when the agent's tasks end before one can look."""
        await self.said()
        params = {**self.message(), "configuration": {"returnImmediately": True}}
        found = (await self.talk().call("SendMessage", params)).result.get("task")
        if not is_object(found) or is_over(found):
            raise NotHere("The agent's tasks end at once, so none can be followed.")
        return found

    async def cancel(self, task: JSONObject) -> None:
        """End a task that a check opened; whatever comes of it."""
        with contextlib.suppress(Broken, OSError):
            await self.talk().call("CancelTask", {"id": task["id"]}, timeout=3)

    def need(self, capability: str) -> None:
        """Raise `NotHere` unless the card claims it."""
        if self.capabilities.get(capability) is not True:
            raise NotHere(f"The card does not claim {capability}.")

    @contextlib.asynccontextmanager
    async def spoken_to_as(self, revision: str) -> AsyncGenerator[AgentTalk]:
        """The same interface in another version."""
        yield replace(self.talk(), version=revision)

    async def close(self) -> None:
        """Nothing is shared."""


def refused_with(reply: Reply, code: int, status: int, reason: str, what: str) -> None:
    """Raise `Broken` unless the reply is this error, in the form of its binding."""
    wanted = code if reply.binding == JSONRPC else status
    name = reason.title().replace("_", "") or "InvalidParams"
    if reply.error is None:
        raise Broken(f"{what} was not refused: {reply.describe()}")
    if reply.number != wanted or (reason and reply.reason and reply.reason != reason):
        raise Broken(f"{what} was answered with {reply.describe()}, not with {name} ({wanted}).")


async def discover_agent(
    target: Target, transports: Collection[str], revisions: Collection[str], options: Options
) -> Discovered:
    """The cells of an agent; none when there is no card."""
    from wireproof.conformance.discovery import Discovered

    url = target.url or ""
    if url.lower().startswith("grpc"):
        return Discovered("a2a", [], "", "gRPC is not judged: give the agent's HTTP address.")
    found = await _card(url)
    if found is None:
        return Discovered("a2a")
    card, response, card_url = found
    cells: list[AgentCell] = []
    for binding, version, address, tenant in _interfaces(card, card_url):
        wanted = (not transports or binding in transports) and (not revisions or version in revisions)
        if wanted and not any((cell.transport, cell.revision) == (binding, version) for cell in cells):
            cells.append(AgentCell(target, binding, version, address, card, response, card_url, options, tenant=tenant))
    for cell in cells:
        await _try_lock(cell)
    name = f"{card.get('name', '')} {card.get('version', '')}".strip()
    problem = "" if cells else "The card names no interface over JSON-RPC or HTTP+JSON that was asked for."
    return Discovered("a2a", cells, name, problem)


async def _card(url: str) -> tuple[JSONObject, Response, str] | None:
    parts = urlsplit(url)
    if parts.path.endswith(".json"):
        places = [url]
    else:
        base = parts.path.rstrip("/")
        places = [urlunsplit((parts.scheme, parts.netloc, base + known, "", "")) for known in WELL_KNOWN]
    for place in places:
        try:
            response = await fetch(place, "GET", [("Accept", "application/json")], timeout=10)
        except (OSError, TimeoutError, HttpBroken):
            return None
        document = response.json()
        if response.status == 200 and is_object(document) and "name" in document and "skills" in document:
            return document, response, place
    return None


def _interfaces(card: JSONObject, card_url: str) -> list[tuple[str, str, str, str]]:
    """Binding, version, URL and tenant of each interface that the judge speaks."""
    found: list[tuple[str, str, str, str]] = []
    listed = [as_object(each) for each in as_list(card.get("supportedInterfaces"))]
    for each in listed:
        version = ".".join(str(each.get("protocolVersion") or "1.0").split(".")[:2])
        found.append((str(each.get("protocolBinding")), version, str(each.get("url")), str(each.get("tenant") or "")))
    if isinstance(card.get("url"), str):  # a card of 0.3, or of both versions
        version = ".".join(str(card.get("protocolVersion") or "0.3").split(".")[:2])
        found.append((str(card.get("preferredTransport") or "JSONRPC"), version, str(card["url"]), ""))
    kept: list[tuple[str, str, str, str]] = []
    for name, version, url, tenant in found:
        binding = BINDINGS.get(name)
        if binding is None or version not in VERSIONS or (binding == REST and version == "0.3"):
            continue
        if urlsplit(url).scheme not in {"http", "https"}:
            url = card_url
        kept.append((binding, version, url, tenant))
    return kept


async def _try_lock(cell: AgentCell) -> None:
    """Find out whether the agent wants credentials that are not there."""
    with contextlib.suppress(Broken, OSError, Unsure):
        reply = await cell.talk().call("GetTask", {"id": ABSENT})
        cell.locked = reply.status in {401, 403}
