"""The bodies and lines of push-to-talk in octets: what is read and written, and that nothing breaks the parsers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateways.poc import mcpc
from gateways.poc.affiliation_command import AffiliationCommand
from gateways.poc.bodies import Bodies, multipart
from gateways.poc.floor_desk import DeskLink, FloorDesk
from gateways.poc.floor_line import FloorLine
from gateways.poc.invitation import Invitation, Session
from gateways.poc.mcptt_info import CONTENT_TYPE, Encrypted, McpttInfo
from gateways.poc.poc_settings import PocSettings
from gateways.poc.recognition import System, system_of
from gateways.poc.refusals import ALL, Refused
from gateways.poc.resource_lists import parse_resource_lists, serialize_resource_lists
from softswitch.floor.channel import Dialect, Peer
from softswitch.rtp import RtpError
from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request
from tests.unit.damage import damaged

#: As TS 24.379 F.1 shapes it, with a prefix of its own, an unknown element and white space.
INFO = b"""<?xml version="1.0" encoding="UTF-8"?>
<m:mcpttinfo xmlns:m="urn:3gpp:ns:mcpttInfo:1.0"><m:mcptt-Params>
  <m:session-type>prearranged</m:session-type>
  <m:mcptt-request-uri type="Normal"><m:mcpttURI>sip:grp-patrol@ptt.example</m:mcpttURI></m:mcptt-request-uri>
  <m:emergency-ind type="Normal"><m:mcpttBoolean>true</m:mcpttBoolean></m:emergency-ind>
  <m:broadcast-ind>false</m:broadcast-ind>
  <m:anyExt><other/></m:anyExt>
