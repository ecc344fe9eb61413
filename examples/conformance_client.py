"""The program that the official MCP conformance suite drives as a client.

    npx @modelcontextprotocol/conformance client --command "python examples/conformance_client.py" …

The suite appends the server's URL and names the scenario in the environment. Exit code 0: the scenario was carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from wireproof.auth import (
    AuthorizationCode,
    ClientCredentials,
    ClientInformation,
    ClientProfile,
    EnterpriseManaged,
    Grant,
    HeadlessAgent,
    OAuthClient,
    WorkloadIdentity,
)
from wireproof.mcp_tools import connect
from wireproof.mcp_tools.client import Client, ClientError, Form, Link

REDIRECT: Final = "http://127.0.0.1:8914/callback"
METADATA_URL: Final = "https://conformance-test.local/client-metadata.json"

Play = Callable[[Client, dict[str, Any]], Awaitable[None]]


def accept(question: Form | Link) -> dict[str, Any]:
    """Fill in what has a default, and say yes to every confirmation."""
    if isinstance(question, Link):
        return {}
    return {name: True for name, part in question.schema["properties"].items() if part.get("type") == "boolean"} | dict(
        question.defaults
    )


def arguments_for(schema: dict[str, Any]) -> dict[str, Any]:
    """Some arguments that fit a plain schema."""
    samples: dict[str, Any] = {
        "string": "sample",
        "integer": 2,
        "number": 1.5,
        "boolean": True,
        "array": [],
        "object": {},
    }
    properties: dict[str, Any] = schema.get("properties", {})
    return {name: samples.get(str(part.get("type")), "sample") for name, part in properties.items()}


async def list_tools(client: Client, _: dict[str, Any]) -> None:
    """The least a client does."""
    await client.list_tools()


async def call_every_tool(client: Client, _: dict[str, Any]) -> None:
    """List, then call each tool that is shown."""
    for tool in await client.list_tools():
        await client.call_tool(tool.name, arguments_for(tool.input_schema), raise_on_error=False)


async def use_everything(client: Client, _: dict[str, Any]) -> None:
    """Tools, resources and prompts: listed and used."""
    await call_every_tool(client, {})
    for resource in await client.list_resources():
        await client.read_resource(resource.uri)
    for prompt in await client.list_prompts():
        await client.get_prompt(prompt.name, {each["name"]: "sample" for each in prompt.arguments})


async def call_as_told(client: Client, context: dict[str, Any]) -> None:
    """Send exactly the calls of the context."""
    await client.list_tools()
    for call in context["toolCalls"]:
        await client.call_tool(call["name"], call["arguments"], raise_on_error=False)


async def interleave(client: Client, _: dict[str, Any]) -> None:
    """Calls that ask for input, with another one running beside them."""
    await client.list_tools()
    names = ("test_mrtr_echo_state", "test_mrtr_unrelated", "test_mrtr_no_state", "test_mrtr_no_result_type")
    await asyncio.gather(*(client.call_tool(name) for name in names[:2]))
    for name in names[2:]:
        await client.call_tool(name)


async def echo_schema(client: Client, _: dict[str, Any]) -> None:
    """Give a schema back as it came."""
    tools = {tool.name: tool for tool in await client.list_tools()}
    await client.call_tool("json_schema_echo", {"schema": tools["json_schema_2020_12_tool"].input_schema})


async def call_twice(client: Client, _: dict[str, Any]) -> None:
    """List and call, then again: the second time the authorization server is another one."""
    for _turn in range(2):
        await call_every_tool(client, {})


PLAYS: Final[dict[str, Play]] = {
    "initialize": list_tools,
    "json-schema-ref-no-deref": list_tools,
    "http-standard-headers": use_everything,
    "http-custom-headers": call_as_told,
    "http-invalid-tool-headers": call_every_tool,
    "sep-2322-client-request-state": interleave,
    "json-schema-2020-12-preservation": echo_schema,
    "request-metadata": call_every_tool,
    "auth/authorization-server-migration": call_twice,
}
"""What a scenario wants beyond listing the tools and calling each."""


def grant_for(scenario: str, context: dict[str, Any]) -> tuple[Grant, ClientInformation | None]:
    """The way to a token that the scenario's context calls for, and the client it names."""
    client = None
    if "client_id" in context:
        client = ClientInformation(
            context["client_id"],
            context.get("client_secret"),
            private_key_pem=context["private_key_pem"].encode() if "private_key_pem" in context else None,
            issuer=context.get("issuer"),
        )
    if scenario.startswith("auth/client-credentials"):
        return ClientCredentials(), client
    if scenario == "auth/wif-jwt-bearer":
        return WorkloadIdentity(context["valid_jwt"]), client
    if scenario == "auth/enterprise-managed-authorization":
        at_idp = ClientInformation(context["idp_client_id"])
        token_endpoint = context["idp_token_endpoint"]
        return EnterpriseManaged(context["idp_issuer"], at_idp, context["idp_id_token"], token_endpoint), client
    return AuthorizationCode(HeadlessAgent(REDIRECT)), client


async def main(url: str) -> None:
    """Play one scenario."""
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    modern = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION") == "2026-07-28"
    context: dict[str, Any] = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    play = PLAYS.get(scenario, call_every_tool)
    auth = None
    if scenario.startswith("auth/"):
        grant, given = grant_for(scenario, context)
        auth = OAuthClient(url, grant=grant, client=given, profile=ClientProfile(metadata_url=METADATA_URL))
    client = connect(
        url,
        mode="auto" if modern else "session",
        timeout_s=20,
        elicit=accept,
        sample=lambda _: "sample",
        roots=["file:///sample"],
        auth=auth,
    )
    async with client:
        await play(client, context)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        try:
            asyncio.run(main(sys.argv[-1]))
        except ClientError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            sys.exit(1)
