"""What a REGISTER asks for: its contacts with their lifetimes, its path, whether outbound applies; and the settings.

RFC 3261 §10.3 steps 2 and 6, §20.10; RFC 3327 §5.3; RFC 5626 §6. Pure reading: `registrar` decides and keeps. Left out:
GRUU (RFC 5627) and callee capabilities (RFC 3840): such Contact parameters are accepted and not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.flow import NatPolicy
from softswitch.sip.grammar import unquote
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request
from softswitch.sip.uri import SipUri

SUPPORTED: Final = ("path", "outbound")
_SECTION: Final = "RFC 3261 §10.3"
_HOUR: Final = 3600
_FAR: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """Limits and manners of the registrar; times in seconds.

    `contacts_full` says what happens to the contact beyond `max_contacts` of one address-of-record: "refuse" it (403)
    or "replace-oldest". `path`: "strict" refuses a Path that the user agent does not support (420), "lazy" keeps it
    without telling the user agent, "off" ignores it. `replace_instance` lets a contact take the
    place of an older one of the same instance that has no reg-id. `contact_allowed` may forbid contacts (403).
    """

    default_expires: int = 3600
    min_expires: int = 60
    max_expires: int = 7200
    max_contacts: int = 10
    contacts_full: Literal["refuse", "replace-oldest"] = "refuse"
    max_bindings: int = 200_000
    nat: NatPolicy = "auto"
    path: Literal["strict", "lazy", "off"] = "strict"
    outbound: bool = True
    flow_timer: int = 120
    replace_instance: bool = True
    service_route: tuple[str, ...] = ()
    date: bool = True
    retry_after: int = 30
    contact_allowed: Callable[[SipUri], bool] | None = None


class Refused(Exception):
    """A REGISTER that is answered with `status` and `fields` and changes nothing."""

    def __init__(self, status: int, reason: str | None = None, *fields: tuple[str, str]) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.fields = fields


class RequestedContact(NamedTuple):
    """One contact of a REGISTER; `expires` in seconds, 0 to remove it; `reg_id` 0 where outbound does not apply."""

    contact: str
    expires: int
    q: float
    instance: str
    reg_id: int


class Registration(NamedTuple):
    """A REGISTER, read: `wildcard` asks for all bindings to go; without contacts and wildcard it is a query."""

    contacts: list[RequestedContact]
    wildcard: bool
    path: tuple[str, ...]
    show_path: bool
    outbound: bool


def read_registration(request: Request, settings: RegistrarSettings) -> Registration:
    """What the REGISTER asks for; raises Refused, or ProtocolError for what is malformed (400)."""
    index = request.index()
    if "Require" in index:
        unknown = [tag for tag in request.require if tag.lower() not in SUPPORTED]
        if unknown:
            raise Refused(420, None, *(("Unsupported", tag) for tag in unknown))
    path: tuple[str, ...] = ()
    show_path = False
    if settings.path != "off" and "Path" in index:
        path = _read_path(request)
        show_path = _supports(request, "path")
        if path and not show_path and settings.path == "strict":
            raise Refused(420, None, ("Unsupported", "path"))
    addresses = request.contacts
    contacts: list[RequestedContact] = []
    flows = False
    for address in addresses:
        if address.uri_text == "*":
            # A `*` stands alone and only with Expires: 0 (§10.3 step 6).
            if len(addresses) > 1 or _header_expires(request) != 0:
                raise ProtocolError("Contact: * needs Expires: 0 and no other Contact", section=_SECTION)
            return Registration([], True, path, show_path, False)
        contact = _read_contact(address, request, settings)
        contacts.append(contact)
        if contact.reg_id:
            flows = True
    if not flows:
        return Registration(contacts, False, path, show_path, False)
    if not _outbound_applies(request, contacts, path, settings):
        contacts = [contact._replace(reg_id=0) for contact in contacts]
        return Registration(contacts, False, path, show_path, False)
    return Registration(contacts, False, path, show_path, _supports(request, "outbound"))


def _supports(request: Request, tag: str) -> bool:
    """Whether the user agent knows an extension: what it requires it supports."""
    return tag in request.supported or tag in request.require


def _read_path(request: Request) -> tuple[str, ...]:
    values = tuple(request.values("Path"))
    for value in values:
        if not isinstance(NameAddr.parse(value).uri, SipUri):
            raise ProtocolError("a Path that is not a SIP URI", section="RFC 3327 §4")
    return values


def _read_contact(address: NameAddr, request: Request, settings: RegistrarSettings) -> RequestedContact:
    expires = -1
    q, instance, reg_id = 1.0, "", 0
    for name, value in address.params:
        if name == "expires":
            expires = _seconds(value)
        elif name == "q":
            q = _quality(value)
        elif name == "+sip.instance":
            instance = unquote(value) if value else ""
        elif name == "reg-id":
            reg_id = _reg_id(value)
    if expires < 0:
        header = _header_expires(request)
        expires = settings.default_expires if header is None else header
    if 0 < expires < settings.min_expires and expires < _HOUR:
        raise Refused(423, None, ("Min-Expires", str(settings.min_expires)))
    if expires > settings.max_expires:
        expires = settings.max_expires
    # reg-id without an instance means nothing and is ignored (RFC 5626 §6).
    return RequestedContact(address.uri_text, expires, q, instance, reg_id if instance else 0)


def _header_expires(request: Request) -> int | None:
    value = request.index().get("Expires")
    return None if value is None else _seconds(value)


def _seconds(text: str | None) -> int:
    # A malformed lifetime counts as an hour (§20.10), one that is too large as the largest.
    if not text or not text.isascii() or not text.isdigit():
        return _HOUR
    return int(text) if len(text) <= 9 else _FAR


def _quality(text: str | None) -> float:
    whole, _, fraction = (text or "").partition(".")
    digits = fraction == "" or (fraction.isascii() and fraction.isdigit() and len(fraction) <= 3)
    if whole == "0" and digits:
        return int(fraction.ljust(3, "0")) / 1000 if fraction else 0.0
    if whole == "1" and digits and not fraction.strip("0"):
        return 1.0
    raise ProtocolError("a q value is not between 0 and 1", section="RFC 3261 §20.10")


def _reg_id(text: str | None) -> int:
    if not text or not text.isascii() or not text.isdigit() or len(text) > 10 or not 0 < int(text) < 2**31:
        raise ProtocolError("a reg-id is not between 1 and 2^31-1", section="RFC 5626 §10")
    return int(text)


def _outbound_applies(
    request: Request,
    contacts: list[RequestedContact],
    path: tuple[str, ...],
    settings: RegistrarSettings,
) -> bool:
    if not settings.outbound:
        return False
    if len(contacts) > 1 and any(contact.reg_id and contact.expires for contact in contacts):
        raise ProtocolError("a flow is registered with one Contact alone", section="RFC 5626 §6")
    if len(request.vias) == 1:
        return True
    # Behind a proxy outbound works only if the proxy that the user agent met first takes part: it wrote the last Path.
    if path:
        first_hop = NameAddr.parse(path[-1]).uri
        if isinstance(first_hop, SipUri) and first_hop.has_param("ob"):
            return True
    if _supports(request, "outbound"):
        raise Refused(439)
    return False