</m:mcptt-Params></m:mcpttinfo>"""

SETTINGS = (
    b'<poc-settings xmlns="urn:oma:params:xml:ns:poc:poc-settings"><entity id="a"><isb-settings>'
    b'<incoming-session-barring active="true"/></isb-settings><am-settings><answer-mode>manual</answer-mode>'
    b"</am-settings></entity></poc-settings>"
)
COMMAND = (
    b'<command-list xmlns="urn:3gpp:ns:affiliationCommand:1.0"><affiliate><group>sip:1@x</group></affiliate>'
    b"<de-affiliate><group>sip:2@x</group></de-affiliate></command-list>"
)

SDP = b"""v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r
m=application 40002 udp MCPTT\r\na=fmtp:MCPTT mc_queueing;mc_priority=5;mc_granted;mc_implicit_request\r\n"""
TBCP = b"""v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 3456 RTP/AVP 8\r
m=application 2000 udp TBCP\r\na=fmtp:TBCP queuing=1; tb_priority=2; timestamp=1; tb_granted=0\r\n"""


def invite(
    *parts: tuple[str, bytes], uri: str = "sip:mcptt@ptt.example", fields: tuple[tuple[str, str], ...] = ()
) -> Request:
    """An INVITE with these parts."""
    body, kind = multipart(*parts)
    return Request("INVITE", uri, [("Content-Type", kind), *fields], body)


def test_mcptt_info_extensions_stand_beside_those_of_others() -> None:
    """What came after Rel-13 is in anyExt, and what is unknown there is kept, however often it is written."""
    text = McpttInfo(session_type="ambient-listening", ambient="remote-init").serialize()
    assert b"<anyExt><ambient-listening-type>remote-init</ambient-listening-type></anyExt>" in text
    more = text.replace(b"<anyExt>", b"<anyExt><release-reason>none</release-reason>")
    info = McpttInfo.parse(more)
    assert info.ambient == "remote-init" and len(info.others) == 1
    for _ in range(2):
        written = info.serialize()
        assert written.count(b"ambient-listening-type>") == 2 and b"release-reason" in written
        assert McpttInfo.parse(written).ambient == "remote-init"


def test_mcptt_info_is_read_by_namespace_and_kept_where_unknown() -> None:
    info = McpttInfo.parse(INFO)
    assert info.session_type == "prearranged" and info.request_uri == "sip:grp-patrol@ptt.example"
    assert info.emergency is True and info.broadcast is False and info.alert is None and len(info.others) == 1
    again = McpttInfo.parse(info.serialize())
    assert again == info and len(again.others) == 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (INFO.replace(b'type="Normal"', b'type="Encrypted"'), Encrypted),
        (INFO.replace(b">true<", b">perhaps<"), ProtocolError),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + INFO, ProtocolError),
        (b"<a>" * 100, ProtocolError),
        (b"x" * 70000, ProtocolError),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        McpttInfo.parse(body)


def test_resource_lists_are_read_at_any_depth() -> None:
    uris = ["sip:p9@ptt.example", "tel:+123"]
    assert parse_resource_lists(serialize_resource_lists(uris)) == uris


def test_the_floor_lines_of_both_systems() -> None:
    line = FloorLine.find(SDP)
    assert line == FloorLine(Dialect.MCPTT, "192.0.2.7", 40002, True, 5, True, True)
    assert line.parameters() == "mc_queueing;mc_priority=5;mc_granted;mc_implicit_request"
    burst = FloorLine.find(TBCP)
    assert burst == FloorLine(Dialect.TBCP, "192.0.2.7", 2000, True, 8)
    assert burst.parameters() == "queuing=1; tb_priority=2; timestamp=0; tb_granted=0"
    assert FloorLine.find(SDP.replace(b"application 40002", b"application 0")) is None
    assert FloorLine.find(SDP.replace(b"udp MCPTT", b"udp BFCP")) is None
    ours = FloorLine(Dialect.MCPTT, "198.51.100.1", 5072, queueing=True, priority=4)
    put = ours.put_into(SDP).decode()
    assert "m=application 5072 udp MCPTT\r\na=fmtp:MCPTT mc_queueing;mc_priority=4\r\n" in put
    assert put.count("m=application") == 1 and "i=speech\r\n" in put


@pytest.mark.parametrize(
    ("request_", "system"),
    [
        (invite(("application/sdp", SDP)), System.MCPTT),
        (invite(("application/sdp", TBCP)), System.POC),
        (invite(("application/sdp", SDP.split(b"m=app")[0])), None),
        (invite(("application/sdp", b""), fields=(("Accept-Contact", "*;+g.poc.talkburst;require"),)), System.POC),
        (invite((CONTENT_TYPE, INFO)), System.MCPTT),
    ],
)
def test_requests_are_recognised(request_: Request, system: System | None) -> None:
    assert system_of(request_) is system


def test_invitations_of_both_systems() -> None:
    group = Invitation.of(invite(("application/sdp", SDP), (CONTENT_TYPE, INFO)), System.MCPTT)
    assert group.session is Session.PREARRANGED and group.group == "grp-patrol" and group.info.emergency
    chat = Invitation.of(invite(("application/sdp", TBCP), uri="sip:8001@ptt.example;session=chat"), System.POC)
    assert chat.session is Session.CHAT and chat.group == "8001" and chat.floor is not None
    standing = Invitation.of(invite(("application/sdp", SDP)), System.MCPTT)
    assert standing.session is Session.PRE_ESTABLISHED
    with pytest.raises(Refused):
        Invitation.of(invite((CONTENT_TYPE, INFO.replace(b"prearranged", b"private-party"))), System.MCPTT)


def test_session_messages_go_there_and_back() -> None:
    message = mcpc.SessionMessage(
        mcpc.Kind.CONNECT, 7, True, "chat", "sip:s", "sip:g", "sip:i", 0, confirmed=True, media=1, control=2
    )
    assert mcpc.SessionMessage.parse(message.serialize()) == message
    assert message.serialize()[8:12] == b"MCPC"


def test_settings_and_commands() -> None:
    assert PocSettings.parse(SETTINGS) == PocSettings(automatic=False, barred=True)
    assert AffiliationCommand.parse(COMMAND) == AffiliationCommand(("1",), ("2",))


def test_warnings_are_as_the_standard_has_them() -> None:
    numbers = [refusal.number for refusal in ALL if refusal.number]
    assert len(numbers) == len(set(numbers))
    for refusal in ALL:
        for _, value in refusal.warning("ptt.example"):
            assert value.startswith(f'399 ptt.example "{refusal.number:03d} ')


def test_the_desk_follows_a_client_behind_a_nat() -> None:
    got: list[tuple[str, bytes]] = []
    sent: list[tuple[bytes, tuple[str, int]]] = []
    desk = FloorDesk(lambda leg, data: got.append((leg, data)))
    desk.open(lambda data, place: sent.append((data, place)))
    link = DeskLink(desk, "a", Peer("sip:a"), None, ("10.0.0.1", 4002), "203.0.113.9")
    assert desk.add(link)
    desk.receive_data(b"x" * 16, ("203.0.113.9", 60001))
    link.send_floor(b"answer")
    assert got == [("a", b"x" * 16)] and sent == [(b"answer", ("203.0.113.9", 60001))]
    desk.receive_data(b"y", ("203.0.113.9", 60002))
    assert desk.counters["stray"] == 1, "once it has been heard, nobody else is taken for it"
    assert not desk.add(DeskLink(desk, "b", Peer("sip:b"), None, ("203.0.113.9", 60001), "203.0.113.9"))
    desk.remove(link)
    assert not len(desk) and not desk._silent


@given(st.binary(max_size=400))
def test_any_octets_are_a_session_message_or_an_error(data: bytes) -> None:
    data += bytes(-len(data) % 4)
    for packet in (data, b"\x80\xcc" + (len(data) // 4 + 2).to_bytes(2, "big") + b"1234MCPC" + data):
        try:
            message = mcpc.SessionMessage.parse(packet)
        except RtpError:
            continue
        assert message.kind == packet[0] & 0x0F and message.ssrc == int.from_bytes(packet[4:8], "big")


@given(st.binary(max_size=400) | damaged(SDP, TBCP))
@example(SDP.replace(b"40002", b"0"))
def test_any_octets_have_a_floor_line_or_none(data: bytes) -> None:
    line = FloorLine.find(data)
    if line is None:
        return
    assert 0 < line.port < 65536 and line.format.encode() in data.upper(), f"{line} is not what {data!r} says"
    assert line.priority is None or 1 <= line.priority <= 255, "a priority that there is"


@given(st.binary(max_size=400) | damaged(INFO, SETTINGS, COMMAND, serialize_resource_lists(["sip:a@b", "sip:c@d"])))
def test_any_octets_are_a_body_or_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        info = McpttInfo.parse(data)
        assert McpttInfo.parse(info.serialize()) == info, f"{info} is not read back"
    with contextlib.suppress(ProtocolError):
        parties = parse_resource_lists(data)
        assert parse_resource_lists(serialize_resource_lists(parties)) == parties
    with contextlib.suppress(ProtocolError):
        PocSettings.parse(data)
        assert b"poc-settings" in data, "nothing else is taken for settings"
    with contextlib.suppress(ProtocolError):
        AffiliationCommand.parse(data)
        assert b"command-list" in data, "nothing else is taken for an affiliation"


@given(st.binary(max_size=200), st.sampled_from([CONTENT_TYPE, "application/sdp", "multipart/mixed;boundary=x", ""]))
def test_requests_are_invitations_or_refused(data: bytes, kind: str) -> None:
    request = Request("INVITE", "sip:a@b", [("Content-Type", kind)], data)
    if data and kind == CONTENT_TYPE:
        assert system_of(request) is System.MCPTT, "the kind of the body is enough"
    with contextlib.suppress(ProtocolError):
        bodies = Bodies.of(request)
        if kind == "application/sdp":
            assert bodies.sdp == (data or None), "a single part is the whole body"
    for system in System:
        with contextlib.suppress(ProtocolError, Refused):
            assert Invitation.of(request, system).system is system
