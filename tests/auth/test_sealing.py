"""Sealed tokens open for exactly what they were sealed for, and for nothing else."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wireproof.auth.sealing import (
    MIN_SECRET,
    Broken,
    Keyring,
    Opened,
    Seal,
    SealRefusal,
    TooLargeToSeal,
    WeakSecret,
    bind,
    join,
)

RING = Keyring("a" * 32)
NOW = [1_000_000.0]
SEAL = Seal(RING, purpose="mcp.requestState", ttl=60, clock=lambda: NOW[0])
BINDING = bind("tools/call", {"name": "add", "arguments": {"a": 1}})
TOKEN = SEAL.seal({"round": 1}, owner="iss|alice|", binding=BINDING)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=json_values, owner=st.text(), binding=st.binary(max_size=64))
def test_what_is_sealed_opens_as_the_same_value(value: object, owner: str, binding: bytes) -> None:
    token = SEAL.seal(value, owner=owner, binding=binding)
    opened = SEAL.open(token, owner=owner, binding=binding)
    assert opened == Opened(value, NOW[0] + 60)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_every_single_bit_flip_of_a_token_is_refused() -> None:
    raw = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    for index in range(len(raw) * 8):
        bent = bytearray(raw)
        bent[index // 8] ^= 1 << (index % 8)
        text = base64.urlsafe_b64encode(bytes(bent)).rstrip(b"=").decode()
        assert isinstance(SEAL.open(text, owner="iss|alice|", binding=BINDING), SealRefusal), index


def test_every_single_character_change_of_the_text_is_refused() -> None:
    for index in range(len(TOKEN)):
        for other in "AZ_-09=+/ \n\x00é":
            if TOKEN[index] != other:
                text = TOKEN[:index] + other + TOKEN[index + 1 :]
                assert isinstance(SEAL.open(text, owner="iss|alice|", binding=BINDING), SealRefusal), (index, other)


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_a_truncated_token_is_refused(length: int) -> None:
    assert isinstance(SEAL.open(TOKEN[:length], owner="iss|alice|", binding=BINDING), SealRefusal)


@settings(max_examples=300)
@given(text=st.text(max_size=200) | st.text(alphabet="ABCabc019-_", max_size=200))
def test_any_text_is_refused_and_nothing_is_raised(text: str) -> None:
    assert isinstance(SEAL.open(text, owner="iss|alice|", binding=BINDING), SealRefusal)


SWAPS = {
    "another owner": (SEAL, "iss|mallory|", BINDING),
    "an owner that differs by one escape": (SEAL, "iss|alice\\p", BINDING),
    "no owner": (SEAL, "", BINDING),
    "no binding": (SEAL, "iss|alice|", b""),
    "another method": (SEAL, "iss|alice|", bind("prompts/get", {"name": "add", "arguments": {"a": 1}})),
    "other arguments": (SEAL, "iss|alice|", bind("tools/call", {"name": "add", "arguments": {"a": 2}})),
    "another purpose": (Seal(RING, purpose="mcp.cursor", ttl=60, clock=lambda: NOW[0]), "iss|alice|", BINDING),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_a_token_is_refused_for(swap: str) -> None:
    seal, owner, binding = SWAPS[swap]
    assert seal.open(TOKEN, owner=owner, binding=binding) == SealRefusal(Broken.FORGED)


def test_owner_and_binding_cannot_be_shifted_into_each_other() -> None:
    token = SEAL.seal(1, owner="ab", binding=b"c")
    assert SEAL.open(token, owner="a", binding=b"bc") == SealRefusal(Broken.FORGED)
    assert join((b"a", b"bc")) != join((b"ab", b"c"))


def test_a_token_opens_until_its_last_moment_and_not_at_it() -> None:
    now = [100.0]
    seal = Seal(RING, purpose="p", ttl=10, clock=lambda: now[0])
    token = seal.seal("x", owner="o")
    now[0] = 109.999
    assert isinstance(seal.open(token, owner="o"), Opened)
    now[0] = 110.0
    assert seal.open(token, owner="o") == SealRefusal(Broken.EXPIRED)


def test_a_shorter_life_can_be_asked_for_one_token() -> None:
    now = [100.0]
    seal = Seal(RING, purpose="p", ttl=10, clock=lambda: now[0])
    token = seal.seal("x", owner="o", ttl=1)
    now[0] = 101.0
    assert seal.open(token, owner="o") == SealRefusal(Broken.EXPIRED)


def test_a_rotated_ring_opens_old_tokens_and_seals_with_the_new_key() -> None:
    old, new = Keyring("o" * 32), Keyring("n" * 32, "o" * 32)
    before = Seal(old, purpose="p", ttl=60)
    after = Seal(new, purpose="p", ttl=60)
    assert isinstance(after.open(before.seal(1, owner="o"), owner="o"), Opened)
    assert before.open(after.seal(1, owner="o"), owner="o") == SealRefusal(Broken.UNKNOWN_KEY)
    only_new = Seal(Keyring("n" * 32), purpose="p", ttl=60)
    assert only_new.open(before.seal(1, owner="o"), owner="o") == SealRefusal(Broken.UNKNOWN_KEY)
    assert isinstance(only_new.open(after.seal(1, owner="o"), owner="o"), Opened)


def test_replicas_with_the_same_secret_open_each_others_tokens() -> None:
    one, two = (Seal(Keyring.from_text("s" * 40), purpose="p", ttl=60) for _ in range(2))
    assert isinstance(two.open(one.seal({"a": 1}, owner="o"), owner="o"), Opened)


def test_random_rings_are_marked_and_differ() -> None:
    one, two = Keyring.random(), Keyring.random()
    assert (one.is_random, two.is_random, RING.is_random) == (True, True, False)
    token = Seal(one, purpose="p", ttl=60).seal(1, owner="o")
    assert isinstance(Seal(two, purpose="p", ttl=60).open(token, owner="o"), SealRefusal)


def test_secrets_are_read_from_the_environment_and_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = Seal(Keyring("n" * 32, "o" * 32), purpose="p", ttl=60).seal(1, owner="o")
    monkeypatch.setenv("SEALS", f"{'n' * 32},{'o' * 32}")
    path = tmp_path / "secrets"
    path.write_text(f"{'n' * 32}\n{'o' * 32}\n")
    for ring in (Keyring.from_env("SEALS"), Keyring.from_file(path)):
        assert isinstance(Seal(ring, purpose="p", ttl=60).open(token, owner="o"), Opened)


def test_weak_or_missing_secrets_are_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEALS", raising=False)
    with pytest.raises(WeakSecret, match="SEALS is not set"):
        Keyring.from_env("SEALS")
    with pytest.raises(WeakSecret, match=f"at least {MIN_SECRET}"):
        Keyring("short")
    with pytest.raises(WeakSecret):
        Keyring()


def test_no_secret_appears_in_a_repr() -> None:
    assert "aaaa" not in repr(RING)
    assert "aaaa" not in repr(RING._keys)


def test_a_value_too_large_to_seal_is_named_and_a_text_too_long_is_not_read() -> None:
    small = Seal(RING, purpose="p", ttl=60, max_sealed=100)
    with pytest.raises(TooLargeToSeal) as caught:
        small.seal("x" * 200, owner="o")
    assert caught.value.limit == 100
    assert small.open("A" * 101, owner="o") == SealRefusal(Broken.TOO_LONG)


def test_the_binding_ignores_the_order_of_keys_and_nothing_else() -> None:
    assert bind("m", {"a": 1, "b": [1, 2]}) == bind("m", {"b": [1, 2], "a": 1})
    different = [
        bind("m", {"b": [2, 1], "a": 1}),
        bind("m", {"a": "1", "b": [1, 2]}),
        bind("m2", {"a": 1, "b": [1, 2]}),
        bind("m"),
    ]
    assert len({bind("m", {"a": 1, "b": [1, 2]}), *different}) == 5


def test_a_value_that_is_no_json_is_refused_at_sealing() -> None:
    with pytest.raises(TypeError):
        SEAL.seal({1, 2}, owner="o")
    with pytest.raises(ValueError):
        SEAL.seal(float("nan"), owner="o")


def test_importing_the_module_loads_no_cryptography() -> None:
    code = "import wireproof.auth.sealing, sys; print([m for m in sys.modules if m.split('.')[0] == 'cryptography'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
