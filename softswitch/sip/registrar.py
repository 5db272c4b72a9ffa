"""The registrar: which contacts are bound to which address-of-record, and the answer to each REGISTER.

RFC 3261 §10.3, Path (RFC 3327), Service-Route (RFC 3608), outbound flows (RFC 5626 §6). The caller has authenticated
the request and knows the address-of-record. Left out: GRUU (RFC 5627), callee capabilities and caller preferences
(RFC 3840, RFC 3841).

Two clocks: `now` is monotonic, `wall` the time of day. Expiry is kept in time of day, since bindings outlive the
process; the difference of the two is taken once, so a clock set anew while we run expires nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from softswitch.sip.address import Address
from softswitch.sip.binding import Binding, BindingChange, BindingEvent
from softswitch.sip.binding_table import BindingTable, without_connection
from softswitch.sip.errors import ProtocolError
from softswitch.sip.flow import behind_nat, keeps_flow
from softswitch.sip.grammar import quote, readable
from softswitch.sip.message import Request, Response
from softswitch.sip.registration import (
    SUPPORTED,
    Refused,
    RegistrarSettings,
    Registration,
    RequestedContact,
    read_registration,
)
from softswitch.sip.uri import SipUri, parse_uri

__all__ = ["Registrar", "RegistrarResult", "RegistrarSettings"]

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SUPPORTED_VALUE: Final = ", ".join(SUPPORTED)
_LONGEST_USER_AGENT: Final = 128


class RegistrarResult(NamedTuple):
    """The response to a REGISTER and what it changed, in order."""

    response: Response
    changes: list[BindingChange]


class Registrar:
    """All bindings of this node; the work for a request grows with the contacts of its address-of-record only."""

    def __init__(self, settings: RegistrarSettings, new_id: Callable[[], str]) -> None:
        self.configure(settings)
        self._new_id = new_id
        self._table = BindingTable()
        self._offset: float | None = None
        self._second = -1
        self._date = ("Date", "")

    def __len__(self) -> int:
        """How many bindings are held."""
        return len(self._table)

    def __iter__(self) -> Iterator[Binding]:
        """Every binding held, some of which may have ended since the last `expire`."""
        return iter(self._table)

    def configure(self, settings: RegistrarSettings) -> None:
        """Takes new settings for the requests to come; bindings stay as they are."""
        self._settings = settings
        # What every 200 carries besides its contacts, made once.
        self._standing = [("Service-Route", value) for value in settings.service_route]
        self._standing.append(("Supported", _SUPPORTED_VALUE))

    def process(self, request: Request, aor: str, source: Address, now: float, wall: float) -> RegistrarResult:
        """Answers a REGISTER for `aor` (``user@host``) that came from `source`; carries it out wholly or not at all.

        `now` is monotonic and `wall` the time of day, both in seconds (RFC 3261 §10.3).
        """
        time = self._time(now, wall)
        held = self._table.of(aor)
        changes = [self._table.drop(binding, "expired") for binding in held if binding.expires_at <= time]
        if changes:
            held = self._table.of(aor)
        try:
            registration = read_registration(request, self._settings)
            if registration.contacts or registration.wildcard:  # else it only asks
                wanted = list(held)
                if registration.wildcard:
                    planned = _plan_removal(request, wanted)
                else:
                    planned = self._plan(request, registration, aor, wanted, source, time)
                if planned:
                    self._enforce_limits(held, wanted, planned)
                    held = tuple(wanted)
                    self._table.exchange(aor, held)
                    changes += planned
        except Refused as refused:
            return RegistrarResult(self._refuse(request, refused.status, refused.reason, refused.fields), changes)
        except ProtocolError as error:
            warning = ("Warning", f"399 registrar {quote(error.text)}")
            return RegistrarResult(self._refuse(request, 400, None, (warning,)), changes)
        return RegistrarResult(self._accept(request, registration, source, held, time, wall), changes)

    # -- what a request changes: planned on a copy, so that an exception on the way leaves everything as it was

    def _plan(
        self,
        request: Request,
        registration: Registration,
        aor: str,
        wanted: list[Binding],
        source: Address,
        time: float,
    ) -> list[BindingChange]:
        """Works each contact into `wanted`, the bindings of the address-of-record (RFC 3261 §10.3 step 7)."""
        call_id, cseq = request.call_id, request.cseq.number
        planned: list[BindingChange] = []
        for contact in registration.contacts:
            replace = self._settings.replace_instance and contact.expires > 0
            at = _find(wanted, contact, replace, call_id, cseq)
            old = wanted[at] if at >= 0 else None
            if old is not None and old.call_id == call_id and cseq <= old.cseq:
                if cseq < old.cseq:
                    raise Refused(400, "CSeq Out of Order")
                continue  # said before: a repetition changes nothing and is answered as the first time
            if contact.expires == 0:
                if old is not None:
                    planned.append(BindingChange("unregistered", old))
                    del wanted[at]
                continue
            if old is not None and old.contact == contact.contact:
                if old.source == source and old.path == registration.path and old.reg_id == contact.reg_id:
                    user_agent = readable(request.index().get("User-Agent") or "")
                    binding = _refreshed(contact, old, time, call_id, cseq, user_agent)
                else:
                    binding = self._bound(request, registration, contact, old.aor, source, time)
                wanted[at] = binding
                planned.append(BindingChange("refreshed", binding))
                continue
            binding = self._bound(request, registration, contact, aor if old is None else old.aor, source, time)
            if old is None:
                wanted.append(binding)
            else:
                wanted[at] = binding
                planned.append(BindingChange("deactivated", old))
            planned.append(BindingChange("created", binding))
        return planned

    def _bound(
        self,
        request: Request,
        registration: Registration,
        contact: RequestedContact,
        aor: str,
        source: Address,
        time: float,
    ) -> Binding:
        """A binding whose way is judged anew: a new contact, or one that speaks from another place."""
        settings, path = self._settings, registration.path
        uri = _contact_uri(contact.contact)
        if settings.contact_allowed is not None and not settings.contact_allowed(uri):
            raise Refused(403, "Contact Not Allowed")
        via, hops = request.via, len(request.vias)
        nat = not path and behind_nat(uri, via, hops, source, settings.nat)
        return Binding(
            aor,
            contact.contact,
            source._replace(host=sys.intern(source.host)),
            time + contact.expires,
            updated_at=time,
            q=contact.q,
            call_id=request.call_id,
            cseq=request.cseq.number,
            path=path,
            instance=contact.instance,
            reg_id=contact.reg_id,
            user_agent=sys.intern(readable(request.get("User-Agent") or "")[:_LONGEST_USER_AGENT]),
            nat=nat,
            flow=not path and (bool(contact.reg_id) or keeps_flow(uri, via, hops, source, nat)),
        )

    def _enforce_limits(self, held: tuple[Binding, ...], wanted: list[Binding], planned: list[BindingChange]) -> None:
        settings = self._settings
        if len(wanted) <= len(held):
            return
        excess = len(wanted) - settings.max_contacts
        if excess > 0:
            older = [binding for binding in held if binding in wanted]
            if settings.contacts_full == "refuse" or excess > len(older):
                raise Refused(403, "Too Many Contacts")
            older.sort(key=lambda binding: binding.updated_at)
            for binding in older[:excess]:
                wanted.remove(binding)
                planned.append(BindingChange("deactivated", binding))
        if len(self._table) + len(wanted) - len(held) > settings.max_bindings:
            raise Refused(503, None, ("Retry-After", str(settings.retry_after)))

    # -- answers

    def _accept(
        self,
        request: Request,
        registration: Registration,
        source: Address,
        held: tuple[Binding, ...],
        time: float,
        wall: float,
    ) -> Response:
        settings = self._settings
        response = Response.to_request(request, 200, None, self._new_id())
        fields = response.fields
        fields += [("Contact", binding.contact_field(time)) for binding in held]
        if registration.show_path:
            fields += [("Path", value) for value in registration.path]
        if registration.outbound:
            fields.append(("Require", "outbound"))
            if settings.flow_timer:
                fields.append(("Flow-Timer", str(settings.flow_timer)))
        fields += self._standing
        if settings.date:
            fields.append(self._date_field(wall))
        return response

    def _refuse(self, request: Request, status: int, reason: str | None, fields: Iterable[tuple[str, str]]) -> Response:
        response = Response.to_request(request, status, reason, self._new_id())
        response.fields += fields
        return response

    def _date_field(self, wall: float) -> tuple[str, str]:
        second = int(wall)
        if self._second != second:
            self._second = second
            at = datetime.fromtimestamp(second, UTC)
            day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
            self._date = ("Date", f"{day}, {at.day:02} {month} {at.year} {at:%H:%M:%S} GMT")
        return self._date

    # -- reading

    def bindings(self, aor: str, now: float) -> list[Binding]:
        """The live bindings of an address-of-record, highest q first, then the most recently registered."""
        held = self._table.of(aor)
        if not held:
            return []
        time = self._time(now)
        live = [binding for binding in held if binding.expires_at > time]
        if len(live) > 1:
            live.sort(key=lambda binding: (-binding.q, -binding.updated_at))
        return live

    def wall(self, now: float) -> float:
        """The time of day on which the bindings count, for `now`; 0 before the first request."""
        return self._time(now)

    # -- time, connections, storage

    def expire(self, now: float) -> list[BindingChange]:
        """Drops the bindings that have ended; to be called at `next_timer` or about once a second."""
        return self._table.expire(self._time(now))

    def next_timer(self) -> float | None:
        """When `expire` has something to do, on the monotonic clock."""
        at = self._table.next_expiry()
        return None if at is None or self._offset is None else at - self._offset

    def connection_closed(self, address: Address, now: float) -> list[BindingChange]:
        """Drops the bindings that only that stream connection led to; the others are reached by their contact now."""
        return self.expire(now) + self._table.close_connection(address.connection)

    def remove(self, aor: str, contact: str | None = None, event: BindingEvent = "deactivated") -> list[BindingChange]:
        """Drops the bindings of an address-of-record, or the one of `contact`, on an operator's word."""
        doomed = [binding for binding in self._table.of(aor) if contact is None or binding.contact == contact]
        return [self._table.drop(binding, event) for binding in doomed]

    def restore(self, bindings: Iterable[Binding], now: float, wall: float) -> list[BindingChange]:
        """Takes stored bindings in after a restart; returns those that ended meanwhile or lost their connection."""
        time = self._time(now, wall)
        changes: list[BindingChange] = []
        for binding in bindings:
            survivor = without_connection(binding) if binding.source.reliable else binding
            if survivor is None:
                changes.append(BindingChange("deactivated", binding))
            elif survivor.expires_at <= time or len(self._table) >= self._settings.max_bindings:
                changes.append(BindingChange("expired", binding))
            else:
                self._table.exchange(survivor.aor, (*self._table.of(survivor.aor), survivor))
        return changes

    def _time(self, now: float, wall: float | None = None) -> float:
        if self._offset is None:
            if wall is None:
                return 0.0  # nothing was registered yet, so nothing can end
            self._offset = wall - now
        return now + self._offset


