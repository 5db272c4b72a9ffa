"""What a starting switch says: where it listens, and how to make the first call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from softswitch.config.defaults import DEMO_SUBSCRIBERS, DEMO_TOKENS, demo_password

if TYPE_CHECKING:
    from softswitch.config import Settings


def greeting(settings: Settings, data: Path, *, embedded: bool, simulated: bool = False) -> str:
    """The lines shown once everything listens; passwords only those of the published demo numbers."""
    from softswitch.version import VERSION

    lines = [f"softswitch {VERSION} is up (node {settings.node.id}, data in {data}/)"]
    for listen in settings.sip.listen:
        host = f"[{listen.address}]" if ":" in listen.address else listen.address
        note = "   trusted: no password asked, for testers" if listen.trusted else ""
        lines.append(f"  SIP   {listen.transport:<4} {host}:{listen.port}{note}")
    lines.append(f"  RTP   udp  {settings.rtp.address}:{settings.rtp.first_port}-{settings.rtp.last_port}")
    if settings.http.enabled:
        scheme = "https" if settings.http.certificate else "http"
        lines.append(f"  HTTP  {scheme}://{settings.http.address}:{settings.http.port}/   API docs at /api/v1/docs")
    known = f"  {len(settings.subscriber)} subscribers, {len(settings.trunk)} trunks"
    lines += _demo(settings) if embedded else [known]
    if simulated:
        from softswitch.demonstration import E1_LINES, POC_GROUP, POC_NUMBERS, RADIO_LINES

        lines.append(f"Simulated: push-to-talk clients {', '.join(POC_NUMBERS)} talk by turns in {POC_GROUP}; dial it.")
        lines += [E1_LINES, RADIO_LINES]
    lines.append("Stop with Ctrl-C.")
    return "\n".join(lines)


def _demo(settings: Settings) -> list[str]:
    first, last = DEMO_SUBSCRIBERS[0], DEMO_SUBSCRIBERS[-1]
    services = ", ".join(f"{service.number} {service.kind}" for service in settings.service)
    return [
        "",
        "Demo numbers (this machine only):",
        f"  phones     {first}-{last}, password {demo_password('<number>')}, realm {settings.sip.realm}",
        f"  services   {services}",
        "  rooms      7001-7009 conferences, 8001-8009 talkgroups (* takes the floor, # gives it back)",
        *(f"  E1 trunk   9…, CESoPSN {span.local}, far end {span.remote}" for span in settings.gateways.e1.span),
        "  testers    55… to a callee at 127.0.0.1:5090, sent to 127.0.0.1:5066",
        f"  API tokens {', '.join(DEMO_TOKENS)}",
        f"Try: register a softphone as {first} at 127.0.0.1 and dial 600; you hear yourself.",
        "",
    ]
