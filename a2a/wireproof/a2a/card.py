"""The Agent Card: built from what was registered. Spec: A2A 1.0 sections 4.4 and 8."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wireproof.a2a.security import Requirement, Scheme
from wireproof.a2a.skill import DEFAULT_MODES, Skill
from wireproof.schemas.jsonrpc import JSONObject

JSONRPC = "JSONRPC"
HTTP_JSON = "HTTP+JSON"
GRPC = "GRPC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One way to reach the agent. `binding` is JSONRPC, HTTP+JSON, GRPC or the URI of a custom one."""

    url: str
    binding: str
    version: str = "1.0"
    tenant: str = ""

    def wire(self) -> JSONObject:
        """The AgentInterface."""
        shown: JSONObject = {"url": self.url, "protocolBinding": self.binding, "protocolVersion": self.version}
        if self.tenant:
            shown["tenant"] = self.tenant
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionOption:
    """An extension of the protocol that this agent offers; `required`: callers must activate it."""

    uri: str
    description: str = ""
    required: bool = False
    params: JSONObject = field(default_factory=dict[str, object])

    def wire(self) -> JSONObject:
        """The AgentExtension."""
        shown: JSONObject = {"uri": self.uri}
        if self.description:
            shown["description"] = self.description
        if self.required:
            shown["required"] = True
        if self.params:
            shown["params"] = self.params
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What an agent says of itself beside its skills."""

    name: str
    description: str
    version: str = "1.0.0"
    provider: Mapping[str, str] | None = None
    documentation_url: str | None = None
    icon_url: str | None = None
    input_modes: Sequence[str] = DEFAULT_MODES
    output_modes: Sequence[str] = DEFAULT_MODES
    extensions: Sequence[ExtensionOption] = ()
    security_schemes: Mapping[str, Scheme | JSONObject] = field(default_factory=dict[str, "Scheme | JSONObject"])
    security_requirements: Sequence[Requirement] = ()


def build(
    identity: Identity,
    skills: Iterable[Skill],
    interfaces: Iterable[Interface],
    *,
    push: bool,
    extended: bool,
) -> JSONObject:
    """The AgentCard as JSON, its fields in the order of the specification."""
    card: JSONObject = {
        "name": identity.name,
        "description": identity.description,
        "supportedInterfaces": [interface.wire() for interface in interfaces],
    }
    if identity.provider is not None:
        card["provider"] = dict(identity.provider)
    card["version"] = identity.version
    if identity.documentation_url is not None:
        card["documentationUrl"] = identity.documentation_url
    capabilities: JSONObject = {"streaming": True, "pushNotifications": push, "extendedAgentCard": extended}
    if identity.extensions:
        capabilities["extensions"] = [extension.wire() for extension in identity.extensions]
    card["capabilities"] = capabilities
    if identity.security_schemes:
        card["securitySchemes"] = {
            name: dict(each) if isinstance(each, Mapping) else each.wire()
            for name, each in identity.security_schemes.items()
        }
    if identity.security_requirements:
        card["securityRequirements"] = [
            {"schemes": {name: {"list": list(scopes)} for name, scopes in needed.items()}}
            for needed in identity.security_requirements
        ]
    card["defaultInputModes"] = list(identity.input_modes)
    card["defaultOutputModes"] = list(identity.output_modes)
    card["skills"] = [skill.card() for skill in skills]
    if identity.icon_url is not None:
        card["iconUrl"] = identity.icon_url
    return card
