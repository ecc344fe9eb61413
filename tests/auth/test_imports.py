"""A server that checks no token pays for none: what the room imports, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

import wireproof.auth

HEAVY = {"cryptography", "joserfc", "httpx2", "httpcore2", "ssl", "keyring", "starlette", "uvicorn"}


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*{{m.split('.')[0] for m in sys.modules}})"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import wireproof.auth",
        "from wireproof.auth import Seal, Keyring, bind",
        "from wireproof.auth import Gate, StaticVerifier, ProtectedResource, JWTVerifier, IssuerKeys, ProofChecker",
        "from wireproof.auth import GuardedFetcher, Rules, Ask",
        "from wireproof.auth import OAuthClient, FileStore, ClientCredentials",
        "from wireproof.auth import GuardedFetcher; GuardedFetcher()",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code: str) -> None:
    loaded = loaded_by(code)
    heavy = HEAVY if "asyncio" not in loaded else HEAVY - {"ssl"}  # asyncio itself loads ssl
    assert loaded & heavy == set()


def test_every_public_name_is_there() -> None:
    for name in wireproof.auth.__all__:
        assert getattr(wireproof.auth, name) is not None
    assert sorted(wireproof.auth.__all__) == wireproof.auth.__all__
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = wireproof.auth.Nothing
