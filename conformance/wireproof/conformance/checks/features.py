"""Resources, prompts, completion, paging, caching, logging and progress: requests, results and errors."""

from __future__ import annotations

import asyncio
import re

from wireproof.conformance.checks.tools import fits, need_base64
from wireproof.conformance.checks.versions import must_refuse
from wireproof.conformance.ledger import ALL, DUPLEX, LEGACY, MODERN
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.talk import DuplexTalk, short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object
from wireproof.conformance.verdict import Broken, NotHere, Unsure
from wireproof.schemas.jsonrpc import JSONValue, is_object

SINCE_1125 = MODERN | {"2025-11-25"}
TOKEN = re.compile(r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$")
URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]*$")


@check("resources.list.shape", shows=["mcp.resources.list"], area="resources")
async def the_resource_list_fits_its_schema(cell: Cell) -> None:
    cell.need("resources")
    result = (await (await cell.talk()).request("resources/list")).result
    await fits(cell, "resources/list", result)


@check("resources.uris", shows=["mcp.resources.uri"], area="resources", depends_on=["resources.list.shape"])
async def every_resource_has_a_uri_by_rfc_3986(cell: Cell) -> None:
    for resource in await cell.resources():
        if not URI.match(str(resource.get("uri"))):
            raise Broken(f"A resource's uri is no URI: {short(resource.get('uri'))}")


@check("resources.read.shape", shows=["mcp.resources.read"], area="resources")
async def reading_a_listed_resource_gives_contents_that_fit(cell: Cell) -> None:
    resources = await cell.resources()
    if not resources:
        raise NotHere("The server lists no resources.")
    talk = await cell.talk()
    for resource in resources[:6]:
        result = (await talk.request("resources/read", {"uri": resource.get("uri")})).result
        if result.get("resultType", "complete") == "complete":
            await fits(cell, "resources/read", result)


@check("resources.read.base64", shows=["mcp.resources.base64"], area="resources")
async def binary_contents_are_base64(cell: Cell) -> None:
    talk = await cell.talk()
    seen = False
    for resource in (await cell.resources())[:12]:
        result = (await talk.request("resources/read", {"uri": resource.get("uri")})).result
        for item in as_list(result.get("contents")):
            if is_object(item) and "blob" in item:
                seen = True
                need_base64(item["blob"], f"the blob of {resource.get('uri')}")
    if not seen:
        raise NotHere("No resource has binary contents.")


@check("resources.unknown", shows=["mcp.resources.unknown"], area="resources", revisions=MODERN)
async def an_unknown_resource_is_refused_with_minus_32602(cell: Cell) -> None:
    cell.need("resources")
    answer = await (await cell.talk()).request("resources/read", {"uri": "test://no-such-resource-here"})
    must_refuse(answer, -32602, "Reading a resource that does not exist")


@check("resources.unknown.legacy", shows=["mcp.resources.unknown.legacy"], area="resources", revisions=LEGACY)
async def an_unknown_resource_is_refused_with_minus_32002(cell: Cell) -> None:
    cell.need("resources")
    answer = await (await cell.talk()).request("resources/read", {"uri": "test://no-such-resource-here"})
    must_refuse(answer, -32002, "Reading a resource that does not exist")


@check("resources.unknown.not-empty", shows=["mcp.resources.not-empty"], area="resources", revisions=MODERN)
async def an_unknown_resource_is_never_an_empty_list(cell: Cell) -> None:
    cell.need("resources")
    answer = await (await cell.talk()).request("resources/read", {"uri": "test://no-such-resource-here"})
    result = as_object(answer.message).get("result")
    if is_object(result) and not result.get("contents"):
        raise Broken("Reading a resource that does not exist gave an empty contents list.")


