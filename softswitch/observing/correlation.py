"""Which call a log line belongs to: found out when a line is written, so that it costs nothing when none is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from softswitch.calls.call import Call
from softswitch.calls.exchange import Exchange
from softswitch.calls.sip.leg import SipLeg
from softswitch.sip.events import Event

Handler = Callable[[Event, float], None]


class Correlation:
    """Stands between the SIP stack and whoever handles its events; `about` answers for log lines."""

    def __init__(self, exchange: Exchange, handler: Handler) -> None:
        self._exchange = exchange
        self._handler = handler
        self._event: Event | None = None
        self._thread = threading.get_ident()

    def handle(self, event: Event, now: float) -> None:
        """Pass an event on; what is logged meanwhile is about it."""
        before, self._event = self._event, event
        try:
            self._handler(event, now)
        finally:
            self._event = before

    def about(self, record: logging.LogRecord) -> Mapping[str, str]:
        """`call` and `sip_call_id` of a line that is written now."""
        leg_id = getattr(record, "leg", None)
        if isinstance(leg_id, str):
            call = self._call_of(leg_id)
            return {} if call is None else {"call": call.id}
        if self._event is None or threading.get_ident() != self._thread:
            return {}
        leg = getattr(getattr(self._event, "session", None), "owner", None)
        if not isinstance(leg, SipLeg):
            return {}
        call = self._exchange.call_of(leg)
        found = {"sip_call_id": leg.reference} if leg.reference else {}
        return found if call is None else {**found, "call": call.id}

    def _call_of(self, leg_id: str) -> Call | None:
        return next((call for call in list(self._exchange.calls.values()) if leg_id in call.record.legs), None)
