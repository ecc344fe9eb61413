"""Sealed tokens: state that travels through a stranger and comes back unread and unchanged.

Holds the keys and the AEAD form; knows no protocol, no store, and nothing of who asks beyond an owner key.
Spec: MCP 2026-07-28 basic/patterns/mrtr (requestState) and server/utilities/pagination; A2A 1.0 ListTasks page tokens.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Final

from wireproof.schemas.jsonrpc import JSONValue

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MIN_SECRET: Final = 32
"""Bytes that a secret must have at least."""
MAX_SEALED: Final = 64 * 1024
"""Default bound of one sealed token in characters."""

_VERSION: Final = 1
_HEAD: Final = Struct(">B4s")
_NONCE: Final = 12
_TAG: Final = 16
_EXPIRY: Final = Struct(">Q")
_LENGTH: Final = Struct(">I")


class WeakSecret(ValueError):
    """A secret for sealing is missing or too short."""


class TooLargeToSeal(ValueError):
    """The value would make a token longer than the bound of the seal."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the sealed value has {size} characters, the limit is {limit}; keep less state in it")
        self.size = size
        self.limit = limit


class Broken(Enum):
    """Why a sealed token was refused. For the log; on the wire all of them look the same."""

    MALFORMED = "malformed"
    TOO_LONG = "too long"
    UNKNOWN_KEY = "sealed with a key that is not on the ring"
    FORGED = "altered, or sealed for another purpose, owner or request"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class SealRefusal:
    """A token that was not opened. `reason` is for the log and must not be sent."""

    reason: Broken


@dataclass(frozen=True, slots=True)
class Opened:
    """A token that was sealed here for exactly this purpose, owner and binding. `expires_at` is in epoch seconds."""

    value: JSONValue
    expires_at: float


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    id: bytes
    material: bytes

    def __repr__(self) -> str:
        return f"_Key({self.id.hex()})"


