"""One of everything: every feature of a tool server, as the official conformance suite wants to see it.

`wireproof run examples/everything.py --http 8000`
"""

from __future__ import annotations

import asyncio
import base64
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from wireproof.mcp_tools import (
    Audio,
    Context,
    EmbeddedResource,
    Image,
    PromptMessage,
    ProtocolError,
    ResourceContents,
    ResourceLink,
    TaskOptions,
    Text,
    ToolError,
    ToolResult,
    ToolServer,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
WAV = base64.b64encode(
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0D\xac\0\0\x88X\x01\0\x02\0\x10\0data\0\0\0\0"
).decode()

server = ToolServer("everything", version="1.0.0", title="Everything", instructions="A server with one of everything.")
Ctx = Context[None]


# -- plain tools --------------------------------------------------------------------------------------------------


@server.tool
async def test_simple_text() -> Text:
    """Return plain text."""
    return Text("This is a simple text response for testing.")


@server.tool
async def test_image_content() -> Image:
    """Return an image."""
    return Image(PNG, "image/png")


@server.tool
async def test_audio_content() -> Audio:
    """Return a sound."""
    return Audio(WAV, "audio/wav")


@server.tool
async def test_embedded_resource() -> EmbeddedResource:
    """Return a resource whole."""
    return EmbeddedResource(
        ResourceContents("test://embedded-resource", text="This is an embedded resource.", mime_type="text/plain")
    )


@server.tool
async def test_resource_link() -> ResourceLink:
    """Return a link to a resource."""
    return ResourceLink("test://static-text", "static-text", mime_type="text/plain")


@server.tool
async def test_multiple_content_types() -> list[Text | Image | EmbeddedResource]:
    """Return text, an image and a resource."""
    mixed = ResourceContents("test://mixed-content-resource", text='{"mixed": true}', mime_type="application/json")
    return [Text("Multiple content types:"), Image(PNG), EmbeddedResource(mixed)]


@server.tool
async def test_error_handling() -> Text:
    """Fail, in words for the model."""
    raise ToolError("This tool always fails, on purpose.")


@server.tool
async def test_structured(name: str, tags: list[str] | None = None) -> dict[str, Any]:
    """Return structured data."""
    return {"name": name, "tags": tags or []}


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers, in a worker thread."""
    return a + b


# -- during a call ------------------------------------------------------------------------------------------------


@server.tool
async def test_tool_with_progress(ctx: Ctx) -> Text:
    """Report progress three times."""
    for done in (0, 50, 100):
        await ctx.progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(0.05)
    return Text("Done in three steps.")


@server.tool
async def test_tool_with_logging(ctx: Ctx) -> Text:
    """Log three messages."""
    for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.log("info", text)
        await asyncio.sleep(0.05)
    return Text("Logged three messages.")


@server.tool
async def test_logging_tool(ctx: Ctx) -> Text:
    """Log one message, if the request asks for it."""
    await ctx.log("info", "A message of this request")
    return Text("Logged, if it was wanted.")


@server.tool
async def test_reconnection(ctx: Ctx) -> Text:
    """Let the client go and fetch the result later."""
    await ctx.release_stream(retry_ms=500)
    await asyncio.sleep(0.1)
    return Text("Fetched after a reconnection.")


@server.tool
async def test_trigger_tool_change() -> Text:
    """Add a tool and take it away again."""

    async def passing() -> str:
        """A tool that is gone already."""
        return "gone"

    server.add_tool(passing, replace=True)
    server.remove_tool("passing")
    return Text("The tools changed.")


@server.tool
async def test_trigger_prompt_change() -> Text:
    """Add a prompt and take it away again."""

    def passing_prompt() -> str:
        """A prompt that is gone already."""
        return "gone"

    server.add_prompt(passing_prompt, replace=True)
    server.remove_prompt("passing_prompt")
    return Text("The prompts changed.")


@server.tool
async def test_x_mcp_header(
    region: Annotated[str | None, Field(json_schema_extra={"x-mcp-header": "Region", "type": "string"})] = None,
) -> Text:
    """Mirror an argument in a header."""
    return Text(f"Region: {region}")


@server.tool(
    input_schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    }
)
async def json_schema_2020_12_tool(**arguments: Any) -> Text:
    """Take arguments by a raw JSON Schema."""
    return Text(f"Called with {', '.join(sorted(arguments)) or 'nothing'}")


# -- asking the client --------------------------------------------------------------------------------------------


class Account(BaseModel):
    """Who the user is."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    """A form where everything has a default."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


@server.tool
async def test_sampling(prompt: str, ctx: Ctx) -> Text:
    """Ask the client's model."""
    answer = await ctx.sample(prompt, max_tokens=100)
    return Text(f"LLM response: {said(answer)}")


def said(answer: dict[str, Any]) -> str:
    """The text of a sampling answer."""
    content = answer.get("content")
    return str(content.get("text", "")) if isinstance(content, dict) else ""


@server.tool
async def test_elicitation(message: str, ctx: Ctx) -> Text:
    """Ask the user."""
    answer = await ctx.elicit(message, Account)
    return Text(f"User response: {answer.action}, {answer.data}")


@server.tool
async def test_elicitation_sep1034_defaults(ctx: Ctx) -> Text:
    """Ask the user, with defaults."""
    answer = await ctx.elicit("Please check your details", Defaults)
    return Text(f"Elicitation completed: {answer.action}, {answer.data}")


@server.tool
async def test_elicitation_sep1330_enums(ctx: Ctx) -> Text:
    """Ask the user with every shape of enum."""
    titled = [{"const": f"value{number}", "title": f"Value {number}"} for number in (1, 2, 3)]
    options = ["option1", "option2", "option3"]
    form = {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": options},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        },
    }
    answer = await ctx.elicit("Please choose", form)
    return Text(f"Elicitation completed: {answer.action}, {answer.data}")


@server.tool
async def test_elicitation_url(ctx: Ctx) -> Text:
    """Ask the user to open a page."""
    answer = await ctx.elicit_url("Please sign in", "https://example.com/sign-in")
    return Text(f"The user chose {answer.action}")


@server.tool
async def test_missing_capability(ctx: Ctx) -> Text:
    """Need sampling."""
    answer = await ctx.sample("Say hello", max_tokens=10)
    return Text(said(answer))


class Name(BaseModel):
    """A name."""

    name: str


class Color(BaseModel):
    """A color."""

    color: str


class Ok(BaseModel):
    """A confirmation."""

    ok: bool


@server.tool
async def test_streaming_elicitation(ctx: Ctx) -> Text:
    """Report progress, then ask."""
    await ctx.progress(1, 2, "Before the question")
    answer = await ctx.elicit("What is your name?", Name)
    return Text(f"Hello, {answer.data.name if answer.accepted else 'stranger'}!")


@server.tool
async def test_input_required_result_elicitation(ctx: Ctx) -> Text:
    """Ask for a name."""
    answer = await ctx.elicit("What is your name?", Name, key="user_name")
    return Text(f"Hello, {answer.data.name if answer.accepted else 'stranger'}!")


@server.tool
async def test_input_required_result_sampling(ctx: Ctx) -> Text:
    """Ask the client's model for a capital."""
    answer = await ctx.sample("What is the capital of France?", max_tokens=100, key="capital_question")
    return Text(f"The model said: {said(answer)}")


@server.tool
async def test_input_required_result_list_roots(ctx: Ctx) -> Text:
    """Ask for the roots."""
    roots = await ctx.roots(key="client_roots")
    return Text(f"Roots: {', '.join(str(root.get('uri')) for root in roots)}")


@server.tool
async def test_input_required_result_request_state(ctx: Ctx) -> Text:
    """Ask for a confirmation, carrying state."""
    answer = await ctx.elicit("Are you sure?", Ok, key="confirm")
    return Text(f"state-ok: {answer.action}")


@server.tool
async def test_input_required_result_tampered_state(ctx: Ctx) -> Text:
    """Ask for a confirmation, carrying state that nobody may change."""
    answer = await ctx.elicit("Are you sure?", Ok, key="confirm")
    return Text(f"state-ok: {answer.action}")


@server.tool
async def test_input_required_result_multiple_inputs(ctx: Ctx) -> Text:
    """Ask three questions at once."""
    name, greeting, roots = await asyncio.gather(
        ctx.elicit("What is your name?", Name, key="user_name"),
        ctx.sample("Write a greeting", max_tokens=50, key="greeting"),
        ctx.roots(key="client_roots"),
    )
    return Text(f"{name.data}, {said(greeting)}, {len(roots)} roots")


@server.tool
async def test_input_required_result_multi_round(ctx: Ctx) -> Text:
    """Ask twice, one after the other."""
    name = await ctx.elicit("What is your name?", Name, key="step1")
    color = await ctx.elicit("What is your favourite color?", Color, key="step2")
    return Text(f"{name.data} likes {color.data}")


@server.tool
async def test_input_required_result_capabilities(ctx: Ctx) -> Text:
    """Ask only for what the client can do."""
    if ctx.supports("elicitation"):
        await ctx.elicit("What is your name?", Name, key="user_name")
    if ctx.supports("sampling"):
        await ctx.sample("Say hello", max_tokens=10, key="greeting")
    return Text("Asked what could be asked.")


# -- tasks --------------------------------------------------------------------------------------------------------


@server.tool
async def greet(name: str) -> Text:
    """Greet somebody, at once."""
    return Text(f"Hello, {name}!")


@server.tool(task=TaskOptions(deferred=True))
async def slow_compute(ctx: Ctx, seconds: Annotated[float, Field(ge=0, le=60)] = 1, label: str = "result") -> Text:
    """Take that many seconds; a client that can follow tasks need not wait."""
    if seconds > 0:
        await ctx.become_task()
    for second in range(int(seconds)):
        await ctx.progress(second, seconds, f"{second} of {seconds:g} seconds")
        await asyncio.sleep(1)
    await asyncio.sleep(seconds % 1)
    return Text(f"{label}: computed for {seconds:g} seconds")


@server.tool(task="required")
async def failing_job() -> Text:
    """Fail after a second, in words for the model."""
    await asyncio.sleep(1)
    raise ToolError("This job always fails, on purpose.")


@server.tool(task=True)
async def protocol_error_job() -> Text:
    """End with a JSON-RPC error."""
    raise ProtocolError("This job always ends with an error, on purpose.")


class Confirmation(BaseModel):
    """A yes or no."""

    confirm: bool


@server.tool(task=True)
async def confirm_delete(filename: str, ctx: Ctx) -> Text:
    """Ask before deleting."""
    answer = await ctx.elicit(f"Delete {filename}?", Confirmation)
    sure = answer.accepted and answer.data.confirm
    return Text(f"{filename} was {'deleted' if sure else 'kept'}.")


@server.tool(task=True)
async def multi_input(ctx: Ctx) -> Text:
    """Ask two questions at once."""
    name, sure = await asyncio.gather(
        ctx.elicit("What is your name?", Name, key="name"),
        ctx.elicit("Are you sure?", Confirmation, key="sure"),
    )
    return Text(f"{name.data} chose {sure.data}")


@server.tool(task=TaskOptions(deferred=True))
async def test_tool_with_task(ctx: Ctx) -> Text:
    """Ask for a name in the call, then go on as a task."""
    answer = await ctx.elicit("What is your name?", Name, key="user_name")
    await ctx.become_task()
    return Text(f"Hello, {answer.data.name if answer.accepted else 'stranger'}!")


# -- resources ----------------------------------------------------------------------------------------------------


@server.resource("test://static-text", mime_type="text/plain", public=True)
def static_text() -> str:
    """Plain text."""
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png", public=True)
def static_binary() -> bytes:
    """An image."""
    return base64.b64decode(PNG)


@server.resource("test://watched-resource", mime_type="text/plain")
def watched_resource() -> str:
    """A resource to subscribe to."""
    return "This resource can be watched."


@server.resource("test://template/{id}/data", mime_type="application/json")
def template_data(id: str) -> dict[str, Any]:  # noqa: A002
    """Data of one id."""
    return {"id": id, "templateTest": True, "data": f"Data for id {id}"}


# -- prompts ------------------------------------------------------------------------------------------------------


@server.prompt
def test_simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


@server.prompt
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1={arg1!r}, arg2={arg2!r}"


@server.prompt
def test_prompt_with_embedded_resource(resourceUri: str) -> list[PromptMessage]:  # noqa: N803
    """A prompt with a resource."""
    embedded = ResourceContents(resourceUri, text="Embedded resource content for testing.", mime_type="text/plain")
    return [
        PromptMessage("user", EmbeddedResource(embedded)),
        PromptMessage("user", Text("Please process the embedded resource above.")),
    ]


@server.prompt
def test_prompt_with_image() -> list[PromptMessage]:
    """A prompt with an image."""
    return [PromptMessage("user", Image(PNG)), PromptMessage("user", Text("Please analyze the image above."))]


class Background(BaseModel):
    """What a prompt needs to know."""

    context: str


@server.prompt
async def test_input_required_result_prompt(ctx: Ctx) -> str:
    """A prompt that asks first."""
    answer = await ctx.elicit("What is the context?", Background, key="user_context")
    return f"Use this context: {answer.data.context if answer.accepted else 'none'}"


@server.completer("test_prompt_with_arguments", "arg1")
def complete_arg1(value: str) -> list[str]:
    """Values that begin like that."""
    return [word for word in ("test", "testing", "tested", "other") if word.startswith(value)]


@server.tool
async def test_tool_result(fail: bool = False) -> ToolResult:
    """Return everything that a result can say."""
    return ToolResult([Text("Said in full")], structured={"fail": fail}, is_error=fail, meta={"com.example/note": "x"})


if __name__ == "__main__":
    server.run()