def _find(bindings: list[Binding], contact: RequestedContact, replace_instance: bool, call_id: str, cseq: int) -> int:
    """Place of the binding that `contact` is about, -1 for none: by instance and reg-id, else by URI equality.

    Lastly a user agent that came back under another address (same instance, no reg-id) takes its old place, unless
    this very request has bound that one too.
    """
    text, instance, reg_id = contact.contact, contact.instance, contact.reg_id
    for at, binding in enumerate(bindings):
        if binding.reg_id == reg_id and (binding.instance == instance if reg_id else binding.contact == text):
            return at
    uri = _contact_uri(text)
    for at, binding in enumerate(bindings):
        if not (reg_id and binding.reg_id) and _contact_uri(binding.contact).equivalent(uri):
            return at
    if instance and not reg_id and replace_instance:
        for at, binding in enumerate(bindings):
            same_request = binding.call_id == call_id and binding.cseq == cseq
            if binding.instance == instance and not binding.reg_id and not same_request:
                return at
    return -1


def _contact_uri(text: str) -> SipUri:
    uri = parse_uri(text)
    if not isinstance(uri, SipUri):
        raise ProtocolError("a Contact is not a SIP URI", section="RFC 3261 §10.3")
    return uri


def _refreshed(
    contact: RequestedContact, old: Binding, time: float, call_id: str, cseq: int, user_agent: str
) -> Binding:
    """The usual refresh, same contact by the same way: what is equal is shared, so that memory does not grow."""
    return Binding(
        old.aor,
        old.contact,
        old.source,
        time + contact.expires,
        updated_at=time,
        q=contact.q,
        call_id=old.call_id if old.call_id == call_id else call_id,
        cseq=cseq,
        path=old.path,
        instance=old.instance if old.instance == contact.instance else contact.instance,
        reg_id=old.reg_id,
        user_agent=old.user_agent if old.user_agent == user_agent else sys.intern(user_agent[:_LONGEST_USER_AGENT]),
        nat=old.nat,
        flow=old.flow,
    )


def _plan_removal(request: Request, wanted: list[Binding]) -> list[BindingChange]:
    """Takes every binding out of `wanted`, by the order rule of RFC 3261 §10.3 step 6."""
    call_id, cseq = request.call_id, request.cseq.number
    if any(binding.call_id == call_id and cseq < binding.cseq for binding in wanted):
        raise Refused(400, "CSeq Out of Order")
    ended = [binding for binding in wanted if binding.call_id != call_id or cseq > binding.cseq]
    wanted[:] = [binding for binding in wanted if binding not in ended]
    return [BindingChange("unregistered", binding) for binding in ended]
