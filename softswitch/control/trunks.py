"""Trunks for operators: those of SIP and the trunk groups of E1 lines, and what is done with their channels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gateways.e1.gateway import E1Gateway
from softswitch.api.services import Row

if TYPE_CHECKING:
    from softswitch.app import Application


class TrunkDesk:
    """All trunks of one node."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def rows(self) -> Iterable[Row]:
        """One row for each trunk and trunk group."""
        sip = [
            {
                "name": trunk.name,
                "state": "up" if trunk.up else "down",
                "calls": trunk.active,
                "max_calls": trunk.max_calls,
            }
            for trunk in self._app.trunks.by_name.values()
        ]
        return [*sip, *map(_row, self._app.e1)]

    def order(self, name: str, action: str, span: str, channels: list[int]) -> Row:
        """Carry out block, unblock, busy_out or restart; raises LookupError, ValueError."""
        gateway = next((each for each in self._app.e1 if each.name == name), None)
        if gateway is None:
            raise LookupError(f"there is no E1 trunk group {name}")
        if span and all(line.name != span for line in gateway.group.lines):
            raise LookupError(f"trunk group {name} has no span {span}")
        slots = channels or None

        def carry_out(now: float) -> None:
            if action == "restart":
                gateway.restart(span, slots)
            elif action == "unblock":
                gateway.unblock(span, slots)
            else:
                gateway.block(span, slots, clear=action == "busy_out")

        self._app.driver.call(carry_out)
        return _row(gateway)


def _row(gateway: E1Gateway) -> dict[str, Any]:
    described = gateway.describe()
    spans = described["spans"]
    return {
        "name": gateway.name,
        "kind": "e1",
        "state": "up" if described["up"] else "down",
        "calls": sum(len(span["in_use"]) for span in spans),
        "max_calls": sum(span["channels"] for span in spans),
        "reason": "; ".join(gateway.problems()),
        "occupancy": described["occupancy"],
        "outgoing": described["outgoing"],
        "incoming": described["incoming"],
        "spans": spans,
    }
