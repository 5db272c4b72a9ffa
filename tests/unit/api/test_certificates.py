"""Client certificates that stand for a role, and tokens beside them, over HTTPS."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from softswitch.api.auth import ApiClient
from softswitch.api.server import ApiServer
from softswitch.api.services import ApiServices
from tests.unit.api.conftest import as_role

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(name: str, issuer: Pair | None = None) -> Pair:
    """A certificate for `name`, signed by `issuer` or by itself as an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is None:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        known = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        builder = builder.add_extension(known, critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def write(pair: Pair, folder: Path, name: str) -> tuple[Path, Path]:
    """Certificate and key as PEM files."""
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(pair[0].public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        pair[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@pytest.mark.parametrize(
    ("holder", "token", "status", "role"),
    [
        ("desk-7", "", 200, "dispatcher"),
        ("stranger", "", 401, ""),
        ("", "", 401, ""),
        ("", "viewer", 200, "viewer"),
        ("desk-7", "admin", 200, "admin"),
    ],
)
async def test_certificate_is_mapped_to_its_role(
    services: ApiServices, tmp_path: Path, holder: str, token: str, status: int, role: str
) -> None:
    authority = certificate("authority")
    authority_file, _ = write(authority, tmp_path, "authority")
    own, own_key = write(certificate("localhost", authority), tmp_path, "server")
    services.client_authority = authority_file
    services.clients = lambda: [ApiClient("seven", "dispatcher", "desk-7")]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, own_key)
    server = ApiServer(services)
    _, port = await server.start("127.0.0.1", 0, context)
    try:
        client = ssl.create_default_context(cafile=str(authority_file))
        if holder:
            client.load_cert_chain(*write(certificate(holder, authority), tmp_path, "client"))
        connector = aiohttp.TCPConnector(ssl=client)
        async with aiohttp.ClientSession(f"https://localhost:{port}", connector=connector) as session:
            headers = as_role(token) if token else {}
            async with session.get("/api/v1/system/identity", headers=headers) as response:
                body = await response.json()
        assert (response.status, body.get("role", "")) == (status, role)
    finally:
        await server.close()


async def test_certificate_of_another_authority_is_not_let_in(services: ApiServices, tmp_path: Path) -> None:
    authority, other = certificate("authority"), certificate("authority")
    authority_file, _ = write(authority, tmp_path, "authority")
    own, own_key = write(certificate("localhost", authority), tmp_path, "server")
    services.client_authority = authority_file
    services.clients = lambda: [ApiClient("seven", "dispatcher", "desk-7")]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, own_key)
    server = ApiServer(services)
    _, port = await server.start("127.0.0.1", 0, context)
    try:
        client = ssl.create_default_context(cafile=str(authority_file))
        client.load_cert_chain(*write(certificate("desk-7", other), tmp_path, "client"))
        connector = aiohttp.TCPConnector(ssl=client)
        async with aiohttp.ClientSession(f"https://localhost:{port}", connector=connector) as session:
            with pytest.raises(aiohttp.ClientError):
                async with session.get("/api/v1/system/identity") as response:
                    assert response.status != 200, "a forged certificate was believed"
    finally:
        await server.close()
