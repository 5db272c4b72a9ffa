"""The self-signed certificate is made once, kept, and renewed in time."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from softswitch.config.certificate import RENEWAL, VALIDITY, ensure_certificate, expiry

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_made_once_and_usable_for_tls(tmp_path: Path) -> None:
    certificate, key = ensure_certificate(tmp_path / "data", now=datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    before = certificate.read_bytes()
    assert ensure_certificate(tmp_path / "data") == (certificate, key)
    assert certificate.read_bytes() == before, "a valid certificate must be kept: phones may have it pinned"


def test_key_is_for_its_owner_only(tmp_path: Path) -> None:
    _, key = ensure_certificate(tmp_path, now=NOW)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_peer_that_trusts_it_accepts_name_and_address(tmp_path: Path) -> None:
    certificate, key = ensure_certificate(tmp_path, ["sip.example.com", "127.0.0.1", "::1"], datetime.now(UTC))
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(certificate))
    server.load_cert_chain(certificate, key)
    for host in ("sip.example.com", "127.0.0.1", "::1"):
        assert shake_hands(server, client, host), f"the certificate should be good for {host}"


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bool:
    """A TLS handshake in memory."""
    upward, downward = ssl.MemoryBIO(), ssl.MemoryBIO()
    peers = [
        client.wrap_bio(downward, upward, server_hostname=host),
        server.wrap_bio(upward, downward, server_side=True),
    ]
    for _ in range(6):
        for peer in list(peers):
            try:
                peer.do_handshake()
                peers.remove(peer)
            except ssl.SSLWantReadError:
                continue
    return not peers


def test_renewed_before_it_expires(tmp_path: Path) -> None:
    certificate, _ = ensure_certificate(tmp_path, now=NOW)
    assert expiry(certificate) == NOW + VALIDITY
    before = certificate.read_bytes()
    ensure_certificate(tmp_path, now=NOW + VALIDITY - RENEWAL - timedelta(days=1))
    assert certificate.read_bytes() == before
    ensure_certificate(tmp_path, now=NOW + VALIDITY - RENEWAL + timedelta(days=1))
    assert certificate.read_bytes() != before


def test_renewed_for_another_host_or_when_damaged(tmp_path: Path) -> None:
    certificate, key = ensure_certificate(tmp_path, ["127.0.0.1"], NOW)
    before = certificate.read_bytes()
    ensure_certificate(tmp_path, ["127.0.0.1", "192.0.2.7"], NOW)
    assert certificate.read_bytes() != before
    certificate.write_text("damaged")
    ensure_certificate(tmp_path, ["127.0.0.1"], NOW)
    assert certificate.read_text().startswith("-----BEGIN CERTIFICATE-----")
    key.unlink()
    ensure_certificate(tmp_path, ["127.0.0.1"], NOW)
    assert key.is_file()
