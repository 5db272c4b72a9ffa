"""One registered contact of an address-of-record, kept compactly: a hundred thousand of them are held in memory.

RFC 3261 §10.3 (what a binding is), RFC 3327 (path), RFC 5626 §6 (flows). A binding is never changed: a refresh makes a
new one, so another thread may hold on to what it was given. Left out: GRUU (RFC 5627), callee capabilities (RFC 3840).
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from softswitch.sip.address import Address
from softswitch.sip.flow import contact_hop
from softswitch.sip.headers import NameAddr
from softswitch.sip.uri import SipUri

BindingEvent = Literal["created", "refreshed", "expired", "unregistered", "deactivated"]
"""Why a contact changed, in the words of RFC 3680 §5.2.3; the last three end it."""

_ENDING: Final = frozenset({"expired", "unregistered", "deactivated"})


class Target(NamedTuple):
    """How a request reaches a binding: its Request-URI, the next hop, and Route values (RFC 3327 §5.3)."""

    request_uri: str
    next_hop: Address | SipUri
    routes: tuple[str, ...]


class Binding:
    """A contact bound to an address-of-record.

    `contact` is the URI as registered, `expires_at` and `updated_at` are seconds on the registrar's wall clock,
    `source` the flow of the latest REGISTER, `nat` whether the contact is hidden behind that flow, `flow` whether
    requests go back along it. `instance` is the value of +sip.instance, `reg_id` 0 unless outbound applies.
    """

    __slots__ = (
        "aor",
        "bucket",
        "call_id",
        "contact",
        "cseq",
        "expires_at",
        "flow",
        "instance",
        "nat",
        "path",
        "q",
        "reg_id",
        "source",
        "updated_at",
        "user_agent",
    )

    def __init__(
        self,
        aor: str,
        contact: str,
        source: Address,
        expires_at: float,
        *,
        updated_at: float = 0.0,
        q: float = 1.0,
        call_id: str = "",
        cseq: int = 0,
        path: tuple[str, ...] = (),
        instance: str = "",
        reg_id: int = 0,
        user_agent: str = "",
        nat: bool = False,
        flow: bool = False,
    ) -> None:
        self.aor = aor
        self.contact = contact
        self.source = source
        self.expires_at = expires_at
        self.updated_at = updated_at
        self.q = q
        self.call_id = call_id
        self.cseq = cseq
        self.path = path
        self.instance = instance
        self.reg_id = reg_id
        self.user_agent = user_agent
        self.nat = nat
        self.flow = flow
        self.bucket = -1

    def __repr__(self) -> str:
        return f"Binding({self.aor!r}, {self.contact!r}, {str(self.source)!r}, expires_at={self.expires_at:.0f})"

    @property
    def q_text(self) -> str | None:
        """The preference as a Contact's q value, None for the default of 1 (RFC 3261 §20.10)."""
        return None if self.q == 1.0 else f"{self.q:.3f}".rstrip("0").rstrip(".")

    @property
    def target(self) -> Target:
        """Request-URI, next hop and routes of a request to this contact.

        With a path the first of its URIs is the next hop; else the flow, or what the contact says. Headers and the
        method of the URI do not belong in a Request-URI and are left out (RFC 3261 §19.1.1).
        """
        uri = SipUri.parse(self.contact)
        request_uri = self.contact
        if uri.headers or uri.has_param("method"):
            request_uri = str(uri.replace(headers=()).without_params("method"))
        if self.path:
            first = NameAddr.parse(self.path[0]).uri
            if isinstance(first, SipUri):  # the registrar lets no other into a path
                return Target(request_uri, first, self.path)
        return Target(request_uri, self.source if self.flow else contact_hop(uri, self.source), ())

    def contact_field(self, wall: float) -> str:
        """Value of a Contact header that lists this binding at time `wall` (RFC 3261 §10.3 step 8)."""
        left = round(self.expires_at - wall)
        text = f"<{self.contact}>;expires={left if left > 0 else 1}"
        if self.q != 1.0:
            text += f";q={self.q_text}"
        if self.instance:
            text += f';+sip.instance="{self.instance}"'
        if self.reg_id:
            text += f";reg-id={self.reg_id}"
        return text

    def as_record(self) -> dict[str, Any]:
        """Every field as plain values, for storage; `from_record` reads it back."""
        return {name: getattr(self, name) for name in _STORED} | {"path": list(self.path), "source": list(self.source)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Binding:
        """A binding from what `as_record` gave, perhaps after a round trip through JSON."""
        fields = {name: record[name] for name in _STORED if name in record}
        path, source = tuple(record["path"]), Address(*record["source"])
        return cls(**fields, path=path, source=source)


_STORED: Final = tuple(name for name in Binding.__slots__ if name not in ("bucket", "path", "source"))


class BindingChange(NamedTuple):
    """What happened to one binding; of a refresh `binding` is the new one."""

    event: BindingEvent
    binding: Binding

    @property
    def removed(self) -> bool:
        """Whether the contact is bound no more."""
        return self.event in _ENDING
