"""One call of an agent verb: its settings, its printer, and the agent that it talks to, with the right credentials.

Spec: a2a-cli 0.2 sections 12.1, 12.2, 13.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wireproof.a2a.client import RemoteAgent, connect
from wireproof.cli.a2a_settings import Settings, UsageError
from wireproof.cli.a2a_show import Printer
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    import argparse

BINDINGS: Final[Mapping[str, str]] = {
    "jsonrpc": "JSONRPC",
    "json-rpc": "JSONRPC",
    "http+json": "HTTP+JSON",
    "rest": "HTTP+JSON",
    "grpc": "GRPC",
}
_HERE: Final = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?(?:/|$)")
_ANSWER_S: Final = 60.0


class Call:
    """One call of a verb."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options: Final = options
        self.settings: Final = Settings(options)
        self.printer: Final = Printer(
            as_json=self.settings.text("output") == "json", reference=self.settings.text("agent_card")
        )

    @asynccontextmanager
    async def agent(self, *, anonymous: bool = False) -> AsyncGenerator[RemoteAgent]:
        """The agent of `--agent-card`, with the credentials that were given, or kept by `auth login`."""
        settings = self.settings
        reference = settings.text("agent_card")
        if not reference:
            raise UsageError("name the agent: -a HOST, -a CARD.json, or A2ACLI_AGENT_CARD")
        headers = _service_parameters(settings.many("svc_param"))
        bearer, key = settings.text("bearer"), settings.text("api_key")
        given_already = bearer or key or any(name.lower() == "authorization" for name in headers)
        if not (anonymous or given_already or reference.endswith(".py")):
            from wireproof.cli.a2a_login import kept_token

            bearer = await kept_token(self, reference)
        if bearer and not anonymous:
            headers["Authorization"] = f"Bearer {bearer}"
        bindings = [_binding(name) for name in settings.many("transport")]
        given: dict[str, Any] = {"bindings": bindings, "versions": [settings.text("a2a_version")]}
        if settings.is_on("insecure"):
            self.printer.note("warning: TLS is not verified (--insecure)")
            given["tls"] = _trusting()
        within = self.settings.seconds("timeout") or _ANSWER_S
        target = target_of(reference)
        first = connect(target, headers=headers, timeout_s=within, **given)
        async with first as agent:
            if anonymous or not key:
                yield agent
                return
            card = agent.card
        headers |= _key_headers(card, key)
        async with connect(target, headers=headers, timeout_s=within, **given) as agent:
            yield agent


def target_of(reference: str) -> str | Path:
    """The reference as `connect` takes it; a bare name of this machine is not asked for by TLS."""
    if reference.endswith(".py"):
        return Path(reference)
    return f"http://{reference}" if _HERE.match(reference) and not Path(reference).is_file() else reference


def _service_parameters(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, separator, value = each.partition(":")
        if not separator or not name.strip():
            raise UsageError("--svc-param is NAME:VALUE")
        found[name.strip()] = value.strip()
    return found


def _binding(name: str) -> str:
    found = BINDINGS.get(name.lower())
    if found is None:
        raise UsageError(f"--transport is JSONRPC, HTTP+JSON or GRPC, not {name!r}")
    return found


def _key_headers(card: JSONObject, key: str) -> dict[str, str]:
    """Where the card wants an API key. Raises `UsageError` for a place that is no header or cookie."""
    for scheme in card.get("securitySchemes", {}).values():
        wanted: JSONValue = scheme.get("apiKeySecurityScheme") if is_object(scheme) else None
        if is_object(wanted):
            place, name = str(wanted.get("location", "header")), str(wanted.get("name", "X-API-Key"))
            if place == "cookie":
                return {"Cookie": f"{name}={key}"}
            if place != "header":
                raise UsageError(f"the card wants the key in the {place}, which this client does not do")
            return {name: key}
    return {"X-API-Key": key}


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
