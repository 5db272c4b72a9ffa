"""What `softswitch doctor` looks at for E1 spans: their ports, the cards, and the library that cancels echo."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from softswitch.cli.finding import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from softswitch.config import Settings
    from softswitch.config.e1 import E1SpanSettings


def e1_spans(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether every span that is configured can run here; nothing when there is none."""
    e1 = settings.gateways.e1
    spans = e1.span if e1.enabled else ()
    for span in spans:
        yield _card(span) if span.driver == "dahdi" else _port(span)
    if any(span.echo_cancel and span.driver != "dahdi" for span in spans):
        from softswitch.media.echo_library import missing

        if missing:
            yield Finding("echo", "warning", f"Echo of E1 lines is not cancelled: {missing}.", "Install it.")
        else:
            yield Finding("echo", "ok", "Echo of E1 lines can be cancelled (libspeexdsp).")


def _card(span: E1SpanSettings) -> Finding:
    from gateways.e1.span import dahdi_device

    title = f"E1 span {span.name}"
    missing = dahdi_device.unusable()
    if missing:
        return Finding(title, "failed", f"There is {missing.split('.')[0]}.", missing.partition(". ")[2])
    return Finding(title, "ok", f"Cards are there; it is span {span.card_span} of them.")


def _port(span: E1SpanSettings) -> Finding:
    from softswitch.config.e1 import split_endpoint

    title = f"E1 span {span.name}"
    if span.driver == "loop":
        return Finding(title, "ok", "Its far end is simulated in the switch.")
    host, port = split_endpoint(span.local)
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, port))
    except OSError as error:
        remedy = "Stop what uses it, or change `local` of the span."
        return Finding(title, "failed", f"UDP {span.local} cannot be bound: {error.strerror}.", remedy)
    return Finding(title, "ok", f"UDP {span.local} is free; the far end is {span.remote}.")
