"""What each method of a tool server does: one handler a method, and the tables that say where it exists.

Handlers take a `Call` and give a reply at once, or the work that makes one. They know no transport.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from wireproof.mcp_tools.call import Call, Handler
from wireproof.mcp_tools.calls import call_tool, run, run_masked
from wireproof.mcp_tools.catalogue import Catalogue
from wireproof.mcp_tools.completion import complete, completion
from wireproof.mcp_tools.core import SUPPORTED
from wireproof.mcp_tools.errors import InvalidParams, InvalidRequest, ProtocolError, ResourceNotFound
from wireproof.mcp_tools.facts import LOG_LEVELS, META_SUBSCRIPTION
from wireproof.mcp_tools.resource import Resource, has_traversal
from wireproof.mcp_tools.subscriptions import KINDS, Kind, Listener
from wireproof.schemas.jsonrpc import (
    JSONObject,
    JSONValue,
    Reply,
    encode_notification,
    encode_raw_result,
    encode_result,
    is_array,
    is_object,
)
from wireproof.schemas.mcp.revisions import Revision

if TYPE_CHECKING:
    from wireproof.mcp_tools.core import Core
    from wireproof.transports.exchange import Answer


# -- lists ------------------------------------------------------------------------------------------------------


def _list(call: Call, catalogue: Catalogue[Any], field: str) -> Reply:
    core, facts = call.endpoint.core, call.facts
    cursor: JSONValue = call.params.get("cursor")
    if core.settings.page_size is None and cursor is None:
        return Reply(
            encode_raw_result(call.id, catalogue.cached(facts.revision, lambda items: _page(core, facts, field, items)))
        )
    items = catalogue.rendered(facts.revision)
    start, end, following = core.page(facts, call.method, cursor, len(items))
    return Reply(encode_raw_result(call.id, _page(core, facts, field, items[start:end], following)))


def _page(core: Core, facts: Any, field: str, items: list[JSONObject], following: str | None = None) -> bytes:
    result: JSONObject = {field: items}
    if following is not None:
        result["nextCursor"] = following
    if facts.modern:
        result.update(resultType="complete", ttlMs=round(core.settings.list_ttl_s * 1000), cacheScope="public")
        result["_meta"] = core.server_meta
    return to_json(result, inf_nan_mode="null")


def list_tools(call: Call) -> Answer:
    """tools/list."""
    return _list(call, call.endpoint.core.tools, "tools")


def list_prompts(call: Call) -> Answer:
    """prompts/list."""
    return _list(call, call.endpoint.core.prompts, "prompts")


def list_resources(call: Call) -> Answer:
    """resources/list."""
    return _list(call, call.endpoint.core.resources, "resources")


def list_templates(call: Call) -> Answer:
    """resources/templates/list."""
    return _list(call, call.endpoint.core.templates, "resourceTemplates")


# -- tools ------------------------------------------------------------------------------------------------------


def tools_call(call: Call) -> Answer:
    """tools/call."""
    core = call.endpoint.core
    name: JSONValue = call.params.get("name")
    tool = core.tools.get(name) if isinstance(name, str) else None
    if tool is None:
        raise InvalidParams(f"Unknown tool: {str(name)[:128]}")
    if tool.scopes and not tool.scopes <= call.facts.principal.scopes and call.facts.transport != "stdio":
        needed = " ".join(sorted(tool.scopes))
        raise InvalidRequest(f"Insufficient scope: tool {tool.name} needs {needed}", data={"scope": needed})
    arguments = call.params.get("arguments")
    if arguments is not None and not is_object(arguments):
        raise InvalidParams("Invalid params: arguments must be an object")
    for extension in core.interceptors:
        answer = extension(call, tool)
        if answer is not None:
            return answer
    return call_tool(call, tool, core)


# -- resources --------------------------------------------------------------------------------------------------


def read_resource(call: Call) -> Answer:
    """resources/read."""
    uri: JSONValue = call.params.get("uri")
    if not isinstance(uri, str):
        raise InvalidParams("Invalid params: uri must be a string")
    core = call.endpoint.core
    found = find_resource(core, uri)
    if found is None:
        raise ResourceNotFound(uri[:2048], modern=call.facts.modern)
    resource, values = found

    async def work() -> JSONObject:
        arguments = resource.inputs.validate(values)
        options = resource.options
        value = await run(
            call, core, resource.function, arguments, resource.needs, resource.is_async, options.get("timeout_s")
        )
        result: JSONObject = {"contents": resource.contents(uri, value)}
        if call.facts.modern:
            result["ttlMs"] = round(options.get("cache_s", 0) * 1000)
            result["cacheScope"] = "public" if options.get("public") else "private"
        return result

    return run_masked(call, core, f"resource {uri[:200]}", work)


def find_resource(core: Core, uri: str) -> tuple[Resource, JSONObject] | None:
    """The resource of a URI and its template values; None when there is none, or the values try to leave it."""
    exact = core.resources.get(uri)
    if exact is not None:
        return exact, {}
    for resource in core.templates:
        assert resource.template is not None
        values = resource.template.match(uri)
        if values is not None:
            return None if has_traversal(values) else (resource, dict(values))
    return None


def _subscription(call: Call) -> str:
    uri: JSONValue = call.params.get("uri")
    if not isinstance(uri, str):
        raise InvalidParams("Invalid params: uri must be a string")
    if find_resource(call.endpoint.core, uri) is None:
        raise ResourceNotFound(uri[:2048], modern=False)
    return uri


def subscribe(call: Call) -> Answer:
    """resources/subscribe (session revisions)."""
    uri = _subscription(call)
    uris = call.endpoint.session_listener.uris
    if len(uris) >= call.endpoint.core.settings.max_uris:
        raise InvalidRequest(f"Invalid request: this session has {len(uris)} subscriptions, which is the limit")
    uris.add(uri)
    return Reply(encode_result(call.id, {}))


def unsubscribe(call: Call) -> Answer:
    """resources/unsubscribe (session revisions)."""
    call.endpoint.session_listener.uris.discard(_subscription(call))
    return Reply(encode_result(call.id, {}))


# -- prompts and completion -------------------------------------------------------------------------------------


def get_prompt(call: Call) -> Answer:
    """prompts/get."""
    core = call.endpoint.core
    name: JSONValue = call.params.get("name")
    prompt = core.prompts.get(name) if isinstance(name, str) else None
    if prompt is None:
        raise InvalidParams(f"Unknown prompt: {str(name)[:128]}")
    given: JSONValue = call.params.get("arguments", {})
    if not is_object(given):
        raise InvalidParams("Invalid params: arguments must be an object")

    async def work() -> JSONObject:
        arguments = prompt.inputs.validate(given)
        value = await run(call, core, prompt.function, arguments, prompt.needs, prompt.is_async, prompt.timeout_s)
        return prompt.messages(value, call.facts.revision)

    return run_masked(call, core, f"prompt {prompt.name}", work)


def complete_argument(call: Call) -> Answer:
    """completion/complete."""
    core = call.endpoint.core
    reference, argument = call.params.get("ref"), call.params.get("argument")
    if not is_object(reference) or not is_object(argument):
        raise InvalidParams("Invalid params: ref and argument must be objects")
    target = _completion_target(core, reference)
    name, value = argument.get("name"), argument.get("value")
    if not isinstance(name, str) or not isinstance(value, str):
        raise InvalidParams("Invalid params: argument needs the strings name and value")
    found = core.completers.find(target, name) if core.completers is not None else None
    if found is None:
        return call.complete(completion(()))
    context: JSONValue = call.params.get("context", {})
    known: JSONValue = context.get("arguments", {}) if is_object(context) else {}
    return run_masked(call, core, "completion", lambda: complete(*found, value, known))


def _completion_target(core: Core, reference: JSONObject) -> str:
    kind = reference.get("type")
    target: JSONValue = reference.get("name") if kind == "ref/prompt" else reference.get("uri")
    if kind not in ("ref/prompt", "ref/resource") or not isinstance(target, str):
        raise InvalidParams("Invalid params: ref is a ref/prompt with a name or a ref/resource with a uri")
    known = target in core.prompts if kind == "ref/prompt" else (target in core.templates or target in core.resources)
    if not known:
        raise InvalidParams(f"Unknown {'prompt' if kind == 'ref/prompt' else 'resource'}: {target[:128]}")
    return target


# -- discovery, sessions' small methods ---------------------------------------------------------------------------


def discover(call: Call) -> Answer:
    """server/discover."""
    core = call.endpoint.core
    result: JSONObject = {
        "supportedVersions": list(SUPPORTED),
        "capabilities": core.capabilities(call.facts.revision),
        "ttlMs": round(core.settings.list_ttl_s * 1000),
        "cacheScope": "public",
    }
    if core.instructions:
        result["instructions"] = core.instructions
    return call.complete(result)


def ping(call: Call) -> Answer:
    """ping (session revisions)."""
    return Reply(encode_result(call.id, {}))


def set_level(call: Call) -> Answer:
    """logging/setLevel (session revisions)."""
    level: JSONValue = call.params.get("level")
    if level not in LOG_LEVELS:
        raise InvalidParams(f"Invalid params: level is one of {', '.join(LOG_LEVELS)}")
    call.endpoint.set_log_level(LOG_LEVELS.index(level))
    return Reply(encode_result(call.id, {}))


# -- subscriptions/listen -----------------------------------------------------------------------------------------

_FILTERS: Final[dict[str, Kind]] = {f"{kind}ListChanged": kind for kind in KINDS}


def listen(call: Call) -> Answer:
    """subscriptions/listen (2026-07-28)."""
    wanted: JSONValue = call.params.get("notifications")
    if not is_object(wanted):
        raise InvalidParams("Invalid params: notifications must be an object")
    core = call.endpoint.core
    owner = call.facts.principal.key
    if core.listeners_of.get(owner, 0) >= core.settings.max_listeners:
        raise InvalidRequest("Invalid request: too many open subscriptions; close one first")
    listener, agreed = _agree(core, wanted, call)
    return _listen(call, listener, wanted, agreed)


def _agree(core: Core, wanted: JSONObject, call: Call) -> tuple[Listener, JSONObject]:
    capabilities = core.capabilities(call.facts.revision)
    kinds: frozenset[Kind] = frozenset(
        kind for name, kind in _FILTERS.items() if wanted.get(name) is True and kind in capabilities
    )
    agreed: JSONObject = {name: True for name, kind in _FILTERS.items() if kind in kinds}
    uris: set[str] = set()
    requested: JSONValue = wanted.get("resourceSubscriptions")
    if requested is not None and "resources" in capabilities:
        if not is_array(requested) or not all(isinstance(uri, str) for uri in requested):
            raise InvalidParams("Invalid params: resourceSubscriptions must be an array of strings")
        if len(requested) > core.settings.max_uris:
            raise InvalidParams(f"Invalid params: at most {core.settings.max_uris} resourceSubscriptions")
        uris = {uri for uri in requested if find_resource(core, uri) is not None}
        agreed["resourceSubscriptions"] = [uri for uri in requested if uri in uris]
    return Listener(kinds, uris), agreed


async def _listen(call: Call, listener: Listener, wanted: JSONObject, agreed: JSONObject) -> Reply | None:
    try:
        async with AsyncExitStack() as stack:
            for extend in call.endpoint.core.listen_extenders:
                await stack.enter_async_context(extend(call, wanted, agreed, listener))
            return await _tell(call, listener, agreed)
    except ProtocolError as error:
        return error.reply(call.id)


async def _tell(call: Call, listener: Listener, agreed: JSONObject) -> Reply | None:
    core, owner = call.endpoint.core, call.facts.principal.key
    tag = {META_SUBSCRIPTION: call.id}
    core.listeners_of[owner] = core.listeners_of.get(owner, 0) + 1
    call.endpoint.listening.add(listener)
    try:
        acknowledged = {"_meta": tag, "notifications": agreed}
        core.changes.add(listener)
        await call.out.send(encode_notification("notifications/subscriptions/acknowledged", acknowledged))
        while events := await listener.next():
            for method, params in events:
                await call.out.send(encode_notification(method, {**params, "_meta": tag}))
        return call.complete({"_meta": dict(tag)})
    except ConnectionError:
        return None
    finally:
        core.changes.remove(listener)
        call.endpoint.listening.discard(listener)
        core.listeners_of[owner] -= 1
        if not core.listeners_of[owner]:
            del core.listeners_of[owner]


# -- where each method exists -------------------------------------------------------------------------------------

_EVERYWHERE: Final[Mapping[str, Handler]] = {
    "tools/list": list_tools,
    "tools/call": tools_call,
    "prompts/list": list_prompts,
    "prompts/get": get_prompt,
    "resources/list": list_resources,
    "resources/templates/list": list_templates,
    "resources/read": read_resource,
    "completion/complete": complete_argument,
}

HANDLERS: Final[Mapping[str, Handler]] = {
    **_EVERYWHERE,
    "server/discover": discover,
    "subscriptions/listen": listen,
    "ping": ping,
    "logging/setLevel": set_level,
    "resources/subscribe": subscribe,
    "resources/unsubscribe": unsubscribe,
}

NEEDS_CAPABILITY: Final[Mapping[str, str]] = {
    "prompts/list": "prompts",
    "prompts/get": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resources",
    "resources/read": "resources",
    "resources/subscribe": "resources",
    "resources/unsubscribe": "resources",
    "completion/complete": "completions",
}
"""The capability without which a method answers -32601."""


MODERN_ONLY: Final = frozenset({"server/discover", "subscriptions/listen"})
SESSION_ONLY: Final = frozenset({"ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"})


def exists(method: str, revision: Revision) -> bool:
    """Whether the core protocol of that revision has the method."""
    if revision.is_modern:
        return method in HANDLERS and method not in SESSION_ONLY
    return method in HANDLERS and method not in MODERN_ONLY
