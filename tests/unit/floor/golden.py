"""Worked floor control messages: octets in hexadecimal beside the values they mean (see tests/data/floor.md)."""

from __future__ import annotations

from softswitch.floor import talkburst as burst
from softswitch.floor.messages import FloorMessage, Kind

SERVER, CLIENT = 0x0A0A0A01, 0x1A2B3C4D

MCPTT: dict[str, tuple[str, FloorMessage]] = {
    "request": (
        "80cc0004 1a2b3c4d 4d435054 00020500 0d028000",
        FloorMessage(Kind.REQUEST, CLIENT, priority=5, indicator=0x8000),
    ),
    "emergency request": (
        "80cc0009 1a2b3c4d 4d435054 00020f00 06127369 703a7037 40707474 2e657861 6d706c65 0d021000",
        FloorMessage(Kind.REQUEST, CLIENT, priority=15, user="sip:p7@ptt.example", indicator=0x1000),
    ),
    "granted": (
        "81cc0007 0a0a0a01 4d435054 0102001e 00020500 0d028400 0e060000 55660000",
        FloorMessage(Kind.GRANTED, SERVER, duration_s=30, priority=5, indicator=0x8400, talker_ssrc=0x5566),
    ),
    "granted, acknowledgement wanted": (
        "91cc0004 0a0a0a01 4d435054 0102001e 0d028000",
        FloorMessage(Kind.GRANTED, SERVER, ack_required=True, duration_s=30, indicator=0x8000),
    ),
    "ack": (
        "8acc0004 1a2b3c4d 4d435054 0a020000 0c020100",
        FloorMessage(Kind.ACK, CLIENT, source=0, acknowledged=Kind.GRANTED),
    ),
    "taken": (
        "82cc000b 0a0a0a01 4d435054 04137369 703a6430 31407074 742e6578 616d706c 65000000 05020001 08020007 0d028000",
        FloorMessage(
            Kind.TAKEN, SERVER, granted_party="sip:d01@ptt.example", may_request=True, sequence=7, indicator=0x8000
        ),
    ),
    "deny": (
        "83cc0006 0a0a0a01 4d435054 020c0007 71756575 65206675 6c6c0000",
        FloorMessage(Kind.DENY, SERVER, cause=7, phrase="queue full"),
    ),
    "release": ("84cc0002 1a2b3c4d 4d435054", FloorMessage(Kind.RELEASE, CLIENT)),
    "idle": (
        "85cc0004 0a0a0a01 4d435054 08020008 0d028000",
        FloorMessage(Kind.IDLE, SERVER, sequence=8, indicator=0x8000),
    ),
    "revoke": ("86cc0003 0a0a0a01 4d435054 02020004", FloorMessage(Kind.REVOKE, SERVER, cause=4)),
    "queue position request": (
        "88cc0002 1a2b3c4d 4d435054",
        FloorMessage(Kind.QUEUE_POSITION_REQUEST, CLIENT),
    ),
    "queue position info": (
        "89cc0003 0a0a0a01 4d435054 03020205",
        FloorMessage(Kind.QUEUE_POSITION_INFO, SERVER, position=2, position_priority=5),
    ),
    "taken, two talkers": (
        "82cc000a 0a0a0a01 4d435054 0f0d0205 7369703a 61057369 703a6200 100a0200 00001111 00002222 0d020080",
        FloorMessage(Kind.TAKEN, SERVER, talkers=("sip:a", "sip:b"), talker_ssrcs=(0x1111, 0x2222), indicator=0x0080),
    ),
    "release multi talker": (
        "8fcc0007 0a0a0a01 4d435054 06057369 703a6100 0e060000 11110000 08020009",
        FloorMessage(Kind.RELEASE_MULTI_TALKER, SERVER, user="sip:a", talker_ssrc=0x1111, sequence=9),
    ),
}

TBCP: dict[str, tuple[str, burst.TalkBurstMessage]] = {
    "request, high": (
        "80cc0006 1a2b3c4d 506f4331 66020002 6708e900 00008000 00000000",
        burst.TalkBurstRequest(CLIENT, 2, 0xE900000080000000),
    ),
    "granted": ("81cc0004 0a0a0a01 506f4331 6502001e 6402000c", burst.TalkBurstGranted(SERVER, 30, 12)),
    "deny": ("83cc0003 0a0a0a01 506f4331 01000000", burst.TalkBurstDeny(SERVER, 1)),
    "release, last number": ("84cc0003 1a2b3c4d 506f4331 12670000", burst.TalkBurstRelease(CLIENT, 4711)),
    "release, number to be ignored": ("84cc0003 1a2b3c4d 506f4331 00008000", burst.TalkBurstRelease(CLIENT)),
    "idle": ("85cc0002 0a0a0a01 506f4331", burst.TalkBurstIdle(SERVER)),
    "revoke, too long": ("86cc0003 0a0a0a01 506f4331 00020014", burst.TalkBurstRevoke(SERVER, 2, 20)),
    "ack of taken": ("87cc0003 0a0a0a01 506f4331 90000000", burst.TalkBurstAcknowledgement(SERVER, 18)),
    "queue status": ("89cc0003 0a0a0a01 506f4331 02000300", burst.QueueStatusResponse(SERVER, 2, 3)),
}


def octets(text: str) -> bytes:
    """The octets of a hexadecimal text with spaces."""
    return bytes.fromhex(text.replace(" ", ""))