class Keyring:
    """Keys with ids: the first seals, all of them open.

    To rotate, put the new secret first and keep the old one until the last token under it has expired. Replicas that
    share the secrets open each other's tokens. The id of a key is derived from its secret, so no ids are configured.
    """

    __slots__ = ("_keys", "is_random")

    def __init__(self, *secrets_: str | bytes) -> None:
        """Take one or more secrets, newest first, each of at least `MIN_SECRET` bytes.

        Raises `WeakSecret` when there is none, or one is shorter.
        """
        if not secrets_:
            raise WeakSecret("a keyring needs at least one secret")
        self._keys = tuple(_derive(secret) for secret in secrets_)
        self.is_random: bool = False
        """True when the keys live and die with this process: no replica and no restart can open their tokens."""

    @classmethod
    def random(cls) -> Keyring:
        """A ring with one key that only this process knows."""
        ring = cls(secrets.token_bytes(32))
        ring.is_random = True
        return ring

    @classmethod
    def from_text(cls, text: str) -> Keyring:
        """Read secrets separated by commas or white space, newest first. Raises `WeakSecret`."""
        return cls(*text.replace(",", " ").split())

    @classmethod
    def from_env(cls, name: str) -> Keyring:
        """Read the environment variable `name` as `from_text` does. Raises `WeakSecret` when it is not set."""
        text = os.environ.get(name)
        if not text:
            raise WeakSecret(f"the environment variable {name} is not set; put a secret of {MIN_SECRET} bytes there")
        return cls.from_text(text)

    @classmethod
    def from_file(cls, path: str | Path) -> Keyring:
        """Read a file as `from_text` does. Raises `OSError` and `WeakSecret`."""
        return cls.from_text(Path(path).read_text(encoding="utf-8"))

    def __repr__(self) -> str:
        return f"Keyring({', '.join(key.id.hex() for key in self._keys)}{', random' if self.is_random else ''})"

    def ciphers(self, purpose: str) -> dict[bytes, AESGCM]:
        """One cipher a key, by key id, the sealing one first. Each purpose has keys of its own."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return {key.id: AESGCM(_expand(key.material, b"wireproof seal " + purpose.encode())) for key in self._keys}


def _derive(secret: str | bytes) -> _Key:
    raw = secret.encode() if isinstance(secret, str) else secret
    if len(raw) < MIN_SECRET:
        raise WeakSecret(f"a secret has {len(raw)} bytes; it needs at least {MIN_SECRET} random ones")
    return _Key(id=_expand(raw, b"wireproof key id")[:4], material=raw)


def _expand(secret: bytes, info: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


class Seal:
    """Seals JSON values for one purpose, with AES-256-GCM, into URL-safe text.

    A token opens only with the same purpose, owner and binding, before it expires, on a ring that has its key.
    It is not single-use: what must happen once needs a store. With random 96-bit nonces a key should seal fewer than
    2**32 tokens a purpose; rotate before. Safe to share between threads and tasks.
    """

    __slots__ = ("_ciphers", "_clock", "_max", "_sealing", "purpose", "ttl")

    def __init__(
        self,
        keyring: Keyring,
        *,
        purpose: str,
        ttl: float,
        max_sealed: int = MAX_SEALED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`purpose` names the use (`mcp.requestState`), `ttl` is in seconds, `max_sealed` in characters."""
        self.purpose = purpose
        self.ttl = ttl
        self._ciphers = keyring.ciphers(purpose)
        self._sealing = next(iter(self._ciphers.items()))
        self._max = max_sealed
        self._clock = clock

    def seal(self, value: JSONValue, *, owner: str, binding: bytes = b"", ttl: float | None = None) -> str:
        """Seal a JSON value for `owner` (a `Principal.key`) and `binding` (see `bind`).

        Raises `TooLargeToSeal`, and `TypeError` or `ValueError` for what is no JSON value.
        """
        expires = int((self._clock() + (self.ttl if ttl is None else ttl)) * 1000)
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        key_id, cipher = self._sealing
        head = _HEAD.pack(_VERSION, key_id)
        nonce = os.urandom(_NONCE)
        sealed = cipher.encrypt(nonce, _EXPIRY.pack(max(expires, 0)) + body, self._bound(head, owner, binding))
        text = urlsafe_b64encode(head + nonce + sealed).rstrip(b"=").decode()
        if len(text) > self._max:
            raise TooLargeToSeal(len(text), self._max)
        return text

    def open(self, text: str, *, owner: str, binding: bytes = b"") -> Opened | SealRefusal:
        """Open a token, or say for the log why not. Never raises for any text."""
        raw = self._decode(text)
        if isinstance(raw, SealRefusal):
            return raw
        cipher = self._ciphers.get(raw[1 : _HEAD.size])
        if cipher is None:
            return SealRefusal(Broken.UNKNOWN_KEY)
        plain = _decrypt(cipher, raw, self._bound(raw[: _HEAD.size], owner, binding))
        if plain is None:
            return SealRefusal(Broken.FORGED)
        expires_at = _EXPIRY.unpack_from(plain)[0] / 1000
        if self._clock() >= expires_at:
            return SealRefusal(Broken.EXPIRED)
        return Opened(json.loads(plain[_EXPIRY.size :]), expires_at)

    def _decode(self, text: str) -> bytes | SealRefusal:
        if len(text) > self._max:
            return SealRefusal(Broken.TOO_LONG)
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return SealRefusal(Broken.MALFORMED)
        # The lenient decoder skips foreign characters and spare bits: one token must have one spelling.
        if urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
            return SealRefusal(Broken.MALFORMED)
        if len(raw) < _HEAD.size + _NONCE + _EXPIRY.size + _TAG or raw[0] != _VERSION:
            return SealRefusal(Broken.MALFORMED)
        return raw

    def _bound(self, head: bytes, owner: str, binding: bytes) -> bytes:
        return join((head, self.purpose.encode(), owner.encode("utf-8", "surrogatepass"), binding))


def _decrypt(cipher: AESGCM, raw: bytes, bound: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    nonce_end = _HEAD.size + _NONCE
    try:
        return cipher.decrypt(raw[_HEAD.size : nonce_end], raw[nonce_end:], bound)
    except InvalidTag:
        return None


def join(parts: Iterable[bytes]) -> bytes:
    """Join byte strings so that no two lists of parts give the same bytes."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def bind(method: str, params: JSONValue = None) -> bytes:
    """The binding of a request: its method and a digest of its parameters, whatever the order of their keys.

    Raises `TypeError` or `ValueError` when `params` is no JSON value.
    """
    canonical = json.dumps(params, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(join((method.encode("utf-8", "surrogatepass"), canonical.encode()))).digest()