@check("resources.traversal", shows=["mcp.resources.traversal"], area="resources")
async def no_uri_reaches_out_of_what_is_served(cell: Cell) -> None:
    talk = await cell.talk()
    await cell.resources()
    for uri in ("file:///etc/passwd", "file:///../../../../etc/passwd", "file:///%2e%2e/%2e%2e/etc/passwd"):
        answer = await talk.request("resources/read", {"uri": uri})
        if "root:" in short(as_object(answer.message).get("result"), 4000):
            raise Broken(f"{uri} was read: {answer.describe()}")


@check("resources.templates", shows=["mcp.resources.templates"], area="resources")
async def every_resource_template_is_a_uri_template(cell: Cell) -> None:
    cell.need("resources")
    answer = await (await cell.talk()).request("resources/templates/list")
    if answer.code == -32601:
        raise NotHere("The server has no resource templates.")
    await fits(cell, "resources/templates/list", answer.result)
    for template in as_list(answer.result.get("resourceTemplates")):
        text = str(template.get("uriTemplate"))
        if not re.fullmatch(r"([^{}\s]|\{[^{}\s]+\})+", text):
            raise Broken(f"{text!r} is no URI template (RFC 6570).")


@check("resources.subscribe", shows=["mcp.resources.subscribe"], area="resources", revisions=LEGACY)
async def a_declared_subscription_is_taken_and_given_back(cell: Cell) -> None:
    cell.need("resources", "subscribe")
    resources = await cell.resources()
    if not resources:
        raise NotHere("The server lists no resources.")
    talk = await cell.talk()
    for method in ("resources/subscribe", "resources/unsubscribe"):
        answer = await talk.request(method, {"uri": resources[0]["uri"]})
        if answer.error is not None:
            raise Broken(f"{method} is declared and was refused: {answer.describe()}")


@check("prompts.list.shape", shows=["mcp.prompts.list"], area="prompts")
async def the_prompt_list_fits_its_schema(cell: Cell) -> None:
    cell.need("prompts")
    result = (await (await cell.talk()).request("prompts/list")).result
    await fits(cell, "prompts/list", result)


@check("prompts.get.shape", shows=["mcp.prompts.get"], area="prompts", depends_on=["prompts.list.shape"])
async def a_prompt_with_generated_arguments_gives_messages_that_fit(cell: Cell) -> None:
    talk = await cell.talk()
    prompts = await cell.prompts()
    if not prompts:
        raise NotHere("The server lists no prompts.")
    for prompt in prompts[:6]:
        arguments = {item["name"]: "a" for item in as_list(prompt.get("arguments")) if item.get("required")}
        answer = await talk.request("prompts/get", {"name": prompt["name"], "arguments": arguments})
        result = as_object(answer.message).get("result")
        if is_object(result) and result.get("resultType", "complete") == "complete":
            await fits(cell, "prompts/get", result)


@check("prompts.unknown", shows=["mcp.prompts.unknown"], area="prompts")
async def an_unknown_prompt_is_refused_with_minus_32602(cell: Cell) -> None:
    cell.need("prompts")
    must_refuse(
        await (await cell.talk()).request("prompts/get", {"name": "no_such_prompt"}), -32602, "An unknown prompt"
    )


@check("prompts.arguments", shows=["mcp.prompts.arguments"], area="prompts", depends_on=["prompts.list.shape"])
async def a_prompt_without_a_required_argument_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    for prompt in await cell.prompts():
        if any(as_object(item).get("required") for item in as_list(prompt.get("arguments"))):
            answer = await talk.request("prompts/get", {"name": prompt["name"], "arguments": {}})
            must_refuse(answer, -32602, f"prompts/get of {prompt['name']} without its required arguments")
            return
    raise NotHere("No prompt has a required argument.")


