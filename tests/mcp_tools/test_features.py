"""Resources, prompts, completion, lists, logging, progress, subscriptions, injection and lifespan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest

from tests.mcp_tools.wire import MODERN_META, REVISIONS, SESSION, connected
from wireproof.mcp_tools import Context, Depends, PromptMessage, ResourceContents, Settings, Text, ToolError, ToolServer
from wireproof.schemas.caller import Principal
from wireproof.schemas.signature import SignatureError

Ctx = Context[Any]


def library(**options: Any) -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("library", **options)

    @server.resource("books://all", mime_type="application/json", public=True, cache_s=60)
    def every() -> list[str]:
        """Every book."""
        return ["Faust"]

    @server.resource("books://cover", mime_type="image/png")
    async def cover() -> bytes:
        return b"\x89PNG"

    @server.resource("books://{author}/{title}")
    def book(author: str, title: str) -> str:
        return f"{title} by {author}"

    @server.resource("pages://{number}{?font}")
    def page(number: int, font: str = "serif") -> ResourceContents:
        return ResourceContents(f"pages://{number}", text=f"{number + 1} in {font}", mime_type="text/x-page")

    @server.resource("broken://now")
    def broken() -> str:
        raise RuntimeError("secret")

    @server.resource("told://now")
    def told() -> str:
        raise ToolError("The library is closed")

    @server.prompt
    def review(title: str, stars: int = 5) -> list[PromptMessage]:
        """Review a book.

        Args:
            title: Which book.
        """
        return [PromptMessage("user", Text(f"{title}: {stars + 1}")), PromptMessage("assistant", Text("Gladly."))]

    @server.completer("review", "title")
    async def titles(value: str) -> list[str]:
        return [f"{value}{number}" for number in range(150)]

    @server.completer("books://{author}/{title}", "title")
    def books_of(value: str, context: dict[str, str]) -> list[str]:
        return [f"{context.get('author', 'anyone')}'s {value}"]

    return server


READ = {
    "data": ("books://all", {"uri": "books://all", "mimeType": "application/json", "text": '["Faust"]'}),
    "bytes": ("books://cover", {"uri": "books://cover", "mimeType": "image/png", "blob": "iVBORw=="}),
    "a template": (
        "books://Goethe/Faust%20II",
        {"uri": "books://Goethe/Faust%20II", "mimeType": "text/plain", "text": "Faust II by Goethe"},
    ),
    "a number in a template": ("pages://7", {"uri": "pages://7", "mimeType": "text/x-page", "text": "8 in serif"}),
    "a query in a template": (
        "pages://7?font=sans",
        {"uri": "pages://7", "mimeType": "text/x-page", "text": "8 in sans"},
    ),
}


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("uri", "contents"), READ.values(), ids=READ.keys())
async def test_a_resource_is_read_by_its_uri(revision: str, uri: str, contents: Any) -> None:
    async with connected(library(), revision) as wire:
        result = await wire.request("resources/read", {"uri": uri})
    assert result["contents"] == [contents]
    assert ("ttlMs" in result and "cacheScope" in result) is (revision == "2026-07-28")


async def test_only_what_is_public_may_be_shared_by_caches() -> None:
    async with connected(library()) as wire:
        public = await wire.request("resources/read", {"uri": "books://all"})
        private = await wire.request("resources/read", {"uri": "books://cover"})
    assert (public["cacheScope"], public["ttlMs"]) == ("public", 60_000)
    assert (private["cacheScope"], private["ttlMs"]) == ("private", 0)


ABSENT = ["nothing://here", "books://a/../b", "books://a/%2e%2e", "books://a", "books://a/b/c", "books://a/x%5cy", ""]


@pytest.mark.parametrize("uri", ABSENT)
@pytest.mark.parametrize("revision", REVISIONS)
async def test_an_absent_resource_and_one_outside_its_place_answer_alike(revision: str, uri: str) -> None:
    async with connected(library(), revision) as wire:
        failure = await wire.refused("resources/read", {"uri": uri})
    assert failure.code == (-32602 if revision == "2026-07-28" else -32002)
    assert failure.message == "Resource not found"
    assert failure.data == {"uri": uri}


async def test_a_resource_that_fails_tells_only_what_its_author_chose() -> None:
    async with connected(library()) as wire:
        broken = await wire.refused("resources/read", {"uri": "broken://now"})
        told = await wire.refused("resources/read", {"uri": "told://now"})
        bad = await wire.refused("resources/read", {"uri": "pages://seven"})
    assert (broken.code, "secret" in broken.message) == (-32603, False)
    assert (told.code, told.message) == (-32603, "The library is closed")
    assert bad.code == -32602
    assert "number: must be" in bad.message


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_prompt_is_listed_with_its_arguments_and_made_from_strings(revision: str) -> None:
    async with connected(library(), revision) as wire:
        (prompt,) = (await wire.request("prompts/list"))["prompts"]
        made = await wire.request("prompts/get", {"name": "review", "arguments": {"title": "Faust", "stars": "3"}})
        missing = await wire.refused("prompts/get", {"name": "review"})
        unknown = await wire.refused("prompts/get", {"name": "nope"})
    assert prompt["arguments"] == [
        {"name": "title", "required": True, "description": "Which book."},
        {"name": "stars", "required": False},
    ]
    assert [message["role"] for message in made["messages"]] == ["user", "assistant"]
    assert made["messages"][0]["content"]["text"] == "Faust: 4"
    assert (missing.code, unknown.code) == (-32602, -32602)


async def test_completion_gives_at_most_a_hundred_values_and_says_how_many_there_are() -> None:
    async with connected(library()) as wire:
        many = await wire.request(
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "review"}, "argument": {"name": "title", "value": "x"}},
        )
        known = await wire.request(
            "completion/complete",
            {
                "ref": {"type": "ref/resource", "uri": "books://{author}/{title}"},
                "argument": {"name": "title", "value": "Fa"},
                "context": {"arguments": {"author": "Goethe"}},
            },
        )
        none = await wire.request(
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "review"}, "argument": {"name": "stars", "value": ""}},
        )
        unknown = await wire.refused(
            "completion/complete",
            {"ref": {"type": "ref/prompt", "name": "nope"}, "argument": {"name": "a", "value": ""}},
        )
    assert (len(many["completion"]["values"]), many["completion"]["total"]) == (100, 150)
    assert many["completion"]["hasMore"] is True
    assert known["completion"]["values"] == ["Goethe's Fa"]
    assert none["completion"]["values"] == []
    assert unknown.code == -32602


# -- lists --------------------------------------------------------------------------------------------------------


def numbered(count: int, **settings: Any) -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("many", settings=Settings(**settings))
    for number in range(count):
        server.add_tool(lambda: None, name=f"tool-{number}")
    return server


async def test_a_long_list_comes_in_pages_and_ends() -> None:
    async with connected(numbered(25, page_size=10)) as wire:
        names: list[str] = []
        params: dict[str, Any] = {}
        while True:
            page = await wire.request("tools/list", params)
            names += [tool["name"] for tool in page["tools"]]
            if "nextCursor" not in page:
                break
            params = {"cursor": page["nextCursor"]}
    assert names == [f"tool-{number}" for number in range(25)]


async def test_a_cursor_is_bound_to_its_list_and_its_owner() -> None:
    server = numbered(25, page_size=10)
    server.add_prompt(lambda: "", name="p")
    async with connected(server) as wire:
        cursor = (await wire.request("tools/list"))["nextCursor"]
        for bad in (cursor + "x", "", 7, [], cursor[:-4]):
            assert (await wire.refused("tools/list", {"cursor": bad})).code == -32602
        assert (await wire.refused("prompts/list", {"cursor": cursor})).code == -32602
    async with connected(server, principal=Principal("mallory", issuer="https://issuer")) as wire:
        assert (await wire.refused("tools/list", {"cursor": cursor})).code == -32602


async def test_a_list_is_rendered_once_until_it_changes() -> None:
    server = numbered(3)
    async with connected(server) as wire:
        first = await wire.request("tools/list")
        made = dict(server.core.tools._bytes)
        assert await wire.request("tools/list") == first
        assert {key: id(value) for key, value in server.core.tools._bytes.items()} == {
            key: id(value) for key, value in made.items()
        }
        server.remove_tool("tool-1")
        assert [tool["name"] for tool in (await wire.request("tools/list"))["tools"]] == ["tool-0", "tool-2"]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_capability_is_declared_exactly_when_its_methods_answer(revision: str) -> None:
    async with connected(ToolServer("tools only"), revision) as wire:
        for method in ("prompts/list", "resources/list", "resources/templates/list"):
            assert (await wire.refused(method)).code == -32601
        assert (await wire.refused("completion/complete", {})).code == -32601
        assert (await wire.request("tools/list"))["tools"] == []


# -- during a call ------------------------------------------------------------------------------------------------


def reporting() -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("reporting")

    @server.tool
    async def work(ctx: Ctx) -> str:
        await ctx.log("debug", "fine")
        await ctx.log("warning", {"what": "careful"}, logger="worker")
        for value in (1, 2, 2, 1.5, 3):
            await ctx.progress(value, 3, f"at {value}")
        return "done"

    return server


async def test_progress_only_rises_and_carries_the_token_of_its_request() -> None:
    async with connected(reporting()) as wire:
        await wire.request("tools/call", {"name": "work"}, meta={**MODERN_META, "progressToken": "t"})
        await wire.call("work")
    progress = [params for method, params in wire.notes if method == "notifications/progress"]
    assert [(params["progressToken"], params["progress"]) for params in progress] == [("t", 1), ("t", 2), ("t", 3)]


LEVELS = [("debug", ["fine", {"what": "careful"}]), ("warning", [{"what": "careful"}]), ("error", [])]


@pytest.mark.parametrize(("level", "expected"), LEVELS)
async def test_log_messages_come_from_the_level_that_was_asked_for(level: str, expected: Any) -> None:
    async with connected(reporting()) as wire:
        meta = {**MODERN_META, "io.modelcontextprotocol/logLevel": level}
        await wire.request("tools/call", {"name": "work"}, meta=meta)
        assert [params["data"] for method, params in wire.notes if method == "notifications/message"] == expected
        await wire.call("work")
        assert len([1 for method, _ in wire.notes if method == "notifications/message"]) == len(expected)
    async with connected(reporting(), "2025-06-18") as wire:
        await wire.request("logging/setLevel", {"level": level})
        await wire.call("work")
        assert [params["data"] for method, params in wire.notes if method == "notifications/message"] == expected


async def test_an_unknown_log_level_is_refused() -> None:
    async with connected(reporting()) as wire:
        meta = {**MODERN_META, "io.modelcontextprotocol/logLevel": "loud"}
        assert (await wire.refused("tools/list", meta=meta)).code == -32602
    async with connected(reporting(), "2025-06-18") as wire:
        assert (await wire.refused("logging/setLevel", {"level": "loud"})).code == -32602


# -- subscriptions ------------------------------------------------------------------------------------------------

EVERYTHING = {
    "toolsListChanged": True,
    "promptsListChanged": True,
    "resourcesListChanged": True,
    "resourceSubscriptions": ["books://all", "nothing://here"],
}
TAG = "io.modelcontextprotocol/subscriptionId"


async def test_listening_is_acknowledged_first_and_hears_only_what_was_asked() -> None:
    server = library()
    async with connected(server) as wire:
        id_ = await wire.start("subscriptions/listen", {"notifications": EVERYTHING})
        (acknowledged,) = await wire.note("notifications/subscriptions/acknowledged")
        server.add_tool(lambda: None, name="new")
        server.add_tool(lambda: None, name="newer")
        server.resource_updated("books://all")
        server.resource_updated("books://cover")
        await wire.note("notifications/tools/list_changed")
        await wire.note("notifications/resources/updated")
        only_prompts = await wire.start("subscriptions/listen", {"notifications": {"promptsListChanged": True}})
        await wire.note("notifications/subscriptions/acknowledged", 2)
        server.remove_tool("new")
        server.remove_prompt("review")
        await wire.note("notifications/tools/list_changed", 2)
        await wire.note("notifications/prompts/list_changed", 2)
    assert wire.notes[0][0] == "notifications/subscriptions/acknowledged"
    assert acknowledged["notifications"] == {**EVERYTHING, "resourceSubscriptions": ["books://all"]}
    assert acknowledged["_meta"] == {TAG: id_}
    updated = [params for method, params in wire.notes if method == "notifications/resources/updated"]
    assert updated == [{"uri": "books://all", "_meta": {TAG: id_}}]
    told = [method for method, params in wire.notes if params["_meta"][TAG] == only_prompts]
    assert told == ["notifications/subscriptions/acknowledged", "notifications/prompts/list_changed"]


async def test_many_changes_at_once_are_told_once() -> None:
    server = numbered(0)
    async with connected(server) as wire:
        await wire.start("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        await wire.note("notifications/subscriptions/acknowledged")
        for number in range(100):
            server.add_tool(lambda: None, name=f"t{number}")
        await wire.note("notifications/tools/list_changed")
        assert len((await wire.request("tools/list"))["tools"]) == 100
    assert len([1 for method, _ in wire.notes if method == "notifications/tools/list_changed"]) == 1


async def test_a_cancelled_subscription_is_forgotten() -> None:
    server = library()
    async with connected(server) as wire:
        id_ = await wire.start("subscriptions/listen", {"notifications": EVERYTHING})
        await wire.note("notifications/subscriptions/acknowledged")
        await wire.notify("notifications/cancelled", {"requestId": id_})
        await wire.request("tools/list")
        assert len(server.core.changes) == 0
        assert server.core.listeners_of == {}


async def test_a_server_that_stops_ends_subscriptions_with_their_result() -> None:
    server = library()
    async with connected(server) as wire:
        id_ = await wire.start("subscriptions/listen", {"notifications": EVERYTHING})
        await wire.note("notifications/subscriptions/acknowledged")
        for listener in list(server.core.changes._listeners):
            listener.close()
        outcome = await wire.finish(id_)
    assert outcome.result["_meta"][TAG] == id_  # type: ignore[union-attr]
    assert outcome.result["resultType"] == "complete"  # type: ignore[union-attr]


async def test_subscriptions_are_bounded_and_the_bound_is_said() -> None:
    server = library(settings=Settings(max_listeners=1, max_uris=1))
    async with connected(server) as wire:
        too_many = {"notifications": {"resourceSubscriptions": ["books://all", "books://cover"]}}
        assert (await wire.refused("subscriptions/listen", too_many)).code == -32602
        await wire.start("subscriptions/listen", {"notifications": {}})
        await wire.note("notifications/subscriptions/acknowledged")
        assert (await wire.refused("subscriptions/listen", {"notifications": {}})).code == -32600


@pytest.mark.parametrize("revision", SESSION)
async def test_a_session_is_told_of_changes_and_of_the_resources_it_subscribed_to(revision: str) -> None:
    server = library()
    async with connected(server, revision) as wire:
        await wire.request("resources/subscribe", {"uri": "books://all"})
        assert (await wire.refused("resources/subscribe", {"uri": "nothing://here"})).code == -32002
        server.add_tool(lambda: None, name="new")
        server.resource_updated("books://cover")
        server.resource_updated("books://all")
        await wire.note("notifications/tools/list_changed")
        assert await wire.note("notifications/resources/updated") == [{"uri": "books://all"}]
        await wire.request("resources/unsubscribe", {"uri": "books://all"})
        server.resource_updated("books://all")
        server.remove_tool("new")
        await wire.note("notifications/tools/list_changed", 2)
    assert len([1 for method, _ in wire.notes if method == "notifications/resources/updated"]) == 1
    assert len(server.core.changes) == 0


# -- injection and lifespan ---------------------------------------------------------------------------------------


LOG: list[str] = []
BEGUN: list[asyncio.Event] = []


def make_config() -> Generator[str]:
    LOG.append("config up")
    yield "c"
    LOG.append("config down")


async def make_database(config: Annotated[str, Depends(make_config)], ctx: Ctx) -> AsyncGenerator[str]:
    LOG.append(f"database up with {config} for {ctx.principal.subject}")
    try:
        yield "db"
    finally:
        LOG.append("database down")


def injected() -> ToolServer[Any]:
    LOG.clear()
    server: ToolServer[Any] = ToolServer("injected")

    @server.tool
    def query(
        sql: str,
        db: Annotated[str, Depends(make_database)],
        config: str = Depends(make_config),  # type: ignore[assignment]
    ) -> str:
        return f"{sql} on {db} and {config}"

    @server.tool
    async def fails(db: Annotated[str, Depends(make_database)]) -> None:
        raise ToolError("no")

    @server.tool
    async def waits(db: Annotated[str, Depends(make_database)]) -> None:
        BEGUN[0].set()
        await asyncio.Event().wait()

    return server


async def test_dependencies_are_made_once_a_call_cleaned_up_in_order_and_hidden() -> None:
    async with connected(injected()) as wire:
        tool = (await wire.request("tools/list"))["tools"][0]
        result = await wire.call("query", {"sql": "select"})
        sneaky = await wire.call("query", {"sql": "select", "db": "mine"})
    assert list(tool["inputSchema"]["properties"]) == ["sql"]
    assert result["content"][0]["text"] == "select on db and c"
    assert sneaky["isError"] is True
    assert LOG == ["config up", "database up with c for local", "database down", "config down"]


async def test_clean_up_runs_when_the_call_fails_or_is_cancelled() -> None:
    BEGUN[:] = [asyncio.Event()]
    async with connected(injected()) as wire:
        assert (await wire.call("fails"))["isError"] is True
        id_ = await wire.start("tools/call", {"name": "waits"})
        await asyncio.wait_for(BEGUN[0].wait(), 10)
        await wire.notify("notifications/cancelled", {"requestId": id_})
        await wire.request("tools/list")
    assert LOG.count("database down") == 2


def test_a_circle_of_dependencies_is_refused_at_registration() -> None:
    server: ToolServer[Any] = ToolServer("injected")

    def needs(value: Any) -> Any:
        return value

    needs.__defaults__ = (Depends(needs),)
    with pytest.raises(SignatureError, match="depends on itself"):
        server.add_tool(lambda value=Depends(needs): value, name="circular")


async def test_the_lifespan_opens_before_the_first_request_and_closes_after_the_last_user() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def lifespan(server: ToolServer[Any]) -> AsyncGenerator[dict[str, str]]:
        log.append("up")
        yield {"db": "open"}
        log.append("down")

    server: ToolServer[dict[str, str]] = ToolServer("alive", lifespan=lifespan)

    @server.tool
    def state(ctx: Context[dict[str, str]]) -> str:
        return ctx.state["db"]

    async with connected(server) as one:
        async with connected(server) as two:
            assert (await two.call("state"))["content"][0]["text"] == "open"
        assert (await one.call("state"))["content"][0]["text"] == "open"
        assert log == ["up"]
    assert log == ["up", "down"]
