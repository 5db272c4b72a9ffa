"""Who is calling, as each side may see it: asserted identity and privacy at the edge of the trusted network.

RFC 3323 (Privacy, anonymous From), RFC 3325 (P-Asserted-Identity, P-Preferred-Identity), RFC 5379 §5 (how they meet).
Header privacy (Via, Record-Route, Contact) and session privacy (media addresses) are what a back-to-back user agent
does to every call by its nature, so they ask for nothing more here. Left out: RFC 3324's Spec(T) negotiation,
History-Info privacy and Remote-Party-ID, which is dropped at the edge like any header nobody vouches for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import split_list
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Message
from softswitch.sip.uri import SipUri, TelUri

ANONYMOUS_DISPLAY: Final = "Anonymous"
ANONYMOUS_URI: Final = "sip:anonymous@anonymous.invalid"

PRIVACY_VALUES: Final = frozenset({"header", "session", "user", "none", "critical", "id", "history"})
IDENTITY_FIELDS: Final = ("P-Asserted-Identity", "P-Preferred-Identity", "Privacy", "Remote-Party-ID")
"""What an edge takes off a message before it writes its own."""

REVEALING_FIELDS: Final = (
    "Subject",
    "Call-Info",
    "Organization",
    "User-Agent",
    "Server",
    "Reply-To",
    "In-Reply-To",
    "Warning",
    "Referred-By",
    "Diversion",
    "History-Info",
)
"""What user privacy takes off besides the From (RFC 3323 §4.1, §5.3)."""


class Identity(NamedTuple):
    """The identity fields of one message as it leaves.

    `from_` has no tag yet; `asserted` are values of P-Asserted-Identity, `privacy` that of Privacy or None. `hide` says
    that the fields of `REVEALING_FIELDS` must not be passed on.
    """

    from_: NameAddr
    asserted: tuple[str, ...]
    privacy: str | None
    hide: bool

    def fields(self) -> list[tuple[str, str]]:
        """The header fields to add to the outgoing message, From not among them."""
        fields = [("P-Asserted-Identity", value) for value in self.asserted]
        if self.privacy is not None:
            fields.append(("Privacy", self.privacy))
        return fields


def privacy_values(message: Message) -> frozenset[str]:
    """The privacy that is asked for, in lower case; empty where nothing is (RFC 3323 §4.2)."""
    values: set[str] = set()
    for field in message.get_all("Privacy"):
        values.update(value.strip().lower() for value in field.replace(",", ";").split(";"))
    values.discard("")
    return frozenset(values)


def check_critical(message: Message) -> None:
    """Raises ProtocolError (500) for privacy that is critical and of a kind we do not know (RFC 3323 §5)."""
    values = privacy_values(message)
    if "critical" in values and not values <= PRIVACY_VALUES:
        raise ProtocolError("critical privacy of an unknown kind", section="RFC 3323 §5", status=500)


def asserted_identities(message: Message) -> tuple[str, ...]:
    """The P-Asserted-Identity values that are well-formed: one SIP and one tel URI at the most (RFC 3325 §9.1).

    Only worth something when the message came from a trusted peer.
    """
    return _identities(message.get_all("P-Asserted-Identity"))


def preferred_identity(message: Message, allowed: Iterable[str]) -> str | None:
    """Which of the `allowed` identities (URIs of the authenticated user) the message prefers, or None (RFC 3325 §6).

    A preference for somebody else's identity counts for nothing.
    """
    known = {_comparable(uri): uri for uri in allowed}
    for value in _identities(message.get_all("P-Preferred-Identity")):
        uri = known.get(_comparable(NameAddr.parse(value).uri_text))
        if uri is not None:
            return uri
    return None


def is_anonymous(from_: NameAddr) -> bool:
    """Whether a From names nobody: the host anonymous.invalid, or the user anonymous (RFC 3323 §4.1.1.3, RFC 5079)."""
    try:
        uri = from_.uri
    except ProtocolError:
        return False
    if not isinstance(uri, SipUri):
        return False
    host = uri.host.lower()
    return host == "anonymous.invalid" or host.endswith(".anonymous.invalid") or uri.username.lower() == "anonymous"


def anonymous_from() -> NameAddr:
    """A From that names nobody, without tag (RFC 3323 §4.1.1.3)."""
    return NameAddr(ANONYMOUS_URI, ANONYMOUS_DISPLAY)


def outgoing_identity(
    wanted: frozenset[str],
    asserted: tuple[str, ...],
    *,
    destination_trusted: bool,
    from_: NameAddr,
    assert_to_untrusted: bool = True,
) -> Identity:
    """The identity that goes out with a call whose party wants the privacy `wanted` (see `privacy_values`).

    `from_` is the From that would be sent if nobody minded, without tag. `asserted` are the name-addr values that a
    trusted peer asserted or that we vouch for ourselves: what anybody else asserts must not be given here.
    `assert_to_untrusted` says whether identities are shown to untrusted peers when no privacy is asked for.

    - a trusted destination gets the identity and the wish for privacy, and passes the wish on (RFC 3325 §5);
    - an untrusted one gets the identity only where no privacy is wanted, or ``none`` is (RFC 3325 §7);
    - one who wants ``id`` or ``user`` privacy is anonymous in the From of an untrusted destination (RFC 3323 §5.3).
    """
    if destination_trusted:
        return Identity(from_, asserted, ";".join(sorted(wanted)) or None, False)
    if "none" in wanted:
        return Identity(from_, asserted, "none", False)
    if not wanted & {"id", "user"}:
        return Identity(from_, asserted if assert_to_untrusted else (), None, False)
    left = sorted(wanted - {"user", "header", "session", "history", "critical"})  # those are done with the call
    return Identity(anonymous_from(), (), ";".join(left) or None, "user" in wanted)


def _identities(fields: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for field in fields:
        try:
            for value in split_list(field):
                uri = NameAddr.parse(value).uri
                kind = "sip" if isinstance(uri, SipUri) else "tel" if isinstance(uri, TelUri) else ""
                if kind:
                    found.setdefault(kind, value)
        except ProtocolError:
            continue
    return tuple(found.values())


def _comparable(text: str) -> str:
    try:
        uri = NameAddr.parse(text if "<" in text else f"<{text}>").uri
    except ProtocolError:
        return text
    if isinstance(uri, SipUri):
        return uri.address_of_record()
    return uri.digits if isinstance(uri, TelUri) else str(uri)
