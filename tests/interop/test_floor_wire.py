"""Floor control messages as tshark reads them: every message that the switch or a participant sends, field by field."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from softswitch.floor import ArbiterSettings, Tier, mcptt, tbcp
from softswitch.floor import talkburst as burst
from softswitch.floor.channel import Dialect, Peer
from softswitch.floor.messages import FloorMessage, Kind, Location, TrackInfo
from tests.unit.floor.golden import MCPTT, TBCP
from tests.unit.floor.group import Group

_PORT = 40003

#: What the names of most of tshark's fields begin with.
_APP = "rtcp.app_data.mcptt."


def write_pcap(path: Path, datagrams: list[bytes]) -> None:
    """UDP datagrams from port 40002 to 40003 as raw IPv4 frames of a pcap file."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    address = bytes((127, 0, 0, 1))
    for index, payload in enumerate(datagrams):
        udp = struct.pack("!HHHH", _PORT - 1, _PORT, 8 + len(payload), 0) + payload
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, address, address) + udp
        out += struct.pack("<IIII", index, 0, len(packet), len(packet)) + packet
    path.write_bytes(bytes(out))


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """The chosen fields of every frame; several values of one field are joined by `;`."""
    command = ["tshark", "-n", "-r", str(path), "-d", f"udp.port=={_PORT},rtcp", "-T", "fields", "-E", "aggregator=;"]
    for name in fields:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def number(text: str) -> int:
    """A number as tshark prints it, decimal or hexadecimal."""
    return int(text, 0)


MESSAGES: list[tuple[FloorMessage, dict[str, object]]] = [
    *((message, {}) for name, (_, message) in MCPTT.items() if name != "taken, two talkers"),
    (FloorMessage(Kind.REQUEST, 1, priority=9, indicator=0x8000), {f"{_APP}priority": 9, f"{_APP}floor_ind": 0x8000}),
    (FloorMessage(Kind.REQUEST, 1, user="sip:p7@ptt.example"), {f"{_APP}user_id": "sip:p7@ptt.example"}),
    (FloorMessage(Kind.GRANTED, 1, duration_s=30, queue_size=3), {f"{_APP}duration": 30, f"{_APP}queue_size": 3}),
    (FloorMessage(Kind.GRANTED, 1, duration_s=1, talker_ssrc=0x5566), {f"{_APP}rtcp": 0x5566}),
    (
        FloorMessage(Kind.TAKEN, 1, granted_party="sip:d01@ptt.example", may_request=True, sequence=7),
        {
            "rtcp.mcptt.granted_partys_id": "sip:d01@ptt.example",
            f"{_APP}perm_to_req_floor": 1,
            f"{_APP}msg_seq_num": 7,
        },
    ),
    (
        FloorMessage(Kind.DENY, 1, cause=7, phrase="queue full"),
        {f"{_APP}rej_cause.floor_deny": 7, "rtcp.mcptt.rej_phrase": "queue full"},
    ),
    (FloorMessage(Kind.REVOKE, 1, cause=2), {f"{_APP}rej_cause.floor_revoke": 2}),
    (FloorMessage(Kind.IDLE, 1, sequence=65535, indicator=0x4000), {f"{_APP}msg_seq_num": 65535}),
    (
        FloorMessage(Kind.QUEUE_POSITION_INFO, 1, position=3, position_priority=5, queued_user="sip:q"),
        {f"{_APP}queue_pos_inf": 3, f"{_APP}queue_pri_lev": 5, "rtcp.mcptt.queued_user_id": "sip:q"},
    ),
    (FloorMessage(Kind.ACK, 1, source=2, acknowledged=Kind.RELEASE), {f"{_APP}source": 2, f"{_APP}msg_type": 4}),
    (
        FloorMessage(Kind.RELEASE, 1, track=TrackInfo(True, "police", (0x11223344,))),
        {f"{_APP}queueing_cap": 1, "rtcp.mcptt.participant_type": "police", f"{_APP}floor_participant_ref": 0x11223344},
    ),
    (
        FloorMessage(Kind.TAKEN, 1, talkers=("sip:a", "sip:bc"), alias="tel:1", aliases=("tel:2", "tel:3")),
        {f"{_APP}num_users": 2, "rtcp.mcptt.func_alias": "tel:1", f"{_APP}num_fa": 2},
    ),
    (FloorMessage(Kind.TAKEN, 1, location=Location(3, b"\x64\xf0\x10")), {f"{_APP}loc_type": 3}),
    (FloorMessage(Kind.RELEASE_MULTI_TALKER, 1, user="sip:a", talker_ssrc=5, sequence=9), {f"{_APP}user_id": "sip:a"}),
]

