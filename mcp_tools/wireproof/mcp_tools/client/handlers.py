"""What a client answers when the server asks: elicitation, sampling and roots. Knows no wire and no revision.

Spec: 2026-07-28 client/elicitation, client/sampling, client/roots.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from wireproof.schemas.json_schema import SchemaError, apply_defaults
from wireproof.schemas.json_schema import compile as compile_schema
from wireproof.schemas.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, JSONObject, JSONValue, is_object

log = logging.getLogger("wireproof.mcp_tools.client")

METHOD_NOT_FOUND: Final = -32601
USER_REJECTED: Final = -1


class Declined(Exception):
    """Raise it in a handler: the user does not want to answer."""


class Cancelled(Exception):
    """Raise it in a handler: the user closed the question."""


class HandlerRefusal(Exception):
    """The JSON-RPC error to answer with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Form:
    """A question of the server for the user. `schema` is flat: strings, numbers, booleans and enums.

    `defaults` is what the form shows at first. Show which server asks, and let the user decline.
    """

    message: str
    schema: JSONObject
    defaults: JSONObject


@dataclass(frozen=True, slots=True)
class Link:
    """A page that the user should visit. Show the whole `url`, never open or fetch it without consent."""

    message: str
    url: str
    elicitation_id: str = ""


Answer: TypeAlias = JSONObject | bool | None
"""Of a form: its content (defaults are filled in), or True for the defaults alone. Of a link: True. Else: declined."""
Elicit: TypeAlias = Callable[[Form | Link], Answer | Awaitable[Answer]]
Sample: TypeAlias = Callable[[JSONObject], str | JSONObject | Awaitable[str | JSONObject]]
"""Takes the params of `sampling/createMessage`; gives a CreateMessageResult, or the text of one."""
Roots: TypeAlias = Sequence[str | JSONObject] | Callable[[], Sequence[str | JSONObject]]
"""`file://` URIs, or Root objects; or a function that gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """Who answers what. What is None is not declared as a capability, and refused when a server asks anyway."""

    elicit: Elicit | None = None
    elicit_urls: bool = True
    sample: Sample | None = None
    sample_tools: bool = False
    roots: Roots | None = None

    def capabilities(self, *, modern: bool, forms_only: bool) -> JSONObject:
        """The client capabilities that these handlers stand for. `forms_only`: the revision knows no modes."""
        declared: JSONObject = {}
        if self.elicit is not None:
            declared["elicitation"] = {} if forms_only else {"form": {}, **({"url": {}} if self.elicit_urls else {})}
        if self.sample is not None:
            declared["sampling"] = {"tools": {}} if self.sample_tools else {}
        if self.roots is not None:
            declared["roots"] = {} if modern else {"listChanged": True}
        return declared

    async def answer(self, method: str, params: JSONObject) -> JSONObject:
        """The result of one question of the server. Raises `HandlerRefusal`."""
        try:
            if method == "elicitation/create" and self.elicit is not None:
                return await _elicit(self.elicit, params, urls=self.elicit_urls)
            if method == "sampling/createMessage" and self.sample is not None:
                return await _sample(self.sample, params)
            if method == "roots/list" and self.roots is not None:
                return {"roots": _roots(self.roots)}
        except (HandlerRefusal, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("the handler of %s failed", method)
            raise HandlerRefusal(INTERNAL_ERROR, "The client's handler failed") from None
        raise HandlerRefusal(METHOD_NOT_FOUND, f"The client does not offer {method[:64]}")


async def _elicit(handler: Elicit, params: JSONObject, *, urls: bool) -> JSONObject:
    mode = params.get("mode", "form")
    if mode == "url" and not urls:
        raise HandlerRefusal(INVALID_PARAMS, "The client does not offer elicitation by URL")
    if mode not in ("form", "url"):
        raise HandlerRefusal(INVALID_PARAMS, "Invalid params: mode is form or url")
    question = _link(params) if mode == "url" else _form(params)
    try:
        answer = handler(question)
        if inspect.isawaitable(answer):
            answer = await answer
    except Declined:
        return {"action": "decline"}
    except Cancelled:
        return {"action": "cancel"}
    if answer is None or answer is False:
        return {"action": "decline"}
    if isinstance(question, Link):
        return {"action": "accept"}
    return {"action": "accept", "content": _content(question, answer)}


def _link(params: JSONObject) -> Link:
    url = params.get("url")
    if not isinstance(url, str) or not url:
        raise HandlerRefusal(INVALID_PARAMS, "Invalid params: url must be a string")
    return Link(str(params.get("message", "")), url, str(params.get("elicitationId", "")))


def _form(params: JSONObject) -> Form:
    schema: JSONValue = params.get("requestedSchema")
    if not is_object(schema):
        raise HandlerRefusal(INVALID_PARAMS, "Invalid params: requestedSchema must be an object")
    properties: JSONValue = schema.get("properties")
    if not is_object(properties) or not all(is_object(part) for part in properties.values()):
        raise HandlerRefusal(INVALID_PARAMS, "Invalid params: requestedSchema needs properties")
    return Form(str(params.get("message", "")), schema, apply_defaults(schema, {}))


def _content(form: Form, answer: JSONObject | bool) -> JSONObject:
    """The answer with the defaults filled in, held to the form before it is sent."""
    content = {**form.defaults, **answer} if is_object(answer) else dict(form.defaults)
    content = {key: value for key, value in content.items() if value is not None}
    try:
        violations = compile_schema(form.schema).validate(content)
    except SchemaError as error:
        raise HandlerRefusal(INVALID_PARAMS, f"Invalid params: requestedSchema is no schema: {error}") from None
    if violations:
        log.error("the answer to %r does not fit the form: %s", form.message[:60], violations[0])
        raise HandlerRefusal(INTERNAL_ERROR, "The client's answer does not fit the form")
    return content


async def _sample(handler: Sample, params: JSONObject) -> JSONObject:
    try:
        answer = handler(params)
        if inspect.isawaitable(answer):
            answer = await answer
    except (Declined, Cancelled):
        raise HandlerRefusal(USER_REJECTED, "User rejected sampling request") from None
    if isinstance(answer, str):
        text: JSONObject = {"type": "text", "text": answer}
        return {"role": "assistant", "content": text, "model": "unknown", "stopReason": "endTurn"}
    return answer


def _roots(roots: Roots) -> list[JSONObject]:
    listed = roots() if callable(roots) else roots
    return [{"uri": root} if isinstance(root, str) else root for root in listed]
