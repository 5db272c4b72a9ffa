"""What must not be reachable from outside: demo credentials, missing authentication (checked on valid settings)."""

from __future__ import annotations

import hashlib
import hmac

from softswitch.config.base import is_loopback
from softswitch.config.defaults import DEMO_TOKENS, demo_password
from softswitch.config.models import Settings, ha1_pair
from softswitch.config.references import Report


def check_exposure(settings: Settings, report: Report) -> None:
    """Report published passwords and tokens, and switched-off authentication, on anything but loopback."""
    if settings.loopback_only:
        return
    where = _exposed(settings)
    for index, subscriber in enumerate(settings.subscriber):
        md5, sha256 = ha1_pair(subscriber.number, settings.sip.realm, demo_password(subscriber.number))
        if _same(subscriber.ha1_md5, md5) or _same(subscriber.ha1_sha256, sha256):
            text = f"the demo password is refused because {where} can be reached from outside this machine"
            report(("subscriber", index, "password"), text, "")
    for index, token in enumerate(settings.http.token):
        if any(_same(token.token_sha256, hashlib.sha256(demo.encode()).hexdigest()) for demo in DEMO_TOKENS):
            text = f"a demo token is refused because {where} can be reached from outside this machine"
            report(("http", "token", index, "token"), text, "")
    if not settings.security.authentication and any(not is_loopback(item.address) for item in settings.sip.listen):
        text = f"authentication can be off on loopback only, and {where} can be reached from outside"
        report(("security", "authentication"), text, "")


def _same(stored: str | None, demo: str) -> bool:
    return stored is not None and hmac.compare_digest(stored.encode(), demo.encode())


def _exposed(settings: Settings) -> str:
    for listen in settings.sip.listen:
        if not is_loopback(listen.address):
            return f"listener '{listen.name}' on {listen.address}"
    return f"the HTTP interface on {settings.http.address}"