BURSTS: list[tuple[burst.TalkBurstMessage, dict[str, object]]] = [
    *((message, {}) for _, message in TBCP.values()),
    (burst.TalkBurstRequest(1, 2, 0xE900000080000000), {"rtcp.app.poc1.priority": 2}),
    (burst.TalkBurstGranted(1, 30, 12), {"rtcp.app.poc1.stt": 30, "rtcp.app.poc1.participants": 12}),
    (
        burst.TalkBurstTaken(1, 0x5566, "sip:anna@ptt.example", "Anna", 4, True),
        {
            "rtcp.app.poc1.ssrc.granted": 0x5566,
            "rtcp.app.poc1.sip.uri": "sip:anna@ptt.example",
            "rtcp.app.poc1.disp.name": "Anna",
            "rtcp.app.poc1.participants": 4,
        },
    ),
    (
        burst.TalkBurstDeny(1, 2, "broken"),
        {"rtcp.app.poc1.reason.code": 2, "rtcp.app.poc1.reason.phrase": "broken"},
    ),
    (burst.TalkBurstRelease(1, 4711), {"rtcp.app.poc1.last.pkt.seq.no": 4711, "rtcp.app.poc1.ignore.seq.no": 0}),
    (burst.TalkBurstRevoke(1, 2, 20), {"rtcp.app.poc1.reason.code": 2, "rtcp.app.poc1.new.time.request": 20}),
    (burst.TalkBurstAcknowledgement(1, 18), {"rtcp.app.poc1.ack.subtype": 18}),
    (burst.QueueStatusResponse(1, 2, 3), {"rtcp.app.poc1.qsresp.priority": 2, "rtcp.app.poc1.qsresp.position": 3}),
    (burst.QueueStatusRequest(1), {}),
    (burst.Disconnect(1), {}),
    (burst.Connect(1, 3, True, "sip:i", "Inviter", "sip:s", "Group", "sip:g"), {"rtcp.app.poc1.conn.session.type": 3}),
]


def _compare(path: Path, wanted: list[tuple[object, dict[str, object]]], subtypes: list[int]) -> None:
    names = sorted({name for _, fields in wanted for name in fields})
    fixed = ["rtcp.app.subtype", "_ws.malformed", "_ws.expert.severity"]
    lines = tshark(path, *fixed, *names)
    assert len(lines) == len(wanted)
    for (message, fields), subtype, line in zip(wanted, subtypes, lines, strict=True):
        assert number(line[0].split(";")[0]) == subtype, f"subtype of {message}"
        assert line[1] == "", f"tshark calls {message} malformed"
        seen = dict(zip(names, line[len(fixed) :], strict=True))
        for name, value in fields.items():
            text = seen[name].split(";")[0]
            assert (number(text) if isinstance(value, int) else text) == value, f"{name} of {message}: {seen[name]!r}"


@pytest.mark.needs("tshark")
def test_every_mcptt_message_is_read_as_it_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "mcptt.pcap"
    write_pcap(path, [mcptt.serialize(message) for message, _ in MESSAGES])
    subtypes = [message.kind | (0x10 if message.ack_required else 0) for message, _ in MESSAGES]
    _compare(path, list(MESSAGES), subtypes)


@pytest.mark.needs("tshark")
def test_every_talk_burst_message_is_read_as_it_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "tbcp.pcap"
    datagrams = [tbcp.serialize(message) for message, _ in BURSTS]
    write_pcap(path, datagrams)
    _compare(path, list(BURSTS), [data[0] & 0x1F for data in datagrams])


class _Recorded(Group):
    """A group that keeps every datagram of both directions."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.datagrams: list[bytes] = []
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def _post(self, name: str, inwards: bool, data: bytes) -> None:
        self.datagrams.append(data)
        super()._post(name, inwards, data)


@pytest.mark.needs("tshark")
def test_everything_a_group_says_is_well_formed(tmp_path: Path) -> None:
    """A conversation with collisions, queue, pre-emption, emergency, late entry and loss, on both protocols."""
    names = ["a", "b", "c", "d", "e"]
    peers = {"d": Peer("sip:d@x", 4, Dialect.TBCP), "e": Peer("sip:e@x", 5, acknowledges=True)}
    group = _Recorded(names, ArbiterSettings(t2=6.0), loss=0.1, duplication=0.1, seed=3, peers=peers)
    for turn in range(40):
        name = names[turn * 7 % 5]
        if turn % 3:
            group.press(name, Tier.EMERGENCY if turn % 11 == 0 else Tier.NORMAL)
        else:
            group.let_go(name)
        if turn == 20:
            group.join("late")
        group.run(0.4 + turn % 4)
    path = tmp_path / "group.pcap"
    write_pcap(path, group.datagrams)
    lines = tshark(path, "rtcp.app.name", "rtcp.app.subtype", "_ws.malformed", "rtcp.mcptt.unknown_fld")
    assert len(lines) == len(group.datagrams) > 200
    assert {line[0] for line in lines} == {"MCPT", "PoC1"}
    assert [line for line in lines if line[2] or line[3]] == []
    kinds = {number(line[1]) & 0x0F for line in lines if line[0] == "MCPT"}
    assert kinds >= {0, 1, 2, 4, 5, 6, 9, 10}, f"the conversation had only {kinds}"
