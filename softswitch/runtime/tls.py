"""TLS contexts for SIP and HTTP: TLS 1.2 and above, optional client certificates, reload without restart.

Server certificates of peers are checked against the domain of the URI (RFC 5922 §7), not the address dialled.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Where the key material is; `authorities` verifies what peers show, `require_client_certificate` makes them."""

    certificate: Path | None = None
    private_key: Path | None = None
    authorities: Path | None = None
    require_client_certificate: bool = False
    verify_servers: bool = True


class TlsContexts:
    """The pair of contexts of one listener; `reload` changes them for later handshakes. Raises OSError, SSLError."""

    def __init__(self, settings: TlsSettings) -> None:
        self.settings = settings
        self.server = _server_context(settings) if settings.certificate else None
        self.client = _client_context(settings)

    def reload(self) -> None:
        """Read certificate and key again. The old pair stays in force when the new one does not load."""
        settings = self.settings
        if settings.certificate is None:
            return
        _server_context(settings)
        for context in (self.server, self.client):
            if context is not None:
                context.load_cert_chain(settings.certificate, settings.private_key)


def _server_context(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.private_key)
    if settings.authorities is not None:
        context.load_verify_locations(settings.authorities)
        context.verify_mode = ssl.CERT_REQUIRED if settings.require_client_certificate else ssl.CERT_OPTIONAL
    elif settings.require_client_certificate:
        raise ValueError("a client certificate is required but no authorities are named to verify it with")
    return context


def _client_context(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.verify_servers:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.authorities is not None:
        context.load_verify_locations(settings.authorities)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.private_key)
    return context