@check("completion.values", shows=["mcp.completion.limit"], area="completion")
async def a_completion_has_at_most_100_values(cell: Cell) -> None:
    talk = await cell.talk()
    cell.need("completions")
    for prompt in await cell.prompts():
        for item in as_list(prompt.get("arguments"))[:2]:
            params = {
                "ref": {"type": "ref/prompt", "name": prompt["name"]},
                "argument": {"name": item["name"], "value": ""},
            }
            result = (await talk.request("completion/complete", params)).result
            await fits(cell, "completion/complete", result)
            if len(result["completion"]["values"]) > 100:
                raise Broken(f"A completion has {len(result['completion']['values'])} values; 100 is the limit.")
            return
    raise NotHere("No prompt has an argument to complete.")


@check("completion.unknown", shows=["mcp.completion.unknown"], area="completion")
async def a_completion_for_nothing_known_is_refused(cell: Cell) -> None:
    cell.need("completions")
    params = {"ref": {"type": "ref/prompt", "name": "no_such_prompt"}, "argument": {"name": "a", "value": ""}}
    answer = await (await cell.talk()).request("completion/complete", params)
    must_refuse(answer, -32602, "A completion for a prompt that does not exist")


@check("paging.bad-cursor", shows=["mcp.paging.bad-cursor"], area="paging")
async def a_cursor_nobody_gave_is_refused(cell: Cell) -> None:
    talk = await cell.talk()
    for name in ("tools", "resources", "prompts"):
        if name in cell.capabilities:
            answer = await talk.request(f"{name}/list", {"cursor": "no-such-cursor!"})
            must_refuse(answer, -32602, f"{name}/list with a cursor that nobody gave")
            return
    raise NotHere("The server declares no feature with a list.")


@check("paging.walk", shows=["mcp.paging.walk"], area="paging")
async def the_pages_of_a_list_end_and_repeat_nothing(cell: Cell) -> None:
    talk = await cell.talk()
    paged = False
    for name, key in (("tools", "name"), ("resources", "uri"), ("prompts", "name")):
        if name not in cell.capabilities:
            continue
        seen: list[str] = []
        cursor: JSONValue = None
        for page in range(51):
            result = (await talk.request(f"{name}/list", {"cursor": cursor} if page else None)).result
            items = [str(item.get(key)) for item in as_list(result.get(name))]
            repeated = set(seen) & set(items)
            if repeated:
                raise Broken(f"Page {page + 1} of {name}/list repeats {min(repeated)!r}.")
            seen += items
            cursor = result.get("nextCursor")
            if cursor is None:
                break
            paged = True
            if not isinstance(cursor, str):
                raise Broken(f"The nextCursor of {name}/list is no string: {short(cursor)}")
        else:
            raise Broken(f"{name}/list did not end within 51 pages.")
    if not paged:
        raise NotHere("No list has a second page.")


@check("caching.hints", shows=["mcp.caching.hints"], area="caching", revisions=MODERN)
async def lists_and_discovery_carry_cache_hints(cell: Cell) -> None:
    talk = await cell.talk()
    methods = ["server/discover"]
    methods += [f"{name}/list" for name in ("tools", "prompts", "resources") if name in cell.capabilities]
    for method in methods:
        result = (await talk.request(method)).result
        ttl, scope = result.get("ttlMs"), result.get("cacheScope")
        if not isinstance(ttl, (int, float)) or isinstance(ttl, bool) or scope is None:
            raise Broken(f"The result of {method} lacks ttlMs or cacheScope: {short(result)}")


@check("caching.ttl", shows=["mcp.caching.ttl"], area="caching", revisions=MODERN)
async def a_ttl_is_never_negative(cell: Cell) -> None:
    result = (await (await cell.talk()).request("server/discover")).result
    ttl = result.get("ttlMs")
    if ttl is None:
        raise Unsure("There is no ttlMs to judge.")
    if ttl < 0:
        raise Broken(f"ttlMs is {ttl}.")


@check("caching.scope", shows=["mcp.caching.scope"], area="caching", revisions=MODERN)
async def a_cache_scope_is_public_or_private(cell: Cell) -> None:
    result = (await (await cell.talk()).request("server/discover")).result
    if result.get("cacheScope", "public") not in {"public", "private"}:
        raise Broken(f"cacheScope is {short(result.get('cacheScope'))}.")


