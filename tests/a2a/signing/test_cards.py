"""Signed cards, against the examples of the specification (section 8.4) and keys made here."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey

from wireproof.a2a import Agent, Interface
from wireproof.a2a.signing import CardNotTrusted, Trust, payload, sign_card, verify_card
from wireproof.auth.keysets import FixedKeys
from wireproof.schemas.a2a.v03 import card_to_03

FRAGMENT = {
    "name": "Example Agent",
    "description": "",
    "capabilities": {"streaming": False, "pushNotifications": False, "extensions": []},
    "skills": [],
}
CANONICAL = (
    b'{"capabilities":{"pushNotifications":false,"streaming":false},'
    b'"description":"","name":"Example Agent","skills":[]}'
)
PROTECTED = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpPU0UiLCJraWQiOiJrZXktMSIsImprdSI6Imh0dHBzOi8vZXhhbXBsZS5jb20vYWdlbnQvandrcy5qc29uIn0"
JKU = "https://example.com/agent/jwks.json"


def pem(key: Any) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


EC_PEM = pem(ec.generate_private_key(ec.SECP256R1()))
OTHER_PEM = pem(ec.generate_private_key(ec.SECP256R1()))
ED_PEM = pem(ed25519.Ed25519PrivateKey.generate())
RSA_PEM = pem(rsa.generate_private_key(65537, 2048))


def public(kind: Any, data: bytes, kid: str = "key-1") -> dict[str, Any]:
    return {**kind.import_key(data).as_dict(private=False), "kid": kid}


def trusting(*keys: dict[str, Any], **options: Any) -> Trust:
    return Trust(keys={"keys": list(keys)}, **options)


EC_PUBLIC = public(ECKey, EC_PEM)


def card() -> dict[str, Any]:
    agent = Agent("Signed", description="Says hello.")

    @agent.skill(tags=[])
    def hello() -> str:
        return "hello"

    return agent.card(Interface(url="https://agent.example/", binding="JSONRPC"))


def test_the_fragment_of_the_specification_has_the_bytes_of_the_specification() -> None:
    assert payload(FRAGMENT) == CANONICAL


def test_the_protected_header_has_the_bytes_of_the_specification() -> None:
    (made,) = sign_card(FRAGMENT, EC_PEM, kid="key-1", jku=JKU)["signatures"]
    assert made["protected"] == PROTECTED


@pytest.mark.parametrize(
    ("kind", "data", "algorithm"), [(ECKey, EC_PEM, "ES256"), (OKPKey, ED_PEM, "EdDSA"), (RSAKey, RSA_PEM, "PS256")]
)
async def test_a_signed_card_is_verified_by_a_trusted_key(kind: Any, data: bytes, algorithm: str) -> None:
    signed = sign_card(card(), data, kid="key-1", algorithm=algorithm)
    found = await verify_card(json.loads(json.dumps(signed)), trusting(public(kind, data)))
    assert (found.kid, found.algorithm, found.form) == ("key-1", algorithm, "specification")
    assert found.card["name"] == "Signed"
    assert "signatures" not in found.card


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Forged"},
        {"futureMember": 1},
        {"capabilities": {"streaming": False, "pushNotifications": True, "extendedAgentCard": False}},
        {"skills": []},
    ],
)
async def test_a_card_that_was_changed_is_not_trusted(change: dict[str, Any]) -> None:
    signed = {**sign_card({**card(), "futureMember": 0}, EC_PEM, kid="key-1"), **change}
    del signed["signatures"][1:]
    with pytest.raises(CardNotTrusted, match="does not fit"):
        await verify_card(signed, trusting(EC_PUBLIC))


async def test_a_member_of_a_newer_version_is_covered() -> None:
    found = await verify_card(sign_card({**card(), "futureMember": [0]}, EC_PEM, kid="key-1"), trusting(EC_PUBLIC))
    assert found.card["futureMember"] == [0]


async def test_a_default_that_somebody_adds_on_the_way_does_not_break_the_signature() -> None:
    signed = sign_card(card(), EC_PEM, kid="key-1")
    assert await verify_card({**signed, "securityRequirements": [], "securitySchemes": {}}, trusting(EC_PUBLIC))


async def test_a_verifier_that_reads_into_a_model_finds_a_signature_on_a_card_of_two_versions() -> None:
    interface = Interface(url="https://agent.example/", binding="JSONRPC", version="0.3")
    hybrid = card_to_03({**card(), "supportedInterfaces": [interface.wire()]})
    signed = sign_card(hybrid, EC_PEM, kid="key-1")
    del signed["signatures"][0]
    found = await verify_card(signed, trusting(EC_PUBLIC))
    assert found.form == "known members"
    assert "preferredTransport" not in found.card, "what is not covered is not given on"


async def test_the_form_of_a2a_sdk_is_verified_and_named() -> None:
    plain = {**card(), "description": ""}
    from wireproof.a2a.signing import signature

    made = signature(payload(plain, "without empty members"), EC_PEM, {"alg": "ES256", "kid": "key-1"})
    found = await verify_card({**plain, "signatures": [made]}, trusting(EC_PUBLIC))
    assert found.form == "without empty members"


async def test_a_key_that_nobody_trusts_is_named() -> None:
    with pytest.raises(CardNotTrusted, match="'key-1' is not trusted"):
        await verify_card(sign_card(card(), OTHER_PEM, kid="key-1"), trusting(public(ECKey, EC_PEM, "key-2")))


async def test_a_jku_counts_only_where_it_is_pinned() -> None:
    signed = sign_card(card(), EC_PEM, kid="key-1", jku=JKU)
    with pytest.raises(CardNotTrusted):
        await verify_card(signed, trusting())
    pinned = {JKU: FixedKeys({"keys": [EC_PUBLIC]})}
    assert await verify_card(signed, trusting(pinned=pinned))
    with pytest.raises(CardNotTrusted):
        await verify_card(sign_card(card(), EC_PEM, kid="key-1", jku=JKU + "?"), trusting(pinned=pinned))


async def test_a_revoked_key_never_counts() -> None:
    signed = sign_card(card(), EC_PEM, kid="key-1")
    thumbprint = ECKey.import_key(EC_PEM).thumbprint()
    for revoked in ("key-1", thumbprint):
        with pytest.raises(CardNotTrusted):
            await verify_card(signed, trusting(EC_PUBLIC, revoked=frozenset({revoked})))


async def test_the_second_signature_is_enough_when_keys_are_rotated() -> None:
    signed = sign_card(sign_card(card(), OTHER_PEM, kid="old"), EC_PEM, kid="key-1")
    assert (await verify_card(signed, trusting(EC_PUBLIC))).kid == "key-1"


def header(**members: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("protected", "reason"),
    [
        (header(alg="none", kid="key-1"), "not allowed"),
        (header(alg="HS256", kid="key-1"), "not allowed"),
        (header(kid="key-1"), "not allowed"),
        (header(alg="ES256"), "names no key"),
        (header(alg="ES256", kid="key-1", crit=["b64"]), "extension"),
        (header(alg="PS256", kid="key-1"), "does not fit"),
        ("%%%", "base64url"),
        (base64.urlsafe_b64encode(b"[]").decode().rstrip("="), "no object"),
        ("A" * 9000, "lacks"),
    ],
)
async def test_a_header_that_breaks_a_rule_is_refused(protected: str, reason: str) -> None:
    signed = sign_card(card(), EC_PEM, kid="key-1")
    signed["signatures"] = [{**signed["signatures"][0], "protected": protected}]
    with pytest.raises(CardNotTrusted, match=reason):
        await verify_card(signed, trusting(EC_PUBLIC))


@pytest.mark.parametrize("signatures", [None, [], "x", {}, [None], [{}], [{"protected": 1, "signature": 2}]])
async def test_what_is_no_list_of_signatures_is_no_signature(signatures: Any) -> None:
    with pytest.raises(CardNotTrusted):
        await verify_card({**card(), "signatures": signatures}, trusting(EC_PUBLIC))
