"""The browser's way: a callback server on the loopback that takes one answer and is not confused by visitors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from wireproof.auth import AuthorizationCode, BrowserAgent, GuardedFetcher, NobodyAnswered, OAuthClient, Rules

from .authority import call, pair


def browser(visit: Callable[[str], Awaitable[None]], **options: float) -> BrowserAgent:
    """A browser that is a coroutine; it runs beside, as a real one does."""
    tasks: list[asyncio.Task[None]] = []

    async def open_page(url: str) -> None:
        tasks.append(asyncio.create_task(visit(url)))

    agent = BrowserAgent(opener=open_page, **options)  # type: ignore[arg-type]
    agent.tasks = tasks  # type: ignore[attr-defined]
    return agent


async def follow(url: str) -> None:
    """What a user does: look at the page, be sent back."""
    answer = await GuardedFetcher(Rules(loopback=True, redirects=3)).get(url)
    assert answer.status == 200
    assert b"Thank you" in answer.body
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "no-store"


async def raw(port: int, data: bytes, *, read: bool = True) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        return await reader.read() if read else b""
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_user_with_a_browser_gets_through_and_the_listener_is_gone_afterwards() -> None:
    async with pair() as (authority, server):
        agent = browser(follow)
        auth = OAuthClient(server.url, grant=AuthorizationCode(agent))
        assert (await call(auth, server.url)).status == 200
        await asyncio.gather(*agent.tasks)  # type: ignore[attr-defined]
        uri = authority.at("/authorize")[0].query["redirect_uri"]
        port = int(uri.split(":")[2].split("/")[0])
        assert uri == f"http://127.0.0.1:{port}/callback"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await auth.aclose()


async def test_a_second_authorization_uses_the_registered_port_again() -> None:
    async with pair() as (authority, server):
        auth = OAuthClient(server.url, grant=AuthorizationCode(browser(follow)))
        await call(auth, server.url)
        server.revoked = set(authority.tokens)
        assert (await call(auth, server.url)).status == 200
        assert len({one.query["redirect_uri"] for one in authority.at("/authorize")}) == 1
        assert len(authority.at("/register")) == 1


VISITS = {
    "no state": b"GET /callback?code=evil HTTP/1.1\r\n\r\n",
    "another state": b"GET /callback?code=evil&state=x HTTP/1.1\r\n\r\n",
    "an error without a state": b"GET /callback?error=access_denied HTTP/1.1\r\n\r\n",
    "another path": b"GET /favicon.ico HTTP/1.1\r\n\r\n",
    "a POST": b"POST /callback?code=evil&state=x HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\r\n\r\n",
    "an endless header": b"GET /callback HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n",
    "half a request": b"GET /callb",
    "nothing": b"",
}


@pytest.mark.parametrize("visit", VISITS)
async def test_a_strangers_visit_changes_nothing(visit: str) -> None:
    async def disturbed(url: str) -> None:
        from urllib.parse import parse_qs, urlsplit

        port = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port or 0
        answer = await raw(port, VISITS[visit], read=visit not in ("half a request", "nothing"))
        assert b"Thank you" not in answer
        assert b"evil" not in answer
        await follow(url)

    async with pair() as (authority, server):
        agent = browser(disturbed)
        assert (await call(OAuthClient(server.url, grant=AuthorizationCode(agent)), server.url)).status == 200
        await asyncio.gather(*agent.tasks)  # type: ignore[attr-defined]
        assert len(authority.at("/token")) == 1


async def test_an_answer_counts_once() -> None:
    pages: list[bytes] = []

    async def twice(url: str) -> None:
        answer = await GuardedFetcher(Rules(loopback=True)).get(url)
        where = answer.headers["location"]
        port = int(where.split(":")[2].split("/")[0])
        request = f"GET {where.partition(str(port))[2]} HTTP/1.1\r\n\r\n".encode()
        pages.extend(await asyncio.gather(raw(port, request), raw(port, request)))

    async with pair() as (authority, server):
        agent = browser(twice)
        await call(OAuthClient(server.url, grant=AuthorizationCode(agent)), server.url)
        await asyncio.gather(*agent.tasks, return_exceptions=True)  # type: ignore[attr-defined]
        assert len([page for page in pages if b"Thank you" in page]) <= 1
        assert len(authority.at("/token")) == 1


async def test_a_user_who_does_not_answer_is_not_waited_for_for_ever() -> None:
    async def nobody(url: str) -> None:
        return None

    async with pair() as (_, server):
        with pytest.raises(NobodyAnswered, match=r"within 0\.2 s; try again"):
            await call(OAuthClient(server.url, grant=AuthorizationCode(browser(nobody, seconds=0.2))), server.url)


async def test_too_many_visitors_are_sent_away() -> None:
    agent = BrowserAgent(opener=lambda _: asyncio.sleep(0))
    uri = await agent.prepare(())
    port = int(uri.split(":")[2].split("/")[0])
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(16)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    for _, each in [*idle, (reader, writer)]:
        each.close()
    await agent.aclose()


async def test_a_port_that_is_taken_is_named() -> None:
    other = BrowserAgent(opener=lambda _: asyncio.sleep(0))
    port = int((await other.prepare(())).split(":")[2].split("/")[0])
    with pytest.raises(NobodyAnswered, match=f"port {port}"):
        await BrowserAgent(port=port).prepare(())
    await other.aclose()


async def test_the_browser_is_opened_without_a_shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import webbrowser

    from wireproof.auth.oauth.agents import open_browser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    await open_browser("https://as.example/authorize?x=1")
    assert opened == ["https://as.example/authorize?x=1"]
    shown = capsys.readouterr()
    assert (shown.out, "https://as.example/authorize?x=1" in shown.err) == ("", True)
