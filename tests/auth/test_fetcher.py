"""The guarded fetcher dials what it classified, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.auth.addresses import BadURL, Reach, classify, read_url
from wireproof.auth.fetcher import (
    Ask,
    Blocked,
    FetchError,
    GuardedFetcher,
    Rules,
    TooBig,
    TooManyRedirects,
    TooSlow,
    Unreachable,
    form,
)

from .peers import Recorder, http, make_certificate, recorder, watching_sockets

LOOPBACK = Rules(loopback=True, seconds=5)


def words(text: str) -> list[str]:
    return text.split()


INTERNAL_V4 = words(
    """0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3
127.255.255.254 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 168.63.129.16"""
)

INTERNAL_V6 = words(
    """:: ::1 ::2 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::127.0.0.1 ::10.0.0.1
::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 64:ff9b:1::808:808 100::1 100:0:0:1::1
2001::1 2001:0:7f00:1::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe::1 2002:808:808::1 3fff::1 3fff:fff::1 5f00::1 fc00::1 fd00::1
fd00:ec2::254 fdff:ffff::1 fe80::1 fe80::a9fe:a9fe fec0::1 feff::1 ff02::1 ff0e::1 4000::1 8000::1
2606:4700::5efe:7f00:1 2606:4700::5efe:a00:1 2606:4700::200:5efe:a00:1 2606:4700::5efe:808:808"""
)

WEIRD_HOSTS = words(
    """127.1 127.0.1 127 0 1 2130706433 017700000001 0x7f000001 0x7f.1 0x7F.0.0.1 0177.0.0.1 0177.1 127.0.0.1.
