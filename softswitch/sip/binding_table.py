"""All bindings of a node in memory: by address-of-record, by time of expiry and by stream connection, kept in step.

The storage under `registrar`. Times are seconds on the registrar's wall clock; nothing here reads a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from softswitch.sip.binding import Binding, BindingChange, BindingEvent
from softswitch.sip.expiry import ExpiryWheel
from softswitch.sip.flow import same_host
from softswitch.sip.uri import SipUri


class BindingTable:
    """Bindings held as one tuple an address-of-record, so that a change is one exchange of tuples."""

    __slots__ = ("_bindings", "_connections", "_count", "_expiry")

    def __init__(self) -> None:
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._connections: dict[int, tuple[Binding, ...]] = {}
        self._expiry: ExpiryWheel[Binding] = ExpiryWheel()
        self._count = 0

    def __len__(self) -> int:
        """How many bindings are held."""
        return self._count

    def __iter__(self) -> Iterator[Binding]:
        """Every binding held, over a snapshot."""
        for bindings in list(self._bindings.values()):
            yield from bindings

    def of(self, aor: str) -> tuple[Binding, ...]:
        """The bindings of an address-of-record in the order in which they were made."""
        return self._bindings.get(aor, ())

    def exchange(self, aor: str, wanted: tuple[Binding, ...]) -> None:
        """Puts `wanted` in the place of what the address-of-record had."""
        held = self._bindings.get(aor, ())
        for binding in held:
            if binding not in wanted:
                self._expiry.discard(binding)
                if binding.flow:
                    self._unlink(binding)
        for binding in wanted:
            if binding not in held:
                self._expiry.add(binding, binding.expires_at)
                if binding.flow:
                    self._link(binding)
        self._count += len(wanted) - len(held)
        if wanted:
            # The key of a new entry is the very string that its bindings hold: one copy in memory.
            self._bindings[aor if held else wanted[0].aor] = wanted
        elif held:
            del self._bindings[aor]

    def drop(self, binding: Binding, event: BindingEvent) -> BindingChange:
        """Takes one binding out and says so."""
        self.exchange(binding.aor, tuple(item for item in self.of(binding.aor) if item is not binding))
        return BindingChange(event, binding)

    def expire(self, wall: float) -> list[BindingChange]:
        """Drops the bindings that have ended by `wall`."""
        return [self.drop(binding, "expired") for binding in self._expiry.due(wall)]

    def next_expiry(self) -> float | None:
        """When `expire` has something to do."""
        return self._expiry.next_at()

    def close_connection(self, number: int) -> list[BindingChange]:
        """Drops the bindings that only that stream connection led to; the others forget it."""
        changes: list[BindingChange] = []
        for binding in self._connections.pop(number, ()):
            successor = without_connection(binding)
            if successor is None:
                changes.append(self.drop(binding, "deactivated"))
            else:
                held = self.of(binding.aor)
                self.exchange(binding.aor, tuple(successor if item is binding else item for item in held))
        return changes

    def _link(self, binding: Binding) -> None:
        number = binding.source.connection
        if number:
            self._connections[number] = (*self._connections.get(number, ()), binding)

    def _unlink(self, binding: Binding) -> None:
        number = binding.source.connection
        left = tuple(item for item in self._connections.get(number, ()) if item is not binding)
        if left:
            self._connections[number] = left
        else:
            self._connections.pop(number, None)


def without_connection(binding: Binding) -> Binding | None:
    """The binding as it is once its stream connection has gone, None where nothing but that connection led to it.

    A contact that listens on an address of its own can be reached by a new connection; an outbound flow, a contact
    behind a NAT, a browser and a contact that names the very port of the connection cannot (RFC 5626 §5.3).
    """
    source = binding.source
    if binding.flow:
        if binding.nat or binding.reg_id or source.transport in ("ws", "wss"):
            return None
        uri = SipUri.parse(binding.contact)
        if uri.port == source.port and same_host(uri.host, source.host):
            return None
    fields = {name: getattr(binding, name) for name in _CARRIED}
    return Binding(source=source._replace(connection=0), flow=False, **fields)


_CARRIED: Final = tuple(name for name in Binding.__slots__ if name not in ("bucket", "flow", "source"))
