"""The resource server's half of authorization: refusals, the challenge, and the metadata that it leads to."""

from __future__ import annotations

import json
import re
from typing import Final, cast
from urllib.parse import urlsplit

from wireproof.conformance.ledger import LEGACY_HTTP, MODERN, ON_HTTP, SINCE_0326
from wireproof.conformance.mcp_cell import Cell
from wireproof.conformance.probe.http import Headers, HttpBroken, Response, fetch
from wireproof.conformance.probe.http_talk import HttpTalk, without
from wireproof.conformance.probe.talk import short
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import JSONObject, is_object

AREA: Final = "authorization"
"""The one area that is judged on a target that lets nobody in."""
SINCE_0618_HTTP: Final = MODERN | (LEGACY_HTTP - {"2025-03-26"})
SINCE_1125_HTTP: Final = MODERN | {"2025-11-25"}
_METADATA: Final = re.compile(r'resource_metadata\s*=\s*(?:"([^"]*)"|([^\s,]+))', re.IGNORECASE)


async def _post(cell: Cell, *, token: str | None, body: bytes | None = None) -> Response:
    """A good request with another token or none. Raises `NotHere` when the target asks for no token."""
    talk = cast("HttpTalk", await cell.dial())
    message = talk.build("server/discover") if cell.is_modern else talk.build("tools/list")
    headers: Headers = without(talk.headers(message), "Authorization")
    if token is not None:
        headers.append(("Authorization", f"Bearer {token}"))
    return await talk.fetch("POST", headers, json.dumps(message).encode() if body is None else body)


async def _refusal(cell: Cell) -> Response:
    """The answer to a request without a token. Raises `NotHere` when it is no refusal for want of one."""
    response = await _post(cell, token=None)
    if response.status != 401:
        raise NotHere("The target asks for no token.")
    return response


@check("auth.invalid-token", shows=["mcp.auth.invalid-token"], area=AREA, transports=ON_HTTP, revisions=SINCE_0326)
async def a_token_that_nobody_issued_gets_a_401(cell: Cell) -> None:
    await _refusal(cell)
    for token in ("no-such-token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbnlib2R5In0.", "x" * 4000):
        response = await _post(cell, token=token)
        if response.status != 401:
            raise Broken(f"The token {token[:40]!r}, which nobody issued, got HTTP {response.status}, not 401.")


@check("auth.first", shows=["mcp.auth.before-processing"], area=AREA, transports=ON_HTTP, revisions=SINCE_0326)
async def nothing_of_a_request_is_read_before_its_token(cell: Cell) -> None:
    await _refusal(cell)
    response = await _post(cell, token=None, body=b"{this is no JSON")
    if response.status != 401:
        raise Broken(f"A body that is no JSON, without a token, got HTTP {response.status}, not 401.")


@check("auth.challenge", shows=["mcp.auth.challenge"], area=AREA, transports=ON_HTTP, revisions=SINCE_0618_HTTP)
async def a_401_carries_a_bearer_challenge(cell: Cell) -> None:
    response = await _refusal(cell)
    said = response.header("www-authenticate") or ""
    if not re.search(r"(?i)(^|,)\s*bearer\b", said):
        raise Broken(f"The WWW-Authenticate of the 401 is {said!r}, no Bearer challenge.")


@check(
    "auth.challenge.scope", shows=["mcp.auth.challenge.scope"], area=AREA, transports=ON_HTTP, revisions=SINCE_1125_HTTP
)
async def the_challenge_says_which_scope_is_needed(cell: Cell) -> None:
    said = (await _refusal(cell)).header("www-authenticate") or ""
    _, document = await _metadata(cell)
    if not document.get("scopes_supported"):
        raise NotHere("The resource names no scopes.")
    if not re.search(r"(?i)\bscope\s*=", said):
        raise Broken(f"The challenge {said!r} names no scope, although the resource has some.")


async def _metadata(cell: Cell) -> tuple[str, JSONObject]:
    """The metadata document and where it was found. Raises `Broken` when there is none."""
    response = await _refusal(cell)
    url = cell.target.url or ""
    named = _METADATA.search(response.header("www-authenticate") or "")
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource"
    places = [named[1] or named[2]] if named else [f"{base}{parts.path.rstrip('/')}", base]
    for place in places:
        if urlsplit(place).netloc != parts.netloc:
            raise NotHere("The metadata is at another host, which this suite does not ask.")
        try:
            found = await fetch(place, "GET", [("Accept", "application/json")], timeout=4)
        except (HttpBroken, OSError):
            continue
        cell.recorder.note(f"GET {place}")
        cell.recorder.received(found.raw_head + found.body)
        document = found.json()
        if found.status == 200 and is_object(document):
            return place, document
    raise Broken(f"No protected resource metadata was found at {' or '.join(places)}.")


@check(
    "auth.metadata.found", shows=["mcp.auth.metadata.found"], area=AREA, transports=ON_HTTP, revisions=SINCE_0618_HTTP
)
async def the_metadata_is_where_the_challenge_or_the_standard_says(cell: Cell) -> None:
    await _metadata(cell)


@check(
    "auth.metadata",
    shows=["mcp.auth.metadata"],
    area=AREA,
    transports=ON_HTTP,
    revisions=SINCE_0618_HTTP,
    depends_on=["auth.metadata.found"],
)
async def the_metadata_names_an_authorization_server(cell: Cell) -> None:
    place, document = await _metadata(cell)
    servers = as_list(document.get("authorization_servers"))
    if not servers or not all(isinstance(server, str) and urlsplit(server).netloc for server in servers):
        raise Broken(f"The metadata at {place} names no authorization server: {short(document)}")


@check(
    "auth.metadata.resource",
    shows=["mcp.auth.metadata.resource"],
    area=AREA,
    transports=ON_HTTP,
    revisions=SINCE_0618_HTTP,
    depends_on=["auth.metadata.found"],
)
async def the_metadata_is_about_this_server(cell: Cell) -> None:
    place, document = await _metadata(cell)
    resource = str(document.get("resource"))
    here, there = urlsplit(cell.target.url or ""), urlsplit(resource)
    same = (here.scheme, here.netloc.lower()) == (there.scheme.lower(), there.netloc.lower())
    if not same or not here.path.startswith(there.path.rstrip("/")):
        raise Broken(f"The metadata at {place} is about {resource!r}, not about {cell.target.url}.")


@check("auth.offline-access", shows=["mcp.auth.offline-access"], area=AREA, transports=ON_HTTP, revisions=MODERN)
async def the_resource_does_not_ask_for_offline_access(cell: Cell) -> None:
    said = (await _refusal(cell)).header("www-authenticate") or ""
    _, document = await _metadata(cell)
    if "offline_access" in said or "offline_access" in as_list(document.get("scopes_supported")):
        raise Broken(f"The resource names offline_access: {said} {short(document)}")
