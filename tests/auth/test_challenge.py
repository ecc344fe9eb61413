"""`WWW-Authenticate` in both directions, to the letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.auth.challenge import Schemes, parse, render

M = "https://mcp.example/.well-known/oauth-protected-resource/mcp"
BEARER = Schemes(M)
BOTH = Schemes(M, dpop_algorithms=("ES256", "RS256"))
ONLY_DPOP = Schemes(M, bearer=False, dpop_algorithms=("ES256",))

WRITTEN = {
    "nothing shown": (BEARER.challenge(), 401, f'Bearer resource_metadata="{M}"'),
    "nothing shown, scopes": (
        BEARER.challenge(scopes=["b", "a", "a"]),
        401,
        f'Bearer scope="a b", resource_metadata="{M}"',
    ),
    "bad token": (
        BEARER.challenge("invalid_token", "gone"),
        401,
        f'Bearer error="invalid_token", error_description="gone", resource_metadata="{M}"',
    ),
    "bad request": (
        BEARER.challenge("invalid_request", "x"),
        400,
        f'Bearer error="invalid_request", error_description="x", resource_metadata="{M}"',
    ),
    "scopes lacking": (
        BEARER.challenge("insufficient_scope", "more", scopes=["w", "r"]),
        403,
        f'Bearer error="insufficient_scope", error_description="more", scope="r w", resource_metadata="{M}"',
    ),
    "no metadata": (Schemes().challenge(), 401, "Bearer"),
    "two schemes": (
        BOTH.challenge(),
        401,
        f'Bearer resource_metadata="{M}", DPoP resource_metadata="{M}", algs="ES256 RS256"',
    ),
    "two schemes, one blamed": (
        BOTH.challenge("invalid_dpop_proof", "x", scheme="dpop"),
        401,
        f'Bearer resource_metadata="{M}", DPoP error="invalid_dpop_proof", error_description="x", resource_metadata="{M}", algs="ES256 RS256"',
    ),
    "a nonce": (
        ONLY_DPOP.challenge("use_dpop_nonce", "x", nonce="n"),
        401,
        f'DPoP error="use_dpop_nonce", error_description="x", resource_metadata="{M}", algs="ES256"',
    ),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_a_challenge_is_written_to_the_letter(case: str) -> None:
    challenge, status, text = WRITTEN[case]
    assert (challenge.status, challenge.www_authenticate) == (status, text)


def test_the_nonce_travels_in_its_own_header() -> None:
    assert ("DPoP-Nonce", "n") in ONLY_DPOP.challenge("use_dpop_nonce", nonce="n").headers


@given(st.text())
def test_no_text_can_break_out_of_its_quotes(text: str) -> None:
    line = render("Bearer", {"error_description": text, "scope": "a"})
    assert line.isascii()
    assert "\n" not in line
    assert "\r" not in line
    (read,) = parse(line)
    assert read.parameters["scope"] == "a"
    assert len(read.parameters.get("error_description", "")) == len(text)


READ = {
    "": [],
    "Bearer": [("bearer", {})],
    "bearer ": [("bearer", {})],
    'Bearer realm="x"': [("bearer", {"realm": "x"})],
    'Bearer   realm = "x" ,scope="a b"': [("bearer", {"realm": "x", "scope": "a b"})],
    "Bearer error=invalid_token": [("bearer", {"error": "invalid_token"})],
    'Bearer REALM="X"': [("bearer", {"realm": "X"})],
    r'Bearer realm="a\"b\\c"': [("bearer", {"realm": 'a"b\\c'})],
    'Bearer realm="a, Basic b=c"': [("bearer", {"realm": "a, Basic b=c"})],
    'Bearer a="1", a="2"': [("bearer", {"a": "1"})],
    'Basic realm="x", Bearer scope="s"': [("basic", {"realm": "x"}), ("bearer", {"scope": "s"})],
    'Bearer, DPoP algs="ES256"': [("bearer", {}), ("dpop", {"algs": "ES256"})],
    'Negotiate YWJj==, Bearer scope="s"': [("negotiate", {}), ("bearer", {"scope": "s"})],
    "Negotiate YWJj": [("negotiate", {})],
    ",, Bearer a=b,, c=d ,": [("bearer", {"a": "b", "c": "d"})],
    'Bearer a="unterminated': [("bearer", {})],
    'Bearer a="unterminated, b="c"': [("bearer", {"a": "unterminated, b="}), ("c", {})],
    "Bearer a=@, b=c": [("bearer", {"b": "c"})],
    "@@@ Bearer": [],
    "@@@, Bearer a=b": [("bearer", {"a": "b"})],
    'a=b, Bearer c="d"': [("bearer", {"c": "d"})],
    'Bearer a="\x00", b=c': [("bearer", {"b": "c"})],
    "Bearer\ta=b": [("bearer", {"a": "b"})],
}


@pytest.mark.parametrize("text", READ)
def test_challenges_are_read(text: str) -> None:
    assert [(one.scheme, dict(one.parameters)) for one in parse(text)] == READ[text]


@given(st.text() | st.text(alphabet='Bearer DPoP="\\, a\t@'))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for one in parse(text):
        assert one.scheme == one.scheme.lower()


def test_a_long_hostile_value_is_read_in_linear_time() -> None:
    for text in ('"' * 200_000, "a=" * 100_000, 'a="\\' * 60_000, "," * 200_000, "Bearer " * 30_000, "=" * 200_000):
        assert isinstance(parse(text), tuple)
    assert parse(None) == ()


@pytest.mark.parametrize(
    ("text", "scopes"), [("a b  a", {"a", "b"}), ("", set()), ('x"y ok \\', {"ok"}), ("é z", {"z"})]
)
def test_scopes_are_tokens(text: str, scopes: set[str]) -> None:
    (read,) = parse('Bearer scope="' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    if text.isascii():
        assert read.scopes == scopes
