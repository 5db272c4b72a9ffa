"""What a capture server (Homer) is told of calls beside their SIP: reports on their media, and their record at the end.

A report is an RTCP sender report with one block (RFC 3550 §6.4.1) as JSON, the form that Homer reads. It is made of
what the port has counted, because the packet threads keep RTCP itself to themselves; what is not known is left out. All
is correlated by the Call-ID of the leg, as the leg's SIP is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from softswitch.calls.call import Call
from softswitch.calls.dispatching.operator import parties
from softswitch.calls.leg import Leg
from softswitch.events import Event
from softswitch.events.calls import CallRecorded
from softswitch.runtime.hep import KIND_LOG, KIND_RTCP, Capture

_UDP = 17
#: Every call is reported once in so many seconds, each second a part of them.
_EVERY_S = 10
_SENDER_REPORT = 200
#: RTP clocks in kHz of codecs whose clock is not 8000 Hz, for jitter in units of the clock.
_CLOCK_KHZ = {"OPUS": 48, "AMR-WB": 16}


class HepReports:
    """Reports on `calls` by `export`; `quality` gives codec and figures of a leg, `wall` the time of day."""

    def __init__(
        self,
        export: Callable[[Capture], None],
        calls: Callable[[], Iterable[Call]],
        quality: Callable[[Leg], tuple[str, dict[str, Any] | None]],
        wall: Callable[[], float],
    ) -> None:
        self._export = export
        self._calls = calls
        self._quality = quality
        self._wall = wall
        self._second = -1

    def handle_timer(self, now: float) -> None:
        """Report on the calls whose turn this second is."""
        if int(now) == self._second:
            return
        self._second = int(now)
        for call in self._calls():
            if zlib.crc32(call.id.encode()) % _EVERY_S == self._second % _EVERY_S:
                for leg in parties(call):
                    codec, figures = self._quality(leg)
                    if figures is not None:
                        self._report(leg.reference, codec, figures)

    def on_event(self, event: Event) -> None:
        """A call is over: the last reports on its legs, and its record."""
        if not isinstance(event, CallRecorded):
            return
        record = event.record.to_dict()
        references = []
        for leg in record["legs"]:
            references.append(str(leg[f"{leg['protocol']}_call_id"]))
            if "packets_sent" in leg:
                self._report(references[-1], leg["codec"], leg)
        payload = json.dumps(record, ensure_ascii=False, default=str).encode()
        nowhere = ("0.0.0.0", 0)
        self._export(
            Capture(
                self._wall(), _UDP, nowhere, nowhere, payload, correlation=next(iter(references), ""), kind=KIND_LOG
            )
        )

    def _report(self, reference: str, codec: str, figures: dict[str, Any]) -> None:
        local, remote = (_address(figures[name]) for name in ("local_address", "remote_address"))
        payload = json.dumps(sender_report(codec, figures)).encode()
        self._export(Capture(self._wall(), _UDP, local, remote, payload, correlation=reference, kind=KIND_RTCP))


def sender_report(codec: str, figures: dict[str, Any]) -> dict[str, Any]:
    """What a port has sent and how its peer is received, as an RTCP sender report in JSON."""
    received = {
        "fraction_lost": round(figures["loss"] * 256),
        "packets_lost": figures["lost"],
        "ia_jitter": round(figures["jitter_ms"] * _CLOCK_KHZ.get(codec.upper(), 8)),
    }
    return {
        "type": _SENDER_REPORT,
        "ssrc": figures["ssrc"],
        "sender_information": {"packets": figures["packets_sent"], "octets": figures["octets_sent"]},
        "report_count": 1,
        "report_blocks": [received],
        "mos": figures["mos"],
        "rtt_ms": figures["rtt_ms"],
    }


def _address(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[host]:port`; the unspecified address where there is none."""
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "0.0.0.0", int(port or 0)


__all__ = ["HepReports", "sender_report"]
