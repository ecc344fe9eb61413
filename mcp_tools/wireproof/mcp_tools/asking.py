"""Asking the client: one primitive, one replayable record of answers behind it, whatever the wire.

In the session revisions a question is a live request. In 2026-07-28 the call ends with an `InputRequiredResult` and
is run again with the answers (MRTR). The record travels in `requestState`, sealed.
Spec: 2026-07-28 basic/patterns/mrtr, client/elicitation, client/sampling, client/roots.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from wireproof.mcp_tools.errors import InvalidParams, MissingClientCapability, ToolError
from wireproof.mcp_tools.facts import Facts
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.schemas.mcp.revisions import Revision

_KINDS: Final = {
    "elicitation/create": "elicit",
    "sampling/createMessage": "sample",
    "roots/list": "roots",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One request to the client, as the newest revision says it."""

    method: str
    params: JSONObject

    def wire(self) -> JSONObject:
        """An `InputRequest`."""
        return {"method": self.method, "params": self.params} if self.params else {"method": self.method}


class InputRequired(BaseException):
    """Unwinds a call whose question has no answer yet. Not an `Exception`, so that user code does not catch it."""


AskLive = Callable[[Question], Awaitable[JSONObject]]


class Answers:
    """The record of one call: what was answered, and what is asked now.

    Keys are the author's, or the kind and its number in order, so that a replay finds its own answers.
    """

    __slots__ = ("_counts", "_live", "given", "pending", "steps")

    def __init__(
        self,
        given: dict[str, JSONObject] | None = None,
        *,
        steps: dict[str, JSONValue] | None = None,
        live: AskLive | None = None,
    ) -> None:
        self.given: Final = {} if given is None else given
        self.steps: Final = {} if steps is None else steps
        """What `context.step` did before a question, by name."""
        self.pending: Final[dict[str, Question]] = {}
        self._live: Final = live
        self._counts: dict[str, int] = {}

    async def ask(self, question: Question, *, key: str | None = None, again: bool = False) -> JSONObject:
        """The client's answer: at once, from the record, or by unwinding with `InputRequired`.

        `key` is what `name` gave, or the author's. `again` drops the recorded answer, which did not fit, and asks once
        more under the same key.
        """
        if self._live is not None:
            return await self._live(question)
        name = self.name(question, key)
        if again:
            self.given.pop(name, None)
        if name in self.given:
            return self.given[name]
        if name in self.pending:
            raise ValueError(f"two questions of one call have the key {name!r}: give each its own `key`")
        self.pending[name] = question
        raise InputRequired(name)

    def name(self, question: Question, key: str | None) -> str:
        """The key of a question: the author's, or the next of its kind. Take it once for a question."""
        if key is not None:
            return key
        count = self._counts.get(question.method, 0) + 1
        self._counts[question.method] = count
        return f"{_KINDS[question.method]}-{count}"


def require(facts: Facts, question: Question) -> None:
    """Refuse a question that the client cannot take. Raises `MissingClientCapability`; `ToolError` before 2026."""
    needed = _needed(question)
    missing = [path for path in needed if not _declared(facts, path)]
    if not missing:
        return
    if facts.modern:
        required: JSONObject = {}
        for path in missing:
            here = required
            for part in path:
                here = here.setdefault(part, {})
        raise MissingClientCapability(required)
    raise ToolError(f"The client cannot be asked: it did not declare {', '.join('.'.join(path) for path in missing)}")


def _needed(question: Question) -> list[tuple[str, ...]]:
    if question.method == "elicitation/create":
        return [("elicitation", "url")] if question.params.get("mode") == "url" else [("elicitation",)]
    if question.method == "sampling/createMessage":
        return [("sampling", "tools")] if "tools" in question.params else [("sampling",)]
    return [("roots",)]


def _declared(facts: Facts, path: tuple[str, ...]) -> bool:
    if path == ("elicitation",):  # an empty object means form mode; naming only url excludes it
        modes = facts.capabilities.get("elicitation")
        return is_object(modes) and ("form" in modes or "url" not in modes)
    return facts.supports(*path)


def for_revision(question: Question, revision: Revision) -> JSONObject:
    """The params of a live request as that session revision says them."""
    params = dict(question.params)
    if question.method == "elicitation/create" and revision < Revision.V2025_11_25:
        params.pop("mode", None)
    if question.method == "elicitation/create" and params.get("mode") == "url":
        params.setdefault("elicitationId", params["url"])
    return params


def read_responses(params: JSONObject) -> dict[str, JSONObject]:
    """The `inputResponses` of a retry. Raises `InvalidParams`."""
    responses: JSONValue = params.get("inputResponses", {})
    if not is_object(responses):
        raise InvalidParams("Invalid params: inputResponses must be an object")
    for key, value in responses.items():
        if not is_object(value):
            raise InvalidParams(f"Invalid params: inputResponses[{key[:64]!r}] must be an object")
    return responses
