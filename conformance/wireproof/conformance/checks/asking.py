"""What a server may ask a client for, and what it does with the answers and the state that come back."""

from __future__ import annotations

from typing import Final

from wireproof.conformance.ledger import MODERN
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.talk import Talk, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject, is_object

AREA: Final = "multi-round-trip"
CLIENT: Final[JSONObject] = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}
ONLY_URL: Final[JSONObject] = {"elicitation": {"url": {}}}
ONLY_FORM: Final[JSONObject] = {"elicitation": {"form": {}}}
PRIMITIVE: Final = {"string", "number", "integer", "boolean"}
TRIED: Final = 40
"""Tools that a check calls at most."""


def asked_in(result: JSONObject, method: str) -> list[JSONObject]:
    """The parameters of the input requests of this method."""
    found = [as_object(request) for request in as_object(result.get("inputRequests")).values()]
    return [as_object(request.get("params")) for request in found if request.get("method") == method]


async def asking(cell: Cell, talk: Talk, capabilities: JSONObject) -> list[tuple[JSONObject, JSONObject]]:
    """The calls that ask a client with these capabilities for input, each with its result."""
    found: list[tuple[JSONObject, JSONObject]] = []
    known = cell.remembered.get("asking")
    tools = [tool for tool in await cell.callable_tools() if known is None or tool["name"] in known][:TRIED]
    for tool in tools:
        params: JSONObject = {"name": tool["name"], "arguments": cell.arguments_for(tool)}
        answer = await talk.request("tools/call", params, capabilities=capabilities)
        result = as_object(as_object(answer.message).get("result"))
        if result.get("resultType") == "input_required":
            found.append((params, result))
    if known is None and capabilities == CLIENT:
        cell.remembered["asking"] = {str(params["name"]): True for params, _ in found}
    return found


async def asking_for(cell: Cell, method: str, capabilities: JSONObject = CLIENT) -> list[JSONObject]:
    """The parameters of all input requests of this method. Raises `NotHere` without one."""
    calls = await asking(cell, await cell.talk(), capabilities)
    found = [params for _, result in calls for params in asked_in(result, method)]
    if not found:
        raise NotHere(f"No callable tool asks for {method}.")
    return found


@check("asks.form", shows=["mcp.elicit.form"], area=AREA, revisions=MODERN, limit=20)
async def a_form_is_a_flat_object_of_plain_values(cell: Cell) -> None:
    for params in await asking_for(cell, "elicitation/create"):
        if params.get("mode", "form") != "form":
            continue
        if not isinstance(params.get("message"), str):
            raise Broken(f"A form has no message: {short(params)}")
        schema = as_object(params.get("requestedSchema"))
        fields = schema.get("properties")
        if schema.get("type") != "object" or not is_object(fields):
            raise Broken(f"The schema of a form is not that of an object: {short(schema)}")
        for name, field in fields.items():
            kind = as_object(field).get("type")
            if kind not in PRIMITIVE and not _is_choice(as_object(field)):
                raise Broken(f"The field {name!r} of a form is no plain value: {short(field)}")


def _is_choice(field: JSONObject) -> bool:
    items = as_object(field.get("items"))
    several = field.get("type") == "array" and ("enum" in items or "anyOf" in items)
    return several or "enum" in field or "oneOf" in field


@check("asks.url", shows=["mcp.elicit.url"], area=AREA, revisions=MODERN, limit=20)
async def a_url_to_be_opened_is_a_url(cell: Cell) -> None:
    from urllib.parse import urlsplit

    wanted = [params for params in await asking_for(cell, "elicitation/create") if params.get("mode") == "url"]
    if not wanted:
        raise NotHere("No callable tool asks to open a URL.")
    for params in wanted:
        url = params.get("url")
        parts = urlsplit(url) if isinstance(url, str) else None
        if parts is None or not parts.scheme or not (parts.netloc or parts.path):
            raise Broken(f"A request to open a URL has none: {short(params)}")


@check("asks.mode", shows=["mcp.elicit.mode"], area=AREA, revisions=MODERN, limit=30)
async def no_mode_is_used_that_the_client_lacks(cell: Cell) -> None:
    await asking_for(cell, "elicitation/create")
    talk = await cell.talk()
    for lacks, capabilities in (("form", ONLY_URL), ("url", ONLY_FORM)):
        for params, result in await asking(cell, talk, capabilities):
            for request in asked_in(result, "elicitation/create"):
                if request.get("mode", "form") == lacks:
                    raise Broken(f"{params['name']} used the mode {lacks} with a client that did not declare it.")


@check("asks.sampling-tools", shows=["mcp.sampling.tools"], area=AREA, revisions=MODERN, limit=20)
async def a_client_without_sampling_tools_gets_none(cell: Cell) -> None:
    for params in await asking_for(cell, "sampling/createMessage"):
        if "tools" in params or "toolChoice" in params:
            raise Broken(f"Tools were put into a sampling request of a client without sampling.tools: {short(params)}")


@check("asks.sampling", shows=["mcp.sampling.roles"], area=AREA, revisions=MODERN, limit=20)
async def sampling_messages_are_of_the_user_or_the_assistant(cell: Cell) -> None:
    for params in await asking_for(cell, "sampling/createMessage"):
        messages = as_list(params.get("messages"))
        roles = [as_object(message).get("role") for message in messages]
        if not roles or not set(map(str, roles)) <= {"user", "assistant"}:
            raise Broken(f"A sampling request has messages of the roles {short(roles)}.")


@check("asks.bad-answers", shows=["mcp.mrtr.validate-answers"], area=AREA, revisions=MODERN, limit=20)
async def answers_that_are_no_object_are_refused(cell: Cell) -> None:
    talk = await cell.talk()
    calls = await asking(cell, talk, CLIENT)
    if not calls:
        raise NotHere("No callable tool asks for input.")
    params, result = calls[0]
    for bad in (7, "text", [1]):
        retry: JSONObject = {**params, "inputResponses": bad}
        if "requestState" in result:
            retry["requestState"] = result["requestState"]
        answer = await talk.request("tools/call", retry, capabilities=CLIENT)
        if answer.error is None:
            raise Broken(f"inputResponses that are {short(bad)} were answered with {answer.describe()}, not an error.")


@check("asks.state.bound", shows=["mcp.mrtr.state-bound"], area=AREA, revisions=MODERN, limit=20)
async def the_state_of_one_call_is_not_taken_by_another(cell: Cell) -> None:
    talk = await cell.talk()
    calls = [(params, result) for params, result in await asking(cell, talk, CLIENT) if "requestState" in result]
    pairs = [
        (one, two)
        for one in calls
        for two in calls
        if one[0]["name"] != two[0]["name"] and one[1]["requestState"] != two[1]["requestState"]
    ]
    if not pairs:
        raise NotHere("No two callable tools ask with a requestState.")
    for (here, _), (_, there) in pairs[:4]:
        retry: JSONObject = {**here, "requestState": there["requestState"], "inputResponses": {}}
        answer = await talk.request("tools/call", retry, capabilities=CLIENT)
        if answer.error is None:
            raise Broken(f"{here['name']} took the requestState of another tool: {answer.describe()}")
