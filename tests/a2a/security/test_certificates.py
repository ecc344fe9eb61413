"""A client certificate over real TLS says who calls."""

from __future__ import annotations

import datetime

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.a2a.security.test_schemes import agent, sending
from wireproof.a2a.bindings.grpc.conversion import to_document, to_message
from wireproof.a2a.bindings.grpc.descriptors import schemas
from wireproof.a2a.bindings.grpc.server import GRPCOptions, serving
from wireproof.a2a.security import MutualTLS, Shown
from wireproof.schemas.caller import Principal

Pair = tuple[bytes, bytes]


def issue(name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None) -> tuple[Pair, tuple]:
    """A key and a certificate for `name`, as PEM and as objects; its own authority without an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer[0].subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key if issuer is None else issuer[1], hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (pem, made.public_bytes(serialization.Encoding.PEM)), (made, key)


async def by_common_name(shown: Shown) -> Principal | None:
    names = (shown.tls or {}).get("x509_common_name")
    return Principal(names[0].decode(), "pki") if isinstance(names, list | tuple) and names else None


@pytest.mark.parametrize("shows", [True, False], ids=["with", "without"])
async def test_a_grpc_caller_is_who_its_certificate_names_and_nobody_without_one(shows: bool) -> None:
    (_, root), authority = issue("authority")
    server, _ = issue("localhost", authority)
    client, _ = issue("ada", authority)
    credentials = grpc.ssl_server_credentials([server], root, require_client_auth=False)
    asking = grpc.ssl_server_credentials([server], root, require_client_auth=True)
    made = agent({"cert": MutualTLS(by_common_name)})
    schema = next(each for each in schemas() if each.version == "1.0")
    row = schema.rpcs["SendMessage"]
    async with serving(made.core, GRPCOptions(credentials=asking if shows else credentials)) as port:
        pair = {"private_key": client[0], "certificate_chain": client[1]} if shows else {}
        channel_credentials = grpc.ssl_channel_credentials(root, **pair)
        async with grpc.aio.secure_channel(f"localhost:{port}", channel_credentials) as channel:
            call = channel.unary_unary(f"/{schema.service}/SendMessage")
            body = to_message(schema, row.request, sending()["params"]).SerializeToString()
            if not shows:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await call(body, metadata=(("a2a-version", "1.0"),), timeout=10)
                assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
                return
            message = schema.new(row.response)
            message.ParseFromString(await call(body, metadata=(("a2a-version", "1.0"),), timeout=10))
    said = to_document(schema, row.response, message)
    assert said["task"]["artifacts"][0]["parts"][0]["text"] == "ada"
