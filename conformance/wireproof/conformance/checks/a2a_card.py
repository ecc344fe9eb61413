"""The Agent Card: that it is one, that it keeps its word, and how it may be cached."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlsplit

from wireproof.conformance import a2a_oracle as oracle
from wireproof.conformance.a2a_cell import AgentCell, refused_with
from wireproof.conformance.ledger import A2A_1, A2A_ALL, A2A_WEB
from wireproof.conformance.probe.http import HttpBroken, fetch
from wireproof.conformance.registry import check
from wireproof.conformance.shapes import as_list, as_object, at
from wireproof.conformance.verdict import Broken, NotHere
from wireproof.schemas.jsonrpc import is_object

AREA = "card"


def _broken(cell: AgentCell, *sorts: str) -> None:
    found = [each for each in oracle.problems("AgentCard", cell.card) if each.sort in sorts]
    if found:
        raise Broken("The card: " + "; ".join(f"{each.path} {each.text}" for each in found[:5]) + ".")


@check("a2a.card.shape", shows=["a2a.card.fields"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def the_card_has_every_required_field_in_its_type(cell: AgentCell) -> None:
    cell.recorder.received(cell.card_response.body)
    _broken(cell, oracle.SHAPE)


@check("a2a.card.names", shows=["a2a.json.camel-case"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def the_card_is_written_in_camel_case(cell: AgentCell) -> None:
    _broken(cell, oracle.NAME)


@check(
    "a2a.card.interfaces", shows=["a2a.card.interfaces"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1
)
async def every_interface_of_the_card_answers_at_its_url(cell: AgentCell) -> None:
    listed = [as_object(each) for each in as_list(cell.card.get("supportedInterfaces"))]
    for each in listed:
        url = str(each.get("url"))
        if urlsplit(url).scheme not in {"http", "https"}:
            continue
        try:
            response = await fetch(url, "POST", [("Content-Type", "application/json")], b"{}", timeout=5)
        except (OSError, TimeoutError, HttpBroken) as error:
            raise Broken(f"The card names {url}, where nothing answers: {error!r}") from error
        cell.recorder.note(f"POST {url}: HTTP {response.status}")


@check(
    "a2a.card.version", shows=["a2a.card.version-form"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1
)
async def the_card_names_versions_as_major_and_minor(cell: AgentCell) -> None:
    for each in as_list(cell.card.get("supportedInterfaces")):
        version = str(at(each, "protocolVersion"))
        if version.count(".") != 1 or not version.replace(".", "").isdigit():
            raise Broken(f"An interface has the protocolVersion {version!r}, which is not Major.Minor.")


@check("a2a.card.security", shows=["a2a.card.security"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def security_requirements_name_declared_schemes(cell: AgentCell) -> None:
    declared = as_object(cell.card.get("securitySchemes"))
    wanted = [at(each, "schemes") for each in as_list(cell.card.get("securityRequirements"))]
    if not wanted:
        raise NotHere("The card has no security requirements.")
    missing = sorted({name for each in wanted for name in as_object(each)} - set(declared))
    if missing:
        raise Broken(f"The card requires {', '.join(missing)}, which securitySchemes does not declare.")


@check("a2a.card.cache", shows=["a2a.card.cache"], area=AREA, protocol="a2a", transports=A2A_WEB, revisions=A2A_1)
async def the_card_says_how_long_it_may_be_kept_and_has_an_etag(cell: AgentCell) -> None:
    control = cell.card_response.header("cache-control") or ""
    if "max-age" not in control or not cell.card_response.header("etag"):
        tag = cell.card_response.header("etag")
        raise Broken(f"The card came with Cache-Control {control!r} and ETag {tag!r}.")


@check(
    "a2a.card.conditional",
    shows=["a2a.card.conditional"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
)
async def a_card_that_did_not_change_is_304(cell: AgentCell) -> None:
    tag = cell.card_response.header("etag")
    if not tag:
        raise NotHere("The card has no ETag.")
    response = await fetch(cell.card_url, "GET", [("If-None-Match", tag)])
    cell.recorder.received(response.raw_head)
    if response.status != 304:
        raise Broken(f"The card asked for with its own ETag came back with HTTP {response.status}.")


@check(
    "a2a.card.signature",
    shows=["a2a.card.signature.header"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
)
async def signatures_name_their_algorithm_and_key(cell: AgentCell) -> None:
    signatures = as_list(cell.card.get("signatures"))
    if not signatures:
        raise NotHere("The card is not signed.")
    for each in signatures:
        text = str(at(each, "protected"))
        try:
            header = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            raise Broken("The protected header of a signature is no base64url of JSON.") from None
        if not is_object(header) or not header.get("alg") or header.get("alg") == "none" or not header.get("kid"):
            raise Broken(f"The protected header of a signature is {header}: alg and kid are needed.")


@check(
    "a2a.card.extended.unclaimed",
    shows=["a2a.extended.unclaimed"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_1,
)
async def an_extended_card_that_is_not_claimed_is_an_unsupported_operation(cell: AgentCell) -> None:
    if cell.capabilities.get("extendedAgentCard") is True:
        raise NotHere("The card claims an extended card.")
    reply = await cell.talk().call("GetExtendedAgentCard", {})
    refused_with(reply, -32004, 400, "UNSUPPORTED_OPERATION", "GetExtendedAgentCard without the capability")


@check(
    "a2a.card.extended.locked",
    shows=["a2a.extended.locked"],
    area=AREA,
    protocol="a2a",
    transports=A2A_WEB,
    revisions=A2A_ALL,
)
async def the_extended_card_is_not_for_strangers(cell: AgentCell) -> None:
    cell.need("extendedAgentCard")
    talk = cell.talk()
    talk.bearer = None
    reply = await talk.call("GetExtendedAgentCard", {})
    if reply.error is None:
        raise Broken("The extended card was given to a caller who showed nothing.")
