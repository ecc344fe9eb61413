"""The Agent Card as it is built from an agent, and the extended one."""

from __future__ import annotations

from typing import Any

import pytest

from wireproof.a2a import Agent, Caller, ExtensionOption, Interface, Kind, Turn
from wireproof.schemas.a2a.reading import read
from wireproof.schemas.jsonrpc import JSONObject

from .agents import ME, agent, refused

HTTP = Interface(url="https://agent.example.com/", binding="JSONRPC")
GRPC = Interface(url="agent.example.com:443", binding="GRPC", tenant="acme")


def full() -> Agent:
    made = Agent(
        "Trip planner",
        description="Plans trips.",
        version="2.1.0",
        provider={"url": "https://example.com", "organization": "Example"},
        documentation_url="https://example.com/docs",
        icon_url="https://example.com/icon.png",
        extensions=[ExtensionOption(uri="https://example.com/ext", description="More", params={"a": 1})],
        security_schemes={"key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}}},
        security_requirements=[{"key": ["read"]}],
    )

    @made.skill(tags=["travel"], examples=["Rome for a day"], output_modes=["text/plain"])
    async def plan(turn: Turn) -> str:
        """Plan a trip from a sentence."""
        return turn.text

    return made


def test_a_card_says_what_the_code_says() -> None:
    assert full().card(HTTP, GRPC) == {
        "name": "Trip planner",
        "description": "Plans trips.",
        "supportedInterfaces": [
            {"url": "https://agent.example.com/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "agent.example.com:443", "protocolBinding": "GRPC", "protocolVersion": "1.0", "tenant": "acme"},
        ],
        "provider": {"url": "https://example.com", "organization": "Example"},
        "version": "2.1.0",
        "documentationUrl": "https://example.com/docs",
        "capabilities": {
            "streaming": True,
            "pushNotifications": True,
            "extendedAgentCard": False,
            "extensions": [{"uri": "https://example.com/ext", "description": "More", "params": {"a": 1}}],
        },
        "securitySchemes": {"key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}}},
        "securityRequirements": [{"schemes": {"key": {"list": ["read"]}}}],
        "defaultInputModes": ["text/plain", "application/json"],
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": [
            {
                "id": "plan",
                "name": "Plan",
                "description": "Plan a trip from a sentence.",
                "tags": ["travel"],
                "examples": ["Rome for a day"],
                "outputModes": ["text/plain"],
            }
        ],
        "iconUrl": "https://example.com/icon.png",
    }


@pytest.mark.parametrize("made", [full(), agent()], ids=["full", "small"])
def test_a_card_is_valid_and_already_in_its_canonical_spelling(made: Agent) -> None:
    card = made.card(HTTP, GRPC)
    assert read("AgentCard", card) == card


def test_two_skills_of_one_name_are_refused() -> None:
    made = agent()
    with pytest.raises(ValueError, match="there is a skill 'echo' already"):
        made.add_skill(lambda text: text, id="echo")


def test_an_agent_without_a_skill_cannot_be_served() -> None:
    with pytest.raises(ValueError, match="has no skill"):
        _ = Agent("Empty").core


async def test_an_agent_without_an_extended_card_says_so() -> None:
    async with agent().core as core:
        error = await refused(lambda: core.call("GetExtendedAgentCard", None, ME))
    assert error.kind is Kind.UNSUPPORTED_OPERATION


async def test_an_extended_card_is_made_for_its_caller_and_for_nobody_unknown() -> None:
    def extend(caller: Caller, card: JSONObject) -> JSONObject | None:
        if caller.principal.subject == "other":
            return None
        return {**card, "description": f"For {caller.principal.subject}"}

    async with agent(extended_card=extend).core as core:
        assert core.card()["capabilities"]["extendedAgentCard"] is True
        card: Any = await core.call("GetExtendedAgentCard", None, ME)
        unknown = await refused(lambda: core.call("GetExtendedAgentCard", {}, Caller()))
        none = await refused(lambda: core.call("GetExtendedAgentCard", {}, ME._replace(principal=_named(ME, "other"))))
    assert card["description"] == "For me"
    assert [skill["id"] for skill in card["skills"]] == ["work", "echo"]
    assert (unknown.kind, none.kind) == (Kind.UNAUTHENTICATED, Kind.EXTENDED_CARD_NOT_CONFIGURED)


def _named(caller: Caller, subject: str) -> Any:
    return type(caller.principal)(subject, issuer="test")
