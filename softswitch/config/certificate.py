"""A self-signed certificate for TLS on a fresh machine, kept in the data directory."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

CERTIFICATE_NAME = "tls-certificate.pem"
KEY_NAME = "tls-private-key.pem"
VALIDITY = timedelta(days=825)
RENEWAL = timedelta(days=30)


def ensure_certificate(
    directory: str | Path, hosts: Iterable[str] = ("localhost", "127.0.0.1", "::1"), now: datetime | None = None
) -> tuple[Path, Path]:
    """Certificate and key in `directory`; made when missing, unreadable, for other hosts or about to expire.

    `hosts` are names and literal addresses that become subjectAltName (RFC 5922 §7.1). Raises OSError.
    """
    folder = Path(directory)
    certificate, key = folder / CERTIFICATE_NAME, folder / KEY_NAME
    wanted = sorted({host.lower() for host in hosts})
    moment = now or datetime.now(UTC)
    if not (key.is_file() and _serves(certificate, wanted, moment)):
        folder.mkdir(parents=True, exist_ok=True)
        certificate_pem, key_pem = _make(wanted, moment)
        _write(key, key_pem, 0o600)
        _write(certificate, certificate_pem, 0o644)
    return certificate, key


def expiry(certificate: str | Path) -> datetime:
    """When the first certificate of a PEM file expires. Raises OSError, ValueError."""
    from cryptography import x509

    return x509.load_pem_x509_certificate(Path(certificate).read_bytes()).not_valid_after_utc


def _serves(path: Path, hosts: list[str], now: datetime) -> bool:
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    covered = {str(name.value).lower() for name in names}
    return certificate.not_valid_after_utc - RENEWAL > now and covered.issuperset(hosts)


def _make(hosts: list[str], now: datetime) -> tuple[bytes, bytes]:
    """PEM of a P-256 certificate for `hosts` and of its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "softswitch (self-signed)")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key_pem


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write through a new file, so that nobody ever reads half of one or a key with open permissions."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
