"""Tools: what a typed function becomes, and what a call of it answers, in every revision."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import pytest
from pydantic import BaseModel, Field

from tests.mcp_tools.wire import REVISIONS, connected
from wireproof.mcp_tools import (
    Audio,
    Context,
    EmbeddedResource,
    Image,
    ResourceContents,
    ResourceLink,
    Text,
    ToolError,
    ToolResult,
    ToolServer,
)
from wireproof.mcp_tools.catalogue import DuplicateName
from wireproof.schemas.signature import SignatureError


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)


@dataclass
class Point:
    x: float
    y: float


class Movie(TypedDict):
    title: str
    year: int


def one_tool(function: Any, **options: Any) -> ToolServer[Any]:
    server: ToolServer[Any] = ToolServer("test")
    server.add_tool(function, **options)
    return server


async def described(function: Any, **options: Any) -> dict[str, Any]:
    async with connected(one_tool(function, **options)) as wire:
        (tool,) = (await wire.request("tools/list"))["tools"]
        return tool


async def test_a_signature_and_docstring_become_the_definition() -> None:
    def forecast(city: str, days: int = 3, unit: Literal["C", "F"] = "C", color: Color | None = None) -> str:
        """Forecast the weather.

        Carefully.

        Args:
            city: Where to look.
            days: How many days.
        """
        return city

    assert await described(forecast) == {
        "name": "forecast",
        "description": "Forecast the weather.\n\nCarefully.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where to look."},
                "days": {"type": "integer", "description": "How many days.", "default": 3},
                "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
                "color": {"anyOf": [{"type": "string", "enum": ["red", "blue"]}, {"type": "null"}], "default": None},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
        "outputSchema": {"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"]},
    }


async def test_models_dataclasses_and_typed_dicts_become_schemas_and_arrive_as_themselves() -> None:
    seen: list[Any] = []

    def take(person: Person, point: Point, movies: list[Movie]) -> Person:
        seen.extend([person, point, movies])
        return person

    arguments = {
        "person": {"name": "Ada", "age": 36},
        "point": {"x": 1, "y": 2.5},
        "movies": [{"title": "Metropolis", "year": 1927}],
    }
    async with connected(one_tool(take)) as wire:
        result = await wire.call("take", arguments)
        tool = (await wire.request("tools/list"))["tools"][0]
    assert seen == [Person(name="Ada", age=36), Point(1, 2.5), [{"title": "Metropolis", "year": 1927}]]
    assert result["structuredContent"] == {"name": "Ada", "age": 36}
    assert tool["outputSchema"]["type"] == "object"
    assert set(tool["inputSchema"]["properties"]) == {"person", "point", "movies"}


BAD_ARGUMENTS = {
    "missing": ({}, "a: is required"),
    "unknown": ({"a": 1, "zz": 2}, "zz: is not an argument"),
    "wrong type": ({"a": "1"}, "a: must be an integer, got '1'"),
    "a boolean for an integer": ({"a": True}, "a: must be an integer, got a boolean"),
    "null": ({"a": None}, "a: must be an integer, got null"),
    "two at once": ({"zz": 2}, "a: is required; zz: is not an argument"),
}


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("arguments", "text"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS.keys())
async def test_arguments_that_do_not_fit_are_explained_to_the_model(revision: str, arguments: Any, text: str) -> None:
    def take(a: int) -> int:
        return a

    async with connected(one_tool(take), revision) as wire:
        result = await wire.call("take", arguments)
        good = await wire.call("take", {"a": 3.0})
    assert result["isError"] is True
    assert result["content"][0]["text"] == f"Invalid arguments for tool take: {text}"
    assert good["content"][0]["text"] == "3"


RETURNED = {
    "text": ("hello", {"type": "text", "text": "hello"}),
    "a number": (7, {"type": "text", "text": "7"}),
    "data": ({"a": [1, None]}, {"type": "text", "text": '{"a":[1,null]}'}),
    "a model": (Person(name="Ada", age=1), {"type": "text", "text": '{"name":"Ada","age":1}'}),
    "an image": (Image(b"\0"), {"type": "image", "data": "AA==", "mimeType": "image/png"}),
    "a block with annotations": (
        Text("x", annotations={"priority": 1}),
        {"type": "text", "text": "x", "annotations": {"priority": 1}},
    ),
}


@pytest.mark.parametrize(("value", "block"), RETURNED.values(), ids=RETURNED.keys())
async def test_whatever_an_unannotated_tool_returns_becomes_a_block(value: Any, block: Any) -> None:
    def give():  # type: ignore[no-untyped-def]  # the annotation is what is absent here
        return value

    async with connected(one_tool(give)) as wire:
        result = await wire.call("give")
    assert result["content"] == [block]
    assert "structuredContent" not in result


async def test_a_tool_that_returns_nothing_answers_with_no_content() -> None:
    def give() -> None:
        return None

    async with connected(one_tool(give)) as wire:
        assert (await wire.call("give"))["content"] == []


@pytest.mark.parametrize("revision", REVISIONS)
async def test_structured_output_travels_where_the_revision_has_it(revision: str) -> None:
    def give() -> list[int]:
        return [1, 2]

    async with connected(one_tool(give), revision) as wire:
        result = await wire.call("give")
        tool = (await wire.request("tools/list"))["tools"][0]
    has_it = revision in ("2025-06-18", "2025-11-25", "2026-07-28")
    assert ("structuredContent" in result) is ("outputSchema" in tool) is has_it
    assert result["content"] == [{"type": "text", "text": "[1,2]"}]
    assert ("resultType" in result) is (revision == "2026-07-28")


@pytest.mark.parametrize("revision", REVISIONS)
async def test_blocks_that_a_revision_lacks_arrive_as_the_nearest_it_has(revision: str) -> None:
    def give() -> list[Audio | ResourceLink | EmbeddedResource]:
        return [
            Audio(b"\0", "audio/wav"),
            ResourceLink("file:///a", "a", title="A file"),
            EmbeddedResource(ResourceContents("x://y", blob=b"\1")),
        ]

    async with connected(one_tool(give), revision) as wire:
        sound, link, embedded = (await wire.call("give"))["content"]
    assert sound["type"] == ("resource" if revision == "2024-11-05" else "audio")
    assert link["type"] == ("text" if revision in ("2024-11-05", "2025-03-26") else "resource_link")
    assert "file:///a" in str(link)
    assert embedded == {"type": "resource", "resource": {"uri": "x://y", "blob": "AQ=="}}


async def test_a_tool_error_is_read_by_the_model_and_any_other_exception_is_masked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def anticipated() -> None:
        raise ToolError("No such city")

    async def crash() -> None:
        raise RuntimeError("password=hunter2")

    server = one_tool(anticipated)
    server.add_tool(crash)
    async with connected(server) as wire:
        told = await wire.call("anticipated")
        masked = await wire.call("crash")
    assert (told["isError"], told["content"][0]["text"]) == (True, "No such city")
    assert masked["isError"] is True
    assert "hunter2" not in str(masked)
    assert "hunter2" in caplog.text


async def test_a_value_that_breaks_its_promise_is_an_error_and_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    def give() -> Person:
        return {"name": 1}  # type: ignore[return-value]

    async with connected(one_tool(give)) as wire:
        result = await wire.call("give")
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert "does not fit its output schema" in caplog.text


async def test_a_full_result_says_all_that_a_result_can_say() -> None:
    def give() -> ToolResult:
        return ToolResult([Text("said")], structured={"a": 1}, is_error=True, meta={"com.example/x": 1})

    async with connected(one_tool(give), "2025-11-25") as wire:
        assert await wire.call("give") == {
            "content": [{"type": "text", "text": "said"}],
            "structuredContent": {"a": 1},
            "isError": True,
            "_meta": {"com.example/x": 1},
        }


async def test_sync_tools_run_beside_each_other_and_never_hold_the_loop() -> None:
    together = threading.Barrier(5, timeout=10)

    def meet() -> str:
        together.wait()
        return threading.current_thread().name

    async with connected(one_tool(meet)) as wire:
        ids = [await wire.start("tools/call", {"name": "meet"}) for _ in range(5)]
        answers = [await wire.finish(id_) for id_ in ids]
    texts = {answer.result["content"][0]["text"] for answer in answers}  # type: ignore[union-attr]
    assert len(texts) == 5
    assert threading.current_thread().name not in texts


async def test_a_tool_over_its_time_limit_is_stopped_and_says_so() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    async with connected(one_tool(endless, timeout_s=0.01)) as wire:
        result = await wire.call("endless")
    assert result["isError"] is True
    assert "0.01 s" in result["content"][0]["text"]
    assert ended == ["cleaned up"]


async def test_a_timeout_error_of_the_tool_itself_is_not_mistaken_for_the_limit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def impatient() -> None:
        raise TimeoutError("mine")

    async with connected(one_tool(impatient, timeout_s=60)) as wire:
        result = await wire.call("impatient")
    assert "failed" in result["content"][0]["text"]
    assert "longer than" not in result["content"][0]["text"]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_cancelling_a_call_stops_it_and_nothing_more_is_sent(revision: str) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def endless(ctx: Context[Any]) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with connected(one_tool(endless), revision) as wire:
        id_ = await wire.start("tools/call", {"name": "endless"})
        await asyncio.wait_for(begun.wait(), 10)
        await wire.notify("notifications/cancelled", {"requestId": id_, "reason": "test"})
        await asyncio.wait_for(stopped.wait(), 10)
        await wire.notify("notifications/cancelled", {"requestId": "never seen"})
        await wire.notify("notifications/cancelled", {"nonsense": []})
        assert (await wire.request("tools/list"))["tools"]
        assert not wire._waiting[id_].done()


async def test_an_unknown_tool_is_a_protocol_error() -> None:
    async with connected(ToolServer("empty")) as wire:
        failure = await wire.refused("tools/call", {"name": "nope", "arguments": {}})
    assert (failure.code, failure.message) == (-32602, "Unknown tool: nope")


BAD_SIGNATURES: dict[str, Any] = {
    "arguments without names": lambda *args: None,
    "a positional-only argument": eval("lambda x, /: None"),
}


@pytest.mark.parametrize("function", BAD_SIGNATURES.values(), ids=BAD_SIGNATURES.keys())
def test_a_signature_that_cannot_be_called_by_name_is_refused_at_registration(function: Any) -> None:
    with pytest.raises(SignatureError, match="cannot be passed by name"):
        ToolServer("test").add_tool(function, name="bad")


def test_a_name_that_is_taken_or_not_allowed_is_refused() -> None:
    server: ToolServer[Any] = ToolServer("test")

    @server.tool
    def once() -> None: ...

    with pytest.raises(DuplicateName, match="once"):
        server.add_tool(once)
    server.add_tool(once, replace=True)
    with pytest.raises(SignatureError, match="1 to 128"):
        server.add_tool(once, name="two words")


def test_the_decorated_name_stays_the_plain_function() -> None:
    server: ToolServer[Any] = ToolServer("test")

    @server.tool
    def bare(a: int) -> int:
        return a

    @server.tool(title="Called")
    def called(a: int) -> int:
        return a

    assert (bare(1), called(2)) == (1, 2)


BAD_HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"type": "string", "x-mcp-header": ""}, "no HTTP token"),
    "a space": ({"type": "string", "x-mcp-header": "a b"}, "no HTTP token"),
    "a line end": ({"type": "string", "x-mcp-header": "a\r\nb"}, "no HTTP token"),
    "a number": ({"type": "number", "x-mcp-header": "a"}, "no string, integer or boolean"),
    "an object": ({"type": "object", "x-mcp-header": "a"}, "no string, integer or boolean"),
}


@pytest.mark.parametrize(("part", "text"), BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_an_argument_header_that_clients_must_refuse_is_refused_at_registration(part: Any, text: str) -> None:
    def take(a: str) -> None: ...

    take.__annotations__ = {"a": Annotated[str, Field(json_schema_extra=part)]}
    with pytest.raises(SignatureError, match=text):
        ToolServer("test").add_tool(take)
