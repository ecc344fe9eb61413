"""Rounds of a call that asks for more input (MRTR): answer every question at once, send the call again.

Spec: 2026-07-28 basic/patterns/mrtr#client-requirements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wireproof.mcp_tools.client.errors import RequestRefused, ServerMisbehaved
from wireproof.mcp_tools.client.handlers import HandlerRefusal, Handlers
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object


async def answered(
    method: str,
    result: JSONObject,
    again: Callable[[JSONObject], Awaitable[JSONObject]],
    handlers: Handlers,
    rounds: int,
) -> JSONObject:
    """The result that is no question. Raises `ServerMisbehaved` after so many rounds, `RequestRefused` for a question
    that no handler takes."""
    for _ in range(rounds):
        if result.get("resultType") != "input_required":
            return result
        result = await again(await _more(method, result, handlers))
    if result.get("resultType") != "input_required":
        return result
    raise ServerMisbehaved(f"{method} asked for input {rounds} times: raise `rounds` if it may")


async def _more(method: str, result: JSONObject, handlers: Handlers) -> JSONObject:
    """What the next request carries beside its own params."""
    more: JSONObject = {}
    if "requestState" in result:
        more["requestState"] = result["requestState"]
    requests: JSONValue = result.get("inputRequests")
    if requests is not None:
        if not is_object(requests) or not all(is_object(each) for each in requests.values()):
            raise ServerMisbehaved(f"{method} asked for input in a form that is none")
        more["inputResponses"] = await responses_to(method, requests, handlers)
    elif "requestState" not in result:
        raise ServerMisbehaved(f"{method} wants input but names none")
    return more


async def responses_to(method: str, requests: JSONObject, handlers: Handlers) -> JSONObject:
    """The answers of the handlers, asked at the same time. Raises `RequestRefused`."""

    async def one(request: JSONObject) -> JSONObject:
        params: JSONValue = request.get("params", {})
        asked = str(request.get("method"))
        try:
            return await handlers.answer(asked, params if is_object(params) else {})
        except HandlerRefusal as refusal:
            raise RequestRefused(
                refusal.code, f"{refusal.message} (asked for by {method}): give `connect` a handler", method=asked
            ) from None

    tasks = [asyncio.get_running_loop().create_task(one(request)) for request in requests.values()]
    try:
        return dict(zip(requests, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
