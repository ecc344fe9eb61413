"""Signatures on Agent Cards: JWS over the canonical card, made and verified.

Verified is what was received, not what a model made of it: members that this version does not know are covered.
Keys come from the verifier's own trust; a card's `jku` counts only where it is pinned. Spec: A2A 1.0 section 8.4;
RFC 7515; RFC 8785.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from wireproof.auth.jose import BadToken, PublicKey, Signed, read_key_set, verify
from wireproof.auth.keysets import KeySource, KeysUnavailable
from wireproof.schemas.a2a.jcs import NotCanonical, canonical
from wireproof.schemas.a2a.tables import Field, messages
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object

Form = Literal["specification", "known members", "without empty members"]
"""What a signature covers: the card as section 8.4.1 says; the members that 1.0 knows, as libraries sign that read a
card into a model first; the same without required members that are empty, as a2a-sdk 1.3 signs."""

ALGORITHMS: Final = frozenset(
    {"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"}
)
MAX_SIGNATURES: Final = 16
_MAX_HEADER: Final = 8192
_DEFAULTS: Final[tuple[JSONValue, ...]] = ("", 0, False, [], {})
_SCALARS: Final = frozenset({"string", "bool", "int32", "bytes"})


class CardNotTrusted(Exception):
    """No signature of the card can be trusted. `reasons` has one line for each signature."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons: Final = tuple(reasons)
        super().__init__("the card has no signature that can be trusted: " + "; ".join(self.reasons))


