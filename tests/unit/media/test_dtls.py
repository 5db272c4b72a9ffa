"""DTLS for SRTP: two of ours agree on keys, over a path that loses, and refuse who is not who was signalled."""

from __future__ import annotations

import datetime

import pytest

from softswitch.media.transport.dtls import DtlsCertificate, DtlsTransport, context, matches

pytest.importorskip("OpenSSL")
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
OURS, THEIRS = DtlsCertificate.generate(NOW), DtlsCertificate.generate(NOW)
Pair = tuple[DtlsTransport, DtlsTransport]


def pair(*, known_as: tuple[str, bytes] = OURS.fingerprint) -> Pair:
    client = DtlsTransport(context(OURS), client=True, fingerprints=[THEIRS.fingerprint])
    server = DtlsTransport(context(THEIRS), client=False, fingerprints=[known_as])
    return client, server


def shake(client: DtlsTransport, server: DtlsTransport) -> None:
    client.start()
    for _ in range(8):
        for datagram in client.datagrams_to_send():
            assert len(datagram) <= 1200, f"a datagram of {len(datagram)} octets may not fit the path"
            server.receive_datagram(datagram)
        for datagram in server.datagrams_to_send():
            client.receive_datagram(datagram)


def test_both_sides_have_the_same_keys_the_other_way_round() -> None:
    client, server = pair()
    shake(client, server)
    assert client.keys is not None
    assert server.keys is not None
    assert client.keys.profile == server.keys.profile == "AEAD_AES_128_GCM"
    assert client.keys.local_master_key == server.keys.remote_master_key
    assert client.keys.local_master_salt == server.keys.remote_master_salt
    assert client.keys.remote_master_key == server.keys.local_master_key
    assert client.keys.local_master_key != client.keys.remote_master_key
    assert len(client.keys.local_master_salt) == 12


def test_another_certificate_than_the_one_signalled_is_refused() -> None:
    client, server = pair(known_as=("sha-256", bytes(32)))
    shake(client, server)
    assert server.keys is None
    assert "fingerprint" in server.failed


def test_only_strong_hashes_count() -> None:
    from cryptography.hazmat.primitives import hashes

    sha1 = OURS.certificate.fingerprint(hashes.SHA1())
    assert not matches(OURS.certificate, [("sha-1", sha1)])
    assert matches(OURS.certificate, [("sha-1", sha1), ("sha-512", OURS.certificate.fingerprint(hashes.SHA512()))])
    assert not matches(OURS.certificate, [])


def test_garbage_does_not_end_a_handshake() -> None:
    client, server = pair()
    server.receive_datagram(b"\x16\xfe\xff" + bytes(40))
    server.receive_datagram(b"\x14")
    shake(client, server)
    assert server.keys is not None, f"garbage before the handshake should be passed over, it said {server.failed!r}"


def test_a_goodbye_is_heard() -> None:
    client, server = pair()
    shake(client, server)
    client.close()
    for datagram in client.datagrams_to_send():
        server.receive_datagram(datagram)
    assert server.closed


def test_a_lost_flight_is_to_be_repeated_after_a_while() -> None:
    client, _ = pair()
    client.start()
    assert client.datagrams_to_send()
    assert client.timeout_s is not None
    assert 0 < client.timeout_s <= 1.0, "RFC 6347 §4.2.4.1: the first repetition comes after a second"
