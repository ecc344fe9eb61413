"""`auth login` by both flows, tokens that go with later calls, and `completion`: a2a-cli specification 0.2, tier 2."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.auth.authority import Seen, answer, read
from tests.auth.peers import recorder
from tests.cli.running import Ran, wireproof
from wireproof.a2a import Agent
from wireproof.a2a.security import OAuth2
from wireproof.auth.verifier import Denied
from wireproof.schemas.caller import Principal
from wireproof.transports.serve import listening

SECRET = "a-secret"


class Authority:
    """A token endpoint and a device endpoint; `script` is what it answers to polls before the token."""

    def __init__(self) -> None:
        self.script: list[str] = []
        self.seen: list[Seen] = []
        self.good: set[str] = set()
        self.lasts: int | None = 3600
        self.device: dict[str, Any] = {"interval": 0}
        self.number = 0

    def serve(self, raw: bytes) -> bytes:
        one = read(raw)
        self.seen.append(one)
        if one.path == "/device":
            code = {"device_code": "dev", "user_code": "ABCD-EFGH", "verification_uri": "https://as.example/device"}
            return answer(200, {**code, "expires_in": 60, **self.device})
        if self.script:
            return answer(400, {"error": self.script.pop(0)})
        if one.form["grant_type"] == "client_credentials":
            pair = base64.b64decode(one.headers.get("authorization", "")[6:]).decode()
            if pair != f"cli:{SECRET}":
                return answer(401, {"error": "invalid_client"})
        self.number += 1
        token = f"token-{self.number}"
        self.good.add(token)
        made = {"access_token": token, "token_type": "Bearer", "refresh_token": f"refresh-{self.number}"}
        return answer(200, made if self.lasts is None else {**made, "expires_in": self.lasts})

    async def verify(self, token: str, *, resource: str) -> Principal | Denied:
        return Principal("ada", "as") if token in self.good else Denied("the access token is not valid")


@contextmanager
def in_a_thread(authority: Authority, flows: list[str]) -> Generator[str]:
    """The agent's URL: it and its authority are served on a loop of their own."""
    loop, ready, box = asyncio.new_event_loop(), threading.Event(), {}

    async def serve() -> None:
        box["end"] = asyncio.Event()
        async with recorder(authority.serve) as peer:
            origin = f"http://127.0.0.1:{peer.port}"
            shown = {
                "deviceCode": {
                    "deviceAuthorizationUrl": f"{origin}/device",
                    "tokenUrl": f"{origin}/token",
                    "scopes": {"a": "A"},
                },
                "clientCredentials": {"tokenUrl": f"{origin}/token", "scopes": {"a": "A"}},
            }
            scheme = OAuth2(authority, {flow: shown[flow] for flow in flows})
            agent = Agent("Locked", security_schemes={"oauth": scheme})

            @agent.skill(tags=["t"])
            def echo(text: str) -> str:
                """Echo."""
                return text

            async with listening(agent.asgi()) as url:
                box["url"] = url
                ready.set()
                await box["end"].wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield box["url"]
    finally:
        loop.call_soon_threadsafe(box["end"].set)
        thread.join(10)
        loop.close()


@pytest.fixture
def authority() -> Authority:
    return Authority()


def log_in(url: str, home: Path, *more: str, **environment: str) -> Ran:
    environment = {"A2ACLI_CLIENT_ID": "cli", "XDG_DATA_HOME": str(home), **environment}
    return wireproof("auth", "login", "-a", url, *more, **environment)


def send(url: str, home: Path, **environment: str) -> Ran:
    return wireproof("send", "-a", url, "hello", "-o", "json", XDG_DATA_HOME=str(home), **environment)