@dataclass(frozen=True, slots=True)
class Verified:
    """A card of which a signature was verified. `card` holds exactly what the signature covers, no more."""

    card: JSONObject
    kid: str
    algorithm: str
    form: Form
    thumbprint: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count. `keys` is a JWK set of known keys. `pinned` gives the keys behind a `jku`, by its exact
    URL; any other `jku` is ignored. `revoked` holds key ids and RFC 7638 thumbprints that never count.
    """

    keys: JSONObject = field(default_factory=lambda: {"keys": []})
    pinned: Mapping[str, KeySource] = field(default_factory=dict[str, KeySource])
    revoked: frozenset[str] = frozenset()
    algorithms: frozenset[str] = ALGORITHMS

    async def candidates(self, header: JSONObject) -> tuple[PublicKey, ...]:
        """The keys that may have signed under this header: known ones first. Raises `KeysUnavailable`, `BadToken`."""
        kid: JSONValue = header.get("kid")
        found = [key for key in read_key_set(self.keys) if key.kid == kid]
        source = self.pinned.get(str(header.get("jku", "")))
        if source is not None:
            found += [key for key in await source.keys(kid) if key.kid == kid]
        return tuple(key for key in found if key.kid not in self.revoked and key.thumbprint not in self.revoked)


def payload(card: JSONObject, form: Form = "specification") -> bytes:
    """The bytes that a signature covers. Raises `NotCanonical`."""
    return canonical(covered(card, form))


def covered(card: JSONObject, form: Form = "specification") -> JSONObject:
    """The card without its signatures and without members that hold a default and need not be there."""
    body = {name: value for name, value in card.items() if name != "signatures"}
    found = _present("AgentCard", body, known_only=form != "specification")
    return _without_empty(found) if form == "without empty members" else found


def _present(message: str, value: JSONObject, *, known_only: bool) -> JSONObject:
    fields = {each.json_name: each for each in messages()[message]}
    found: JSONObject = {}
    for name, item in value.items():
        known = fields.get(name)
        if known is None:
            if not known_only:
                found[name] = item
        elif _is_kept(known, item):
            found[name] = _inside(known, item, known_only=known_only)
    return found


def _is_kept(known: Field, value: JSONValue) -> bool:
    if value is None:
        return False
    if known.required or known.optional or known.oneof:
        return True
    has_presence = not (known.repeated or known.map_of or known.type in _SCALARS)
    return has_presence or not any(value == default and type(value) is type(default) for default in _DEFAULTS)


def _inside(known: Field, value: JSONValue, *, known_only: bool) -> JSONValue:
    kind = known.map_of or known.type
    if kind not in messages():
        return value

    def one(item: JSONValue) -> JSONValue:
        return _present(kind, item, known_only=known_only) if is_object(item) else item

    if known.map_of and is_object(value):
        return {name: one(item) for name, item in value.items()}
    if known.repeated and is_array(value):
        return [one(item) for item in value]
    return one(value)


def _without_empty(value: Any) -> Any:
    """`Any`: JSON, walked from the leaves; what is empty or becomes empty goes."""
    if is_object(value):
        inner = {name: _without_empty(item) for name, item in value.items()}
        return {name: item for name, item in inner.items() if item not in ("", [], {}, None)}
    if is_array(value):
        return [item for item in map(_without_empty, value) if item not in ("", [], {}, None)]
    return value


def sign_card(
    card: JSONObject, pem: bytes, *, kid: str, algorithm: str = "ES256", jku: str | None = None
) -> JSONObject:
    """The card with one more signature by this private key (PEM).

    A card that also holds members of another version gets two: one over all of it, and one over the members of 1.0,
    which is what verifiers see that read a card into a model. Raises `BadToken` when the key does not fit the
    algorithm, `NotCanonical` for a card that has no canonical form.
    """
    header: JSONObject = {"alg": algorithm, "typ": "JOSE", "kid": kid}
    if jku is not None:
        header["jku"] = jku
    bodies = list(dict.fromkeys((payload(card), payload(card, "known members"))))
    made = [signature(body, pem, header) for body in bodies]
    return {**card, "signatures": [*card.get("signatures", ()), *made]}


def signature(body: bytes, pem: bytes, header: JSONObject) -> JSONObject:
    """An AgentCardSignature over `body`. Raises `BadToken`."""
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    algorithm: str = header["alg"]
    if algorithm not in ALGORITHMS:
        raise BadToken(f"{algorithm} is not an algorithm to sign with")
    kind = ECKey if algorithm.startswith("ES") else OKPKey if algorithm == "EdDSA" else RSAKey
    protected = _encode(json.dumps(header, separators=(",", ":")).encode())
    try:
        key = kind.import_key(pem)
        made = jws.JWSRegistry.algorithms[algorithm].sign(f"{protected}.{_encode(body)}".encode(), key)
    except (JoseError, ValueError, TypeError) as error:
        raise BadToken(f"the private key does not fit {algorithm}") from error
    return {"protected": protected, "signature": _encode(made)}


async def verify_card(card: JSONObject, trust: Trust) -> Verified:
    """The card, when one of its signatures is by a key that is trusted. Raises `CardNotTrusted`."""
    listed: JSONValue = card.get("signatures")
    if not is_array(listed) or not listed:
        raise CardNotTrusted(["it is not signed"])
    reasons: list[str] = []
    for each in listed[:MAX_SIGNATURES]:
        found = await _verified(card, each, trust)
        if isinstance(found, Verified):
            return found
        reasons.append(found)
    raise CardNotTrusted(reasons)


async def _verified(card: JSONObject, given: JSONValue, trust: Trust) -> Verified | str:
    """What one signature shows, or why it shows nothing."""
    read = _read(given, trust.algorithms)
    if isinstance(read, str):
        return read
    header, protected, raw = read
    kid: str = header["kid"]
    try:
        keys = await trust.candidates(header)
    except (KeysUnavailable, BadToken) as error:
        return str(error)
    if not keys:
        return f"the key {kid[:80]!r} is not trusted"
    forms: tuple[Form, ...] = ("specification", "known members", "without empty members")
    for form in forms:
        content = covered(card, form)
        try:
            body = canonical(content)
        except NotCanonical as error:
            return str(error)
        signed = Signed(header, {}, header["alg"], kid, f"{protected}.{_encode(body)}".encode(), raw)
        key = verify(signed, keys)
        if key is not None:
            return Verified(content, kid, header["alg"], form, key.thumbprint)
    return f"the signature by {kid[:80]!r} does not fit the card"


def _read(given: JSONValue, algorithms: Collection[str]) -> tuple[JSONObject, str, bytes] | str:
    """The protected header, its encoded form and the signature; or what is wrong with them."""
    if not is_object(given):
        return "a signature is no object"
    protected, made = given.get("protected"), given.get("signature")
    if not isinstance(protected, str) or not isinstance(made, str) or len(protected) > _MAX_HEADER:
        return "a signature lacks its protected header or its value"
    try:
        header: JSONValue = json.loads(_decode(protected))
        raw = _decode(made)
    except (ValueError, RecursionError):
        return "a signature is no base64url of a JSON header"
    if not is_object(header):
        return "a protected header is no object"
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in ALGORITHMS:
        return f"the algorithm {str(algorithm)[:40]!r} is not allowed"
    if not isinstance(kid, str) or not kid:
        return "a protected header names no key (kid)"
    if "crit" in header or "b64" in header:
        return "a protected header needs an extension that is not understood"
    return header, protected, raw


def _encode(data: bytes) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    from base64 import b64decode

    if "=" in text or "+" in text or "/" in text:
        raise ValueError("not base64url")
    return b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
