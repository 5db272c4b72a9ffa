"""The SIP messages of single calls: ladders as JSON, text or SVG, and captures in the pcap format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from softswitch.api.auth import Principal
from softswitch.api.models.signalling import CaptureMedia, LadderQuery, MediaCapture
from softswitch.api.operations import Context, Operation, json_response
from softswitch.api.services import ApiServices, Row, SignallingServices
from softswitch.roles import Role
from softswitch.runtime.ladder_view import CallLadder, to_rows, to_svg, to_text

LADDER_TYPES = {"json": "application/json", "text": "text/plain", "svg": "image/svg+xml"}
PCAP_TYPE = "application/vnd.tcpdump.pcap"


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component, if the switch keeps messages."""
    signalling = services.signalling
    if signalling is None:
        return []
    return [
        _ladder(signalling, "/voice/calls/{id}/ladder", "voice", "SIP ladder of a call, in progress or lately ended"),
        _ladder(signalling, "/data/cdrs/{id}/ladder", "data", "SIP ladder of a recorded call, as far as it is kept"),
        *_captures(signalling),
    ]


def _ladder(signalling: SignallingServices, path: str, component: str, summary: str) -> Operation:
    async def ladder(request: web.Request, query: Mapping[str, Any], principal: Principal) -> web.StreamResponse:
        found = await signalling.ladder(request.match_info["id"], query["limit"])
        return _answer(found, query["format"] or chosen_format(request.headers.get("Accept", "")))

    role: Role = "dispatcher"
    return Operation(
        method="GET",
        path=path,
        summary=summary + "; secrets are blanked",
        component=component,
        role=role,
        stream=ladder,
        query=LadderQuery,
        sensitive=True,
        kinds=tuple(LADDER_TYPES.values()),
    )


def chosen_format(accept: str) -> str:
    """The format that an Accept header likes best (RFC 9110 §12.5.1), JSON when it says nothing of ours."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")):
        kind, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        name = next((name for name, known in LADDER_TYPES.items() if known == kind), "")
        try:
            weight = float(quality)
        except ValueError:
            weight = 0.0
        if name and weight > 0:
            wishes.append((-weight, place, name))
    return min(wishes)[2] if wishes else "json"


def _answer(ladder: CallLadder, form: str) -> web.Response:
    if form == "json":
        return json_response(to_rows(ladder))
    text = to_svg(ladder) if form == "svg" else to_text(ladder)
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    return web.Response(text=text, content_type=LADDER_TYPES[form], charset="utf-8", headers=headers)


def _captures(signalling: SignallingServices) -> list[Operation]:
    async def order(context: Context) -> Row:
        return signalling.capture(context.path["id"], context.body)

    async def fetch(request: web.Request, query: Mapping[str, Any], principal: Principal) -> web.StreamResponse:
        content = await signalling.capture_file(request.match_info["id"])
        headers = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="capture.pcap"'}
        return web.Response(body=content, content_type=PCAP_TYPE, headers=headers)

    return [
        Operation(
            method="GET",
            path="/voice/calls/{id}/capture.pcap",
            summary="SIP messages of a call in the pcap format, secrets blanked, and what was captured of its media",
            component="voice",
            role="admin",
            stream=fetch,
            sensitive=True,
            kinds=(PCAP_TYPE,),
        ),
        Operation(
            method="POST",
            path="/voice/calls/{id}/capture",
            summary="Capture RTP and RTCP of a call from now on, unencrypted, for capture.pcap",
            component="voice",
            role="admin",
            handler=order,
            body=CaptureMedia,
            answer=MediaCapture,
            sensitive=True,
        ),
    ]