def test_a_device_login_shows_its_code_waits_and_goes_with_later_calls(authority: Authority, tmp_path: Path) -> None:
    authority.script = ["authorization_pending", "authorization_pending"]
    with in_a_thread(authority, ["deviceCode", "clientCredentials"]) as url:
        assert send(url, tmp_path).code != 0
        done = log_in(url, tmp_path)
        assert (done.code, done.fields["Scheme"]) == (0, "oauth")
        assert "open https://as.example/device and enter the code ABCD-EFGH" in done.err
        assert [one.form.get("grant_type", "")[-11:] for one in authority.seen] == ["", *["device_code"] * 3]
        assert {one.form["client_id"] for one in authority.seen} == {"cli"}
        assert authority.seen[0].form["scope"] == "a"
        assert send(url, tmp_path).json["message"]["parts"] == [{"text": "hello"}]
        assert wireproof("auth", "logout", "-a", url, XDG_DATA_HOME=str(tmp_path)).code == 0
        assert send(url, tmp_path).code != 0


def test_what_is_kept_is_for_its_owner_alone_and_never_shown(authority: Authority, tmp_path: Path) -> None:
    with in_a_thread(authority, ["clientCredentials"]) as url:
        done = log_in(url, tmp_path, "-o", "json", A2ACLI_CLIENT_SECRET=SECRET)
        assert done.json["scheme"] == "oauth"
        ran = [done, send(url, tmp_path), wireproof("send", "-a", url, "x", "--debug", XDG_DATA_HOME=str(tmp_path))]
        assert [each.code for each in ran] == [0, 0, 0]
        assert all("token-1" not in each.out + each.err and SECRET not in each.out + each.err for each in ran)
    kept = tmp_path / "wireproof" / "tokens.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert SECRET not in kept.read_text()


def test_a_token_that_ran_out_is_renewed_by_itself(authority: Authority, tmp_path: Path) -> None:
    authority.lasts = 10
    with in_a_thread(authority, ["deviceCode"]) as url:
        assert log_in(url, tmp_path).code == 0
        authority.good.clear()
        assert send(url, tmp_path).code == 0
        assert authority.seen[-1].form["refresh_token"] == "refresh-1"
        authority.script = ["invalid_grant"]
        after = send(url, tmp_path)
        assert after.code != 0
        assert "wireproof auth login" in after.err


REFUSED: dict[str, tuple[list[str], dict[str, str], list[str], str]] = {
    "the user says no": (["deviceCode"], {}, ["access_denied"], "the user said no"),
    "the code runs out": (["deviceCode"], {}, ["expired_token"], "log in again"),
    "no secret": (["clientCredentials"], {}, [], "A2ACLI_CLIENT_SECRET"),
    "a wrong secret": (["clientCredentials"], {"A2ACLI_CLIENT_SECRET": "x"}, [], "invalid_client"),
    "no client": (["deviceCode"], {"A2ACLI_CLIENT_ID": ""}, [], "--client-id"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_login_that_fails_says_why_and_keeps_nothing(authority: Authority, tmp_path: Path, case: str) -> None:
    flows, environment, authority.script, says = REFUSED[case]
    with in_a_thread(authority, flows) as url:
        done = log_in(url, tmp_path, **environment)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err
    kept = tmp_path / "wireproof" / "tokens.json"
    assert not kept.exists() or json.loads(kept.read_text()) == {}


def test_completion_offers_verbs_below_verbs_and_their_options() -> None:
    made = wireproof("completion", "bash").out
    asked = {
        "wireproof ta": ["task"],
        "wireproof task ca": ["cancel"],
        "wireproof task push-config l": ["list"],
        "wireproof send -a host --str": ["--stream"],
        "wireproof repl": ["replay"],
    }
    for line, wanted in asked.items():
        words = line.split(" ")
        listed = " ".join(f"'{word}'" for word in words)
        ask = f"COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _wireproof; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        said = subprocess.run(["bash", "-c", f"{made}\n{ask}"], capture_output=True, text=True, timeout=10, check=True)
        assert said.stdout.split() == wanted, (line, said.stdout)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_is_made_for_other_shells(shell: str) -> None:
    made = wireproof("completion", shell)
    assert made.code == 0
    assert "push-config" in made.out
    assert "complete" in made.out
