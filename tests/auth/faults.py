"""Access tokens with one fault each."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable

from .tokens import ISSUER, OTHER_EC, OTHER_RSA, RESOURCE, RSA, claims, sign, token

NOW = int(time.time())


def tampered(part: int, change: Callable[[bytes], bytes]) -> str:
    parts = token().split(".")
    raw = base64.urlsafe_b64decode(parts[part] + "==")
    parts[part] = base64.urlsafe_b64encode(change(raw)).rstrip(b"=").decode()
    return ".".join(parts)


def confused() -> str:
    """RS/HS confusion: the public key as a shared secret."""
    head, body = (
        _encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "rsa", "typ": "at+jwt"}, claims())
    )
    mac = hmac.digest(RSA.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{_encode(mac)}"


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(alg: str) -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": alg, "typ": "at+jwt"}).encode()).rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
    return f"{head}.{body}."


FAULTS: dict[str, str] = {
    "junk": "junk",
    "two dots": "..",
    "four parts": token() + ".x",
    "not ascii": "é.é.é",
    "very long": "a" * 20_000,
    "expired": token(exp=NOW - 60),
    "no expiry": token(exp=None),
    "an expiry that is text": token(exp="tomorrow"),
    "an expiry that is true": token(exp=True),
    "an endless expiry": token(exp=10**400),
    "not yet valid": token(nbf=NOW + 3600),
    "nbf that is text": token(nbf="now"),
    "issued in the future": token(iat=NOW + 3600),
    "another issuer": token(iss="https://evil.example"),
    "the issuer with a slash": token(iss=ISSUER + "/"),
    "the issuer in capitals": token(iss=ISSUER.upper()),
    "a list of issuers": token(iss=[ISSUER]),
    "no issuer": token(iss=None),
    "another audience": token(aud="https://other.example/mcp"),
    "a longer audience": token(aud=RESOURCE + "/more"),
    "a shorter audience": token(aud="https://mcp.example"),
    "other audiences": token(aud=["a", "b"]),
    "no audience": token(aud=None),
    "an empty audience": token(aud=[]),
    "an audience object": token(aud={RESOURCE: 1}),
    "no subject": token(sub=None),
    "an empty subject": token(sub=""),
    "a numeric subject": token(sub=7),
    "another key, same id": sign(claims(), OTHER_RSA),
    "an unknown key": sign(claims(), OTHER_EC),
    "a known id on another algorithm": sign(claims(), OTHER_EC, kid="rsa"),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "a stripped signature": token().rpartition(".")[0] + ".",
    "another token's signature": token().rpartition(".")[0] + "." + token(sub="bob").rpartition(".")[2],
    "RS/HS confusion": confused(),
    "a changed payload": tampered(1, lambda raw: raw.replace(b"alice", b"mallo")),
    "a changed header": tampered(0, lambda raw: raw.replace(b"at+jwt", b"at+jwT")),
    "a flipped signature": tampered(2, lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
    "a short signature": tampered(2, lambda raw: raw[:10]),
    "a critical extension": sign(claims(), crit=["b64"], b64=True),
    "an ID token": sign(claims(), typ="id+jwt"),
    "a DPoP proof": sign(claims(), typ="dpop+jwt"),
    "an ID-JAG": sign(claims(), typ="oauth-id-jag+jwt"),
    "an algorithm that is not listed": sign(claims(), RSA, alg="RS512"),
    "a payload that is a list": sign(claims()).split(".")[0] + ".W10." + "A" * 86,
}
