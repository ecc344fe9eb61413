"""https: the certificate is checked against the name; what cannot be trusted gets no byte of the message."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.transports.client.census import nothing_leaks
from tests.transports.client.hostile import Hostile, event, http, result, stream
from tests.transports.echo import Recorder
from wireproof.schemas.jsonrpc import Result, encode_request
from wireproof.transports.client.carrier import Unreachable
from wireproof.transports.client.http import open_http
from wireproof.transports.client.websocket import open_websocket


def certificate(folder: Path, address: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own for that address, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "both.pem")
    trusting = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return serving, trusting


async def test_calls_go_over_tls_and_connections_are_kept(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "127.0.0.1")
    answers = (http("200 OK", result(1).encode()), http("200 OK", result(2).encode()), stream(event(result(3))))
    async with nothing_leaks(), Hostile(*answers).listening(serving) as server:
        carrier = await open_http(server.url, Recorder, trust=trusting)
        for number in (1, 2, 3):
            answered = await carrier.ask(number, encode_request(number, "x", {}))
            assert answered.message == Result(number, {})
        assert server.connections == 1
        await carrier.aclose()


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path, "127.0.0.1")
    async with nothing_leaks(), Hostile(http("200 OK", result(1).encode())).listening(serving) as server:
        carrier = await open_http(server.url, Recorder)
        with pytest.raises(Unreachable, match="no TLS that can be trusted"):
            await carrier.ask(1, encode_request(1, "x", {}))
        await carrier.aclose()
        with pytest.raises(Unreachable):
            await open_websocket(server.url.replace("https", "wss"), Recorder)
        assert server.seen == []


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "127.0.0.2")
    async with nothing_leaks(), Hostile(http("200 OK", result(1).encode())).listening(serving) as server:
        carrier = await open_http(server.url, Recorder, trust=trusting)
        with pytest.raises(Unreachable, match="no TLS that can be trusted"):
            await carrier.ask(1, encode_request(1, "x", {}))
        await carrier.aclose()
        assert server.seen == []
