"""What is done without a packet: reports that are due, ports that have fallen silent."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.connected import connect_peer, worth_connecting
from softswitch.media.kernels.listening import notice_silence
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.quality import assess
from softswitch.media.kernels.report import plan_report, send_report
from softswitch.media.layouts.events import EVENT_TIMEOUT
from softswitch.media.layouts.shared import OPEN

#: Every open port is looked after four times a second: a fifth of them each 50 ms.
_SWEEP_NS = 50_000_000
_SWEEP_SHARE = 5
_NOISE_PATIENCE = 20
#: So many that packets do not wait long for it.
_CONNECTED_AT_ONCE = 16


@part
def _patience(port: Any) -> Any:
    """How many timeouts a silence may last: more when the peer has said by comfort noise that it falls silent
    (RFC 3389 §5: nothing more need come until the noise changes)."""
    return _NOISE_PATIENCE if port["noise_formats"] >> port["last_format"] & 1 != 0 else 1


@part
def sweep(ports: Any, worker: Any, positions: Any, events: Any, scratch: Any, now_ns: int) -> None:
    """Look after the next fifth of the ports: send reports that are due, connect who sends, notice who is silent."""
    worker["next_sweep_ns"] = now_ns + _SWEEP_NS
    used = worker["ports_used"]
    begin = worker["sweep_from"]
    end = min(begin + used // _SWEEP_SHARE + 1, used)
    worker["sweep_from"] = 0 if end >= used else end
    connected = 0
    for slot in range(begin, end):
        port = ports[slot]
        if port["state"] != OPEN or port["worker"] != worker["number"]:
            continue
        if 0 < port["next_report_ns"] <= now_ns:
            assess(port, worker)
            send_report(port, scratch, False, now_ns)
            plan_report(port, worker, now_ns)
        if connected < _CONNECTED_AT_ONCE and worth_connecting(port):
            connect_peer(port, slot, worker, scratch)
            connected += 1
        notice_silence(port, slot, worker, positions, events, scratch, now_ns)
        if port["timeout_ns"] > 0 and port["receive"] != 0 and port["timed_out"] == 0:
            since = max(port["last_received_ns"], port["timeout_from_ns"])
            if now_ns - since > port["timeout_ns"] * _patience(port):
                port["timed_out"] = 1
                worker["timeouts"] += 1
                notify(worker, positions, events, EVENT_TIMEOUT, slot, port, now_ns - since, now_ns, scratch)
