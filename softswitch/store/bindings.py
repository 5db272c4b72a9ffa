"""Registered contacts between the registrar's form and the row of the table.

The number of a stream connection is not kept: after a restart no connection is left, and a contact that was reached
over one is reached by address until the phone registers again.
"""

from __future__ import annotations

from softswitch.sip.address import Address
from softswitch.sip.binding import Binding
from softswitch.sip.grammar import readable
from softswitch.store.records import BindingRecord


def binding_row(binding: Binding) -> BindingRecord:
    """The row of one binding."""
    source = binding.source
    return BindingRecord(
        binding.aor,
        binding.contact,
        binding.q,
        binding.expires_at,
        binding.updated_at,
        readable(binding.call_id),
        binding.cseq,
        "\n".join(binding.path) if binding.path else "",
        f"{source.transport} {source.host} {source.port} {source.listener}",
        binding.instance,
        binding.reg_id,
        readable(binding.user_agent),
        binding.nat,
        binding.flow,
    )


def row_binding(row: BindingRecord) -> Binding:
    """The binding of one row. Raises ValueError when the row was not written by `binding_row`."""
    transport, host, port, listener = row.source.split(" ", 3)
    return Binding(
        row.aor,
        row.contact,
        Address(transport, host, int(port), listener),
        row.expires_at,
        updated_at=row.updated_at,
        q=row.q,
        call_id=row.call_id,
        cseq=row.cseq,
        path=tuple(row.path.split("\n")) if row.path else (),
        instance=row.instance,
        reg_id=row.reg_id,
        user_agent=row.user_agent,
        nat=bool(row.nat),
        flow=bool(row.flow),
    )
