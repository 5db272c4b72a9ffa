"""DTLS for SRTP keys (RFC 5764): a handshake over datagrams that somebody else carries, and the keys it agrees on.

The peer is known by the fingerprint of its certificate alone, which came by signalling (RFC 8122, RFC 5763): chains
and names are not looked at. OpenSSL does the protocol, over memory; this module has no socket and no clock. The
library is optional: `usable` tells whether DTLS can be had here.
"""

from __future__ import annotations

import datetime
import hmac
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from softswitch.media.errors import MediaError
from softswitch.media.transport.srtp import SrtpKeys

try:
    from OpenSSL import SSL
except ImportError:  # the switch runs without; secured peers are then refused
    SSL = None  # type: ignore[assignment]  # stands for a module that is not there

_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"
#: use_srtp profiles, best first: (OpenSSL's name, ours of RFC 4568/7714, octets of key and salt).
_PROFILES: Final = (
    (b"SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM", 16, 12),
    (b"SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM", 32, 12),
    (b"SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80", 16, 14),
)
_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha-256": hashes.SHA256,
    "sha-384": hashes.SHA384,
    "sha-512": hashes.SHA512,
}
#: Datagrams of a flight are no longer than this (RFC 8261 speaks of 1200 octets as safe).
_MTU: Final = 1200
_RECORD_HEADER: Final = 13
_WAITING: Final = 64
_DAYS: Final = 3650


def usable() -> str:
    """Why there is no DTLS here, empty when there is."""
    return "" if SSL is not None else "DTLS-SRTP needs the package pyOpenSSL (pip install pyOpenSSL)"


@dataclass(frozen=True, slots=True)
class DtlsCertificate:
    """Our key and its certificate, signed by itself; `fingerprint` is what peers are told of it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def generate(cls, now: datetime.datetime, name: str = "softswitch") -> DtlsCertificate:
        """A new ECDSA P-256 key (RFC 8827 §6.5) with a certificate valid from a day before `now`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @property
    def fingerprint(self) -> tuple[str, bytes]:
        """Hash name and digest, for ``a=fingerprint``."""
        return "sha-256", self.certificate.fingerprint(hashes.SHA256())


def matches(certificate: x509.Certificate, fingerprints: Iterable[tuple[str, bytes]]) -> bool:
    """Whether one of the fingerprints a peer signalled is that of the certificate it shows; weak hashes count not."""
    found = False
    for name, digest in fingerprints:
        algorithm = _HASHES.get(name)
        if algorithm is not None:
            found |= hmac.compare_digest(certificate.fingerprint(algorithm()), digest)
    return found


def context(certificate: DtlsCertificate) -> Any:
    """What all handshakes of a switch share; raises MediaError without the library."""
    if SSL is None:
        raise MediaError(usable())
    made = SSL.Context(SSL.DTLS_METHOD)
    made.use_certificate(certificate.certificate)
    made.use_privatekey(certificate.key)
    made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    made.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES")
    made.set_tlsext_use_srtp(b":".join(name for name, *_ in _PROFILES))
    return made


class DtlsTransport:
    """One handshake, as client (setup active) or server (passive).

    `keys` are there once it is over, `failed` says why it will never be. Feed `receive_datagram` and `handle_timer`,
    and send what `datagrams_to_send` gives after each.
    """

    def __init__(self, shared: Any, *, client: bool, fingerprints: Sequence[tuple[str, bytes]]) -> None:
        self.client = client
        self.keys: SrtpKeys | None = None
        self.failed = ""
        self.closed = False
        self._fingerprints = tuple(fingerprints)
        self._outgoing: deque[bytes] = deque(maxlen=_WAITING)
        self._connection = SSL.Connection(shared, None)
        self._connection.set_ciphertext_mtu(_MTU)
        if client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def start(self) -> None:
        """Say the first word, if it is ours."""
        if self.client:
            self._advance()

    def receive_datagram(self, data: bytes) -> None:
        """Take one datagram of DTLS records."""
        if self.failed:
            return
        self._connection.bio_write(data)
        if self.keys is None:
            self._advance()
        else:
            self._read()
        self._collect()

    def handle_timer(self) -> None:
        """Repeat the last flight when its time is over (RFC 6347 §4.2.4)."""
        if self.keys is None and not self.failed and self._connection.DTLSv1_get_timeout() == 0.0:
            try:
                self._connection.DTLSv1_handle_timeout()
            except SSL.Error:
                self.failed = "the peer does not answer the DTLS handshake"
            self._collect()

    @property
    def timeout_s(self) -> float | None:
        """How long until the last flight is to be repeated."""
        if self.keys is not None or self.failed:
            return None
        left: float | None = self._connection.DTLSv1_get_timeout()
        return left

    def datagrams_to_send(self) -> list[bytes]:
        """What waits to be sent, in order."""
        waiting = list(self._outgoing)
        self._outgoing.clear()
        return waiting

    def close(self) -> None:
        """Tell the peer that the association ends (close_notify)."""
        if self.keys is not None and not self.failed and not self.closed:
            self.closed = True
            try:
                self._connection.shutdown()
            except SSL.Error:
                return
            self._collect()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            self.failed = f"the DTLS handshake failed: {_reason(error)}"
            return
        finally:
            self._collect()
        self._finish()

    def _finish(self) -> None:
        """The handshake is over: is it the peer that signalling told of, and which keys are ours?"""
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None or not matches(certificate, self._fingerprints):
            self.failed = "the certificate is not the one signalled (fingerprint mismatch)"
            return
        selected = self._connection.get_selected_srtp_profile()
        profile = next((each for each in _PROFILES if each[0] == selected), None)
        if profile is None:
            self.failed = "no SRTP profile in common"
            return
        _, name, key, salt = profile
        material = self._connection.export_keying_material(_EXPORTER, 2 * (key + salt))
        client_key, server_key = material[:key], material[key : 2 * key]
        client_salt, server_salt = material[2 * key : 2 * key + salt], material[2 * key + salt :]
        ours, theirs = (client_key, client_salt), (server_key, server_salt)
        if not self.client:
            ours, theirs = theirs, ours
        self.keys = SrtpKeys(name, *ours, *theirs)

    def _read(self) -> None:
        """After the handshake only alerts, and repetitions of the last flight, are of interest."""
        try:
            self._connection.recv(_MTU)
        except SSL.ZeroReturnError:
            self.closed = True
        except SSL.Error:
            return

    def _collect(self) -> None:
        """Cut what OpenSSL wrote into datagrams of whole records."""
        try:
            data = self._connection.bio_read(1 << 16)
        except SSL.WantReadError:
            return
        datagram = b""
        while data:
            end = _RECORD_HEADER + int.from_bytes(data[11:13], "big")
            if datagram and len(datagram) + end > _MTU:
                self._outgoing.append(datagram)
                datagram = b""
            datagram, data = datagram + data[:end], data[end:]
        self._outgoing.append(datagram)


def _reason(error: Exception) -> str:
    parts = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return parts[0][2] if parts else type(error).__name__
