"""Who is asking: digest for subscribers, source address for trunks, and what each is then allowed to claim.

A request outside a dialog is answered only for someone we know (RFC 3261 §22). Everybody else is challenged, and a
wrong answer is told to the guard, which bans who keeps guessing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.calls.leg import Party
from softswitch.calls.routing import Caller
from softswitch.calls.sip.trunk import Trunk, Trunks
from softswitch.directory import Directory
from softswitch.sip.address import Address
from softswitch.sip.digest import Authenticator, HA1s, Rejected
from softswitch.sip.grammar import readable
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request
from softswitch.sip.privacy import asserted_identities, privacy_values
from softswitch.sip.uri import SipUri, TelUri

NO_PRIVACY: frozenset[str] = frozenset()

#: Told of each refused or accepted credential: (source host, user, accepted).
Verdict = Callable[[str, str, bool], None]


@dataclass(slots=True)
class Identity:
    """Who a request comes from: a party to show, rights to dial with, and whether its assertions are believed.

    `srtp` says whether its media is secured (empty: as for everybody).
    """

    party: Party
    caller: Caller
    trunk: Trunk | None = None
    subscriber: str = ""
    trusted: bool = False
    srtp: str = ""


@dataclass(slots=True)
class Challenge:
    """The request must be repeated with credentials: values for WWW-Authenticate."""

    values: list[str]


class Access:
    """Decides who a request comes from. `trusted_listeners` need no digest; `authenticate` False trusts everybody."""

    def __init__(
        self,
        directory: Directory,
        trunks: Trunks,
        authenticator: Authenticator,
        verdict: Verdict,
        *,
        trusted_listeners: frozenset[str] = frozenset(),
        authenticate: bool = True,
    ) -> None:
        self._directory = directory
        self._trunks = trunks
        self._authenticator = authenticator
        self._verdict = verdict
        self.trusted_listeners = trusted_listeners
        self.authenticate = authenticate

    def identify(self, request: Request, source: Address, now: float) -> Identity | Challenge:
        """The identity behind a request outside a dialog, or the challenge to send."""
        trunk = self._trunks.of_source(source)
        if trunk is not None:
            return self._of_trunk(request, trunk)
        if source.listener in self.trusted_listeners or not self.authenticate:
            return self._unchecked(request)
        checked = self.authenticated_user(request, source, now)
        if isinstance(checked, Challenge):
            return checked
        return self._of_subscriber(request, checked)

    def authenticated_user(self, request: Request, source: Address, now: float) -> str | Challenge:
        """The user whose credentials a request carries, or the challenge to send (RFC 3261 §22.1)."""
        result = self._authenticator.verify_message(request.method, request, self._ha1s, now)
        if isinstance(result, Rejected):
            if result.reason == "response":
                self._verdict(source.host, readable(result.user), False)
            return Challenge(self._authenticator.challenge(now, stale=result.stale))
        self._verdict(source.host, result.user, True)
        return result.user

    def _ha1s(self, user: str) -> HA1s | None:
        password = self._directory.password_of(user)
        return None if password is None else HA1s(password.md5 or None, password.sha256 or None)

    def _of_subscriber(self, request: Request, user: str) -> Identity:
        """A subscriber is shown as itself, whatever its From claims."""
        subscriber = self._directory.get(user)
        display = (subscriber.display_name if subscriber else "") or _name_of(request.from_)
        party = Party(user, display, user, _privacy(request))
        return Identity(party, Caller(user, self._directory.class_of(user)), subscriber=user, srtp=self._srtp_of(user))

    def _srtp_of(self, number: str) -> str:
        subscriber = self._directory.get(number)
        return subscriber.srtp if subscriber is not None else ""

    def _of_trunk(self, request: Request, trunk: Trunk) -> Identity:
        number, display = _user_of(request.from_), _name_of(request.from_)
        asserted = ""
        if trunk.trust_identity:
            claim = _asserted(request)
            if claim is not None:
                asserted, number = _user_of(claim), _user_of(claim)
                display = _name_of(claim) or display
        party = Party(number, display, asserted, _privacy(request))
        caller = Caller(number, trunk.class_of_service, trunk.name)
        return Identity(party, caller, trunk=trunk, trusted=trunk.trust_identity, srtp=trunk.srtp)

    def _unchecked(self, request: Request) -> Identity:
        """Whoever comes through a listener that we trust is who it says."""
        claim = _asserted(request) or request.from_
        number = _user_of(claim)
        party = Party(number, _name_of(claim) or _name_of(request.from_), number, _privacy(request))
        return Identity(
            party, Caller(number, self._directory.class_of(number)), subscriber=number, srtp=self._srtp_of(number)
        )


def _user_of(address: NameAddr) -> str:
    uri = address.uri
    if isinstance(uri, SipUri):
        return readable(uri.username)
    return uri.digits if isinstance(uri, TelUri) else ""


def _name_of(address: NameAddr) -> str:
    return readable(address.display or "")


def _asserted(request: Request) -> NameAddr | None:
    """The first identity asserted; worth something from a trusted peer alone."""
    if not request.has("P-Asserted-Identity"):
        return None
    values = asserted_identities(request)
    return NameAddr.parse(values[0]) if values else None


def _privacy(request: Request) -> frozenset[str]:
    """The privacy the caller asks for (RFC 3323 §4.2)."""
    return privacy_values(request) if request.has("Privacy") else NO_PRIVACY