127.0.0.01 127.0.0.0x1 010.0.0.1 10.1 0xa.1 0xa000001 167772161 3232235521 192.168.1 169.254.43518 0xa9fea9fe 2852039166
0251.0376.0251.0376 127.0.0.1.0 1.2.3.4.5 256.1.1.1 1.2.3.256 999999999999 0x 0x.0x 1.0x foo.1 foo.0x7f a.b.09 00000177.0.0.1
8.8.8 134744072 010.8.8.8"""
)

BAD_URLS = [
    "", " ", "/", "//example.com/", "example.com", "mailto:a@example.com", "file:///etc/passwd", "ftp://example.com/",
    "gopher://127.0.0.1:25/x", "javascript:alert(1)", "data:text/plain,x", "vbscript:x", "ws://example.com/", "HTTPS:example.com",
    "https:///", "https://", "https://:443/", "https://?x", "https://#x", "https://user@example.com/", "https://user:pass@example.com/",
    "https://example.com@127.0.0.1/", "https://127.0.0.1@example.com/", "https://@example.com/", "https://example.com:/", "https://example.com:0/",
    "https://example.com:65536/", "https://example.com:-1/", "https://example.com:80x/", "https://example.com:٤٤٣/", "https://exa mple.com/",
    "https://example.com\\@127.0.0.1/", "https://example.com\\.evil.test/", "https:\\\\example.com/", "https://example.com/a b", "https://example.com/\r\nX: y",
    "https://example.com/\x00", "\thttps://example.com/", "https://example.com/\x7f", "https://ⓔxample.com/", "https://example。com/", "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/", "https://localhost％2f/", "https://%31%32%37.0.0.1/", "https://127.0.0.1%2f@example.com/", "https://example.com%00.evil.test/",
    "https://[::1%25lo]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1/", "https://::1/", "https://[127.0.0.1]/", "https://[v1.x]/",
    "https://[::ffff:7f00:1%1]/", "https://-example.com/", "https://example-.com/", "https://example..com/", "https://.example.com/", "https://" + "a" * 64 + ".com/",
    "https://" + "a." * 140 + "com/", "https://exa_mple!.com/", "https://example.com,127.0.0.1/", "https://example.com;x/", "https://a'b.com/", "https://(x).com/",
    "https://example.com/" + "a" * 9000, "https://<script>/", "https://example.com/`id`", "https://example.com/{x}", "https://$(id).com/", "https://*.example.com/",
]  # fmt: skip

SAFE = {"1.1.1.1", "8.8.8.8", "93.184.216.34", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.1", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255", "2606:4700::1111",
        "2a00:1450::1", "2620:fe::fe", "64:ff9b::808:808", "2001:4860:4860::8888"}  # fmt: skip


def scripted(*addresses: str):
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


HOSTILE: list[tuple[str, tuple[str, ...]]] = [
    *((f"https://{address}/", ()) for address in INTERNAL_V4),
    *((f"https://[{address}]/", ()) for address in INTERNAL_V6),
    *((f"https://{host}/", ("93.184.216.34",)) for host in WEIRD_HOSTS),
    *((url, ("93.184.216.34",)) for url in BAD_URLS),
    *((f"https://rebinding-{n}.example/", (address,)) for n, address in enumerate([*INTERNAL_V4, *INTERNAL_V6])),
    *(
        (f"https://two-{n}.example/", ("93.184.216.34", address))
        for n, address in enumerate([*INTERNAL_V4, *INTERNAL_V6])
    ),
    *((f"https://first-{n}.example/", (address, "93.184.216.34")) for n, address in enumerate(INTERNAL_V4)),
    *(
        (f"https://[2606:4700::{iid}:{ipaddress.IPv4Address(v4)}]/", ())
        for v4 in INTERNAL_V4
        for iid in ("5efe", "200:5efe")
    ),
    *(
        ("https://hidden.example/", (f"{prefix}{v4}",))
        for v4 in INTERNAL_V4
        for prefix in ("::ffff:", "64:ff9b::", "::")
    ),
    ("https://zone.example/", ("fe80::1%eth0",)),
    ("https://zone2.example/", ("2606:4700::1%1",)),
    ("https://nonsense.example/", ("not an address",)),
    ("https://weird.example/", ("0x7f.1",)),
    ("http://example.com/", ("93.184.216.34",)),
    ("https://localhost/", ("127.0.0.1",)),
    ("https://localhost./", ("127.0.0.1",)),
    ("https://ip6-localhost/", ("::1",)),
]


def test_the_hostile_table_is_long_enough() -> None:
    assert len(HOSTILE) >= 500


@pytest.mark.parametrize(
    "rules", [Rules(), Rules(redirects=5), Rules(networks=("10.99.0.0/16",))], ids=["plain", "redirects", "a network"]
)
async def test_no_hostile_target_is_ever_dialled(rules: Rules) -> None:
    with watching_sockets() as seen:
        for url, addresses in HOSTILE:
            with pytest.raises(FetchError) as caught:
                await GuardedFetcher(rules, resolver=scripted(*addresses)).fetch(Ask("POST", url, body=b"secret"))
            assert isinstance(caught.value, Blocked), url
    assert seen == []


async def test_with_loopback_allowed_everything_else_internal_stays_closed() -> None:
    loops = {"127.0.0.1", "127.1.2.3", "127.255.255.254", "::1"}
    with watching_sockets() as seen:
        for address in [*INTERNAL_V4, *INTERNAL_V6]:
            if address not in loops:
                for scheme in ("http", "https"):
                    with pytest.raises(Blocked):
                        await GuardedFetcher(LOOPBACK, resolver=scripted(address)).get(f"{scheme}://name.example/")
        with pytest.raises(Blocked, match="not https"):
            await GuardedFetcher(LOOPBACK, resolver=scripted("93.184.216.34")).get("http://example.com/")
        with pytest.raises(Blocked):
            await GuardedFetcher(LOOPBACK, resolver=scripted("127.0.0.1", "10.0.0.1")).get("http://localhost/")
    assert seen == []


@pytest.mark.parametrize("address", sorted(SAFE))
def test_public_addresses_are_public(address: str) -> None:
    assert classify(address) is Reach.PUBLIC


@given(st.ip_addresses(v=4))
def test_nothing_that_the_standard_library_calls_private_is_public(address: ipaddress.IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert classify(str(address)) is not Reach.PUBLIC
        for form_ in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
            assert classify(form_) is not Reach.PUBLIC


@given(st.ip_addresses(v=6))
def test_the_same_for_ipv6(address: ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert classify(str(address)) is not Reach.PUBLIC


@given(st.text(max_size=60) | st.from_regex(r"https?://[^ ]{0,30}", fullmatch=True))
def test_any_text_is_a_target_or_a_typed_refusal(text: str) -> None:
    try:
        target = read_url(text)
    except BadURL:
        return
    assert target.scheme in ("http", "https")
    assert target.host
    assert 0 < target.port < 65536


GOOD_URLS = {
    "https://example.com": ("example.com", 443, "/", "https://example.com"),
    "HTTPS://EXAMPLE.com:443/A?b=c#d": ("example.com", 443, "/A?b=c", "https://example.com"),
    "http://localhost:8000/mcp": ("localhost", 8000, "/mcp", "http://localhost:8000"),
    "https://[2606:4700:0::1111]:8443/?": ("2606:4700::1111", 8443, "/", "https://[2606:4700::1111]:8443"),
    "https://xn--bcher-kva.example/%20": ("xn--bcher-kva.example", 443, "/%20", "https://xn--bcher-kva.example"),
    "https://3com.com/": ("3com.com", 443, "/", "https://3com.com"),
}


@pytest.mark.parametrize("url", GOOD_URLS)
def test_good_urls_are_read(url: str) -> None:
    target = read_url(url)
    assert (target.host, target.port, target.path, target.origin) == GOOD_URLS[url]


async def test_the_name_is_resolved_once_and_the_classified_address_is_dialled() -> None:
    answers = [("127.0.0.1",), ("10.0.0.1",)]

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    async with recorder() as peer:
        with watching_sockets() as seen:
            await GuardedFetcher(LOOPBACK, resolver=rebinding).get(f"http://rebind.example:{peer.port}/x")
        assert seen == [("socket.connect", ("127.0.0.1", peer.port))]
        assert answers == [("10.0.0.1",)]
        assert f"host: rebind.example:{peer.port}".encode() in peer.requests[0].lower()


async def test_a_post_arrives_with_its_body_and_headers_and_the_answer_comes_back_whole() -> None:
    async with recorder(lambda _: http(201, b'{"a": 1}', x_one="1")) as peer:
        ask = Ask(
            "POST",
            f"http://127.0.0.1:{peer.port}/hook?q=1",
            {"Authorization": "Bearer t", "content-type": "application/json"},
            b'{"x": 2}',
        )
        answer = await GuardedFetcher(LOOPBACK).fetch(ask)
    assert (answer.status, answer.json, answer.headers["x-one"]) == (201, {"a": 1}, "1")
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?q=1 HTTP/1.1\r\n")
    assert b"authorization: Bearer t" in head
    assert body == b'{"x": 2}'
    assert "Bearer" not in repr(ask)
    assert "a" not in repr(answer).partition("bytes")[2]


async def test_a_form_is_encoded() -> None:
    async with recorder() as peer:
        await GuardedFetcher(LOOPBACK).fetch(
            form(f"http://127.0.0.1:{peer.port}/token", {"resource": "https://a/b c", "x": "é"})
        )
    assert peer.requests[0].endswith(b"resource=https%3A%2F%2Fa%2Fb+c&x=%C3%A9")


async def test_a_second_address_is_tried_when_the_first_refuses() -> None:
    async with recorder() as peer:
        answer = await GuardedFetcher(LOOPBACK, resolver=scripted("127.0.0.2", "127.0.0.1")).get(
            f"http://x.example:{peer.port}/"
        )
    assert answer.status == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "x-gzip", "identity"])
async def test_codings_are_taken_off(coding: str) -> None:
    plain = b'{"a": "' + b"x" * 50_000 + b'"}'
    body = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)(plain)
    async with recorder(lambda _: http(body=body, content_encoding=coding)) as peer:
        assert (await GuardedFetcher(LOOPBACK).get(f"http://127.0.0.1:{peer.port}/")).body == plain


async def endless(_: bytes) -> bytes:
    await asyncio.Event().wait()
    return b""


BROKEN = {
    "a body over the cap": (lambda _: http(body=b"x" * 2001), TooBig),
    "a body over the cap without a length": (lambda _: b"HTTP/1.1 200 X\r\n\r\n" + b"x" * 100_000, TooBig),
    "a gzip bomb": (lambda _: http(body=gzip.compress(b"x" * 50_000_000), content_encoding="gzip"), TooBig),
    "a broken gzip body": (lambda _: http(body=b"nonsense", content_encoding="gzip"), Unreachable),
    "an unknown coding": (lambda _: http(body=b"x", content_encoding="br"), Unreachable),
    "a nested coding": (lambda _: http(body=b"x", content_encoding="gzip, gzip"), Unreachable),
    "half a body": (lambda _: b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nhalf", Unreachable),
    "no HTTP": (lambda _: b"SSH-2.0-x\r\n", Unreachable),
    "nothing": (lambda _: b"", Unreachable),
    "endless headers": (lambda _: b"HTTP/1.1 200 X\r\n" + b"x: y\r\n" * 100_000, Unreachable),
    "silence": (endless, TooSlow),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
async def test_a_bad_answer_ends_in_its_typed_error(case: str) -> None:
    answer, error = BROKEN[case]
    async with recorder(answer) as peer:
        with pytest.raises(error) as caught:
            await GuardedFetcher(Rules(loopback=True, body=2000, seconds=0.5 if error is TooSlow else 10)).get(
                f"http://127.0.0.1:{peer.port}/"
            )
        assert type(caught.value) is error
        assert caught.value.url == f"http://127.0.0.1:{peer.port}/"


async def test_a_slow_drip_ends_at_the_total_time() -> None:
    cut = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            cut.set()
        finally:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        with pytest.raises(TooSlow):
            await GuardedFetcher(Rules(loopback=True, seconds=0.3)).get(
                f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            )
        async with asyncio.timeout(5):
            await cut.wait()


async def test_nobody_listening_is_unreachable() -> None:
    async with recorder() as peer:
        port = peer.port
    with pytest.raises(Unreachable):
        await GuardedFetcher(LOOPBACK).get(f"http://127.0.0.1:{port}/")


async def test_a_name_without_an_address_is_unreachable() -> None:
    async def none(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    with pytest.raises(Unreachable):
        await GuardedFetcher(resolver=none).get("https://example.com/")
    with pytest.raises(Unreachable):
        await GuardedFetcher(resolver=scripted()).get("https://example.com/")


async def test_redirects_are_answers_unless_they_are_asked_for() -> None:
    async with recorder(lambda _: http(302, location="http://127.0.0.1:1/")) as peer:
        answer = await GuardedFetcher(LOOPBACK).get(f"http://127.0.0.1:{peer.port}/")
    assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:1/")


INWARD = ["http://10.0.0.1/", "https://169.254.169.254/latest/", "//192.168.0.1/", "http://[::ffff:a00:1]/", "file:///etc/passwd", "javascript:x",
          "http://0x7f.1/", "https://user@example.com/", "http://internal.example/", "gopher://127.0.0.1/"]  # fmt: skip


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", INWARD)
async def test_a_redirect_inward_is_blocked_before_it_is_dialled(where: str, status: int) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ("10.0.0.9",) if host == "internal.example" else ("127.0.0.1",)

    async with recorder(lambda _: http(status, location=where)) as peer:
        with watching_sockets() as seen, pytest.raises(Blocked):
            await GuardedFetcher(Rules(loopback=True, redirects=3), resolver=resolve).get(
                f"http://start.example:{peer.port}/"
            )
    assert seen == [("socket.connect", ("127.0.0.1", peer.port))]


async def test_a_chain_of_redirects_ends_at_its_limit() -> None:
    async with recorder(lambda _: http(302, location="/again")) as peer:
        with pytest.raises(TooManyRedirects):
            await GuardedFetcher(Rules(loopback=True, redirects=3)).get(f"http://127.0.0.1:{peer.port}/")
    assert peer.connections == 4


async def test_a_redirect_to_another_origin_takes_no_secret_along() -> None:
    async with (
        recorder() as second,
        recorder(lambda _: http(302, location=f"http://127.0.0.1:{second.port}/b")) as first,
    ):
        ask = Ask(
            "GET",
            f"http://127.0.0.1:{first.port}/",
            {"Authorization": "Bearer secret", "Cookie": "c=1", "X-Key": "k"},
        )
        await GuardedFetcher(Rules(loopback=True, redirects=3)).fetch(ask)
    assert b"secret" in first.requests[0]
    for word in (b"secret", b"cookie", b"x-key"):
        assert word not in second.requests[0].lower()


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_is_never_redirected_to_another_origin(status: int) -> None:
    async with (
        recorder() as second,
        recorder(lambda _: http(status, location=f"http://127.0.0.1:{second.port}/")) as first,
    ):
        with pytest.raises(Blocked, match="another origin"):
            await GuardedFetcher(Rules(loopback=True, redirects=3)).fetch(
                form(f"http://127.0.0.1:{first.port}/", {"code": "c"})
            )
    assert second.connections == 0


async def test_a_post_that_is_redirected_becomes_a_get_without_its_body() -> None:
    def answer(request: bytes) -> bytes:
        return http(303, location="/done") if request.startswith(b"POST") else http()

    async with recorder(answer) as peer:
        await GuardedFetcher(Rules(loopback=True, redirects=1)).fetch(
            form(f"http://127.0.0.1:{peer.port}/", {"code": "c"})
        )
    assert peer.requests[1].startswith(b"GET /done ")
    assert b"code" not in peer.requests[1]


async def test_only_listed_hosts_are_asked() -> None:
    fetcher = GuardedFetcher(Rules(loopback=True, hosts=frozenset({"127.0.0.1"}), redirects=1))
    with watching_sockets() as seen, pytest.raises(Blocked, match="not among the hosts"):
        await fetcher.get("https://example.com/")
    assert seen == []
    async with recorder(lambda _: http(302, location="http://localhost:1/")) as peer:
        with pytest.raises(Blocked, match="not among the hosts"):
            await fetcher.get(f"http://127.0.0.1:{peer.port}/")


async def test_a_listed_internal_network_is_dialled_over_https_alone() -> None:
    rules = Rules(networks=("10.1.0.0/16", "fd00:1::/32"))
    target = read_url("https://corp.example/")
    assert rules.permits(target, "10.1.2.3")
    assert rules.permits(target, "fd00:1::5")
    assert not rules.permits(target, "10.2.0.1")
    assert not rules.permits(read_url("http://corp.example/"), "10.1.2.3")


async def tls_peer(folder: Path, *names: str) -> tuple[Recorder, asyncio.Server, GuardedFetcher]:
    server_context, client_context = make_certificate(folder, *names)
    peer = Recorder(lambda _: http())
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=server_context)
    peer.port = server.sockets[0].getsockname()[1]
    return peer, server, GuardedFetcher(LOOPBACK, resolver=scripted("127.0.0.1"), trust=client_context)


async def test_tls_checks_the_name_although_an_address_is_dialled(tmp_path: Path) -> None:
    peer, server, fetcher = await tls_peer(tmp_path, "good.example")
    async with server:
        assert (await fetcher.get(f"https://good.example:{peer.port}/")).status == 200
        with pytest.raises(Unreachable):
            await fetcher.get(f"https://evil.example:{peer.port}/")
    assert len(peer.requests) == 1


async def test_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    peer, server, _ = await tls_peer(tmp_path, "good.example")
    async with server:
        with pytest.raises(Unreachable):
            await GuardedFetcher(LOOPBACK, resolver=scripted("127.0.0.1")).get(f"https://good.example:{peer.port}/")
    assert peer.requests == []


async def test_https_never_redirects_to_http(tmp_path: Path) -> None:
    server_context, client_context = make_certificate(tmp_path, "good.example")
    async with (
        recorder() as plain,
        recorder(lambda _: http(302, location=f"http://127.0.0.1:{plain.port}/"), tls=server_context) as peer,
    ):
        fetcher = GuardedFetcher(
            Rules(loopback=True, redirects=2), resolver=scripted("127.0.0.1"), trust=client_context
        )
        with pytest.raises(Blocked, match="from https to http"):
            await fetcher.get(f"https://good.example:{peer.port}/")
    assert plain.connections == 0