@check("caching.pages", shows=["mcp.caching.pages"], area="caching", revisions=MODERN)
async def all_pages_of_a_list_have_one_cache_scope(cell: Cell) -> None:
    talk = await cell.talk()
    for name in ("tools", "resources", "prompts"):
        if name not in cell.capabilities:
            continue
        first = (await talk.request(f"{name}/list")).result
        if isinstance(first.get("nextCursor"), str):
            second = (await talk.request(f"{name}/list", {"cursor": first["nextCursor"]})).result
            if first.get("cacheScope") != second.get("cacheScope"):
                raise Broken(
                    f"{name}/list: one page is {first.get('cacheScope')}, the next {second.get('cacheScope')}."
                )
            return
    raise NotHere("No list has a second page.")


@check("logging.level", shows=["mcp.logging.level"], area="logging", revisions=LEGACY)
async def an_unknown_log_level_is_refused_and_a_known_one_taken(cell: Cell) -> None:
    cell.need("logging")
    talk = await cell.talk()
    good = await talk.request("logging/setLevel", {"level": "warning"})
    if good.error is not None:
        raise Broken(f"logging/setLevel with warning was refused: {good.describe()}")
    must_refuse(await talk.request("logging/setLevel", {"level": "no-such-level"}), -32602, "An unknown log level")


@check("logging.unasked", shows=["mcp.logging.unasked"], area="logging", revisions=MODERN)
async def nothing_is_logged_to_a_request_that_did_not_ask(cell: Cell) -> None:
    talk = await cell.talk()
    for tool in (await cell.callable_tools())[:6]:
        answer = await cell.call(talk, tool)
        if any(message.get("method") == "notifications/message" for message in answer.before):
            raise Broken(f"{tool['name']} sent a log message although the request set no logLevel.")


@check("progress.rules", shows=["mcp.progress.rising", "mcp.progress.token"], area="progress")
async def progress_rises_and_names_the_token_of_its_request(cell: Cell) -> None:
    talk = await cell.talk()
    seen = False
    for number, tool in enumerate((await cell.callable_tools())[:8]):
        token = f"token-{number}"
        answer = await cell.call(talk, tool, meta={"progressToken": token})
        last: float | None = None
        for message in answer.before:
            if message.get("method") != "notifications/progress":
                continue
            seen = True
            params = as_object(message.get("params"))
            if params.get("progressToken") != token:
                raise Broken(f"Progress names the token {short(params.get('progressToken'))}, not {token!r}.")
            value = params.get("progress")
            if not isinstance(value, (int, float)) or (last is not None and value <= last):
                raise Broken(f"Progress does not rise: {last} was followed by {short(value)}.")
            last = value
    if not seen:
        raise NotHere("No callable tool reports progress.")


@check("progress.after", shows=["mcp.progress.stops"], area="progress", transports=DUPLEX)
async def no_progress_comes_after_the_result(cell: Cell) -> None:
    talk = await cell.talk()
    if not isinstance(talk, DuplexTalk):
        raise NotHere("On this transport the stream ends with the response.")
    mark = len(talk.strays)
    done: list[tuple[str, int]] = []
    for number, tool in enumerate((await cell.callable_tools())[:8]):
        await cell.call(talk, tool, meta={"progressToken": f"after-{number}"})
        done.append((f"after-{number}", len(talk.strays)))
    await asyncio.sleep(0.15)
    for token, end in done:
        for message in talk.strays[end:]:
            if as_object(message.get("params")).get("progressToken") == token:
                raise Broken(f"Progress for {token} came after its result.")
    if not any(message.get("method") == "notifications/progress" for message in talk.strays[mark:]):
        raise NotHere("No callable tool reports progress.")


__all__ = ["ALL"]
