"""Radios in a switch without network: the key is a floor request, and who talks is transmitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np

from dialplan import Rule
from dialplan import Target as To
from gateways.usrp.gateway import UsrpGateway
from gateways.usrp.packet import VOICE_OCTETS, Packet, PacketType, TalkerInfo
from gateways.usrp.settings import RadioSettings
from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.events import DigitReceived, FloorGranted
from softswitch.sip.address import Address
from tests.unit.calls.phone import PhoneCall
from tests.unit.calls.room_engine import RoomWorld, press

NODE = ("192.0.2.7", 32001)
TONE = np.arange(160, dtype="<i2").tobytes()


class Line:
    """An internal port: what was put in, and what waits to be taken out."""

    def __init__(self, port: Any) -> None:
        self.port = port
        self.fd = 99
        self.heard: list[bytes] = []
        self.waiting: list[bytes] = []

    def put(self, packet: bytes) -> bool:
        self.heard.append(packet)
        return True

    def packets(self) -> Iterator[bytes]:
        while self.waiting:
            yield self.waiting.pop(0)

    def close(self) -> None:
        self.port.close()


class Tower:
    """A switch with one radio; `sent` is what its node got, `ready` what is called when the engine has packets."""

    def __init__(self, talkgroup: str = "8001") -> None:
        self.world = RoomWorld(
            talkgroup=TalkgroupDefinition("8001"), rules=(Rule("radios", To("gateway", ("usrp",)), prefix="811"),)
        )
        self.lines: list[Line] = []
        self.sent: list[Packet] = []
        self.ready: dict[int, Callable[[], None]] = {}
        cast(Any, self.world.engine).open_internal_port = self._open_line
        radio = RadioSettings("hilltop", "8110", ("192.0.2.1", 34001), NODE, talkgroup, keep_alive_s=0.0)
        self.gateway = UsrpGateway(
            [radio], self.world.exchange, cast(Any, self.world.engine), lambda work: work(self.world.now)
        )
        (self.station,) = self.gateway.stations
        self.station._send = lambda data: self.sent.append(Packet.parse(data))
        self.station._watch = lambda fd, ready: self.ready.update({fd: ready}) if ready else None
        self.gateway.listen()
        self.station.open(self.world.now)
        self.world.advance(0.1)
        self._sequence = 0

    def _open_line(self, owner: str) -> Line:
        self.lines.append(Line(self.world.engine.open_port(owner)))
        return self.lines[-1]

    def node(
        self, keyed: bool = True, kind: int = PacketType.VOICE, payload: bytes = TONE, host: str = NODE[0]
    ) -> None:
        """One packet of the node."""
        self._sequence += 1
        data = Packet(self._sequence, keyed, kind, 0, payload).serialize()
        self.gateway.received(self.station, data, Address("udp", host, 5, "usrp"))
        self.world.advance(0.01)

    def phone(self) -> PhoneCall:
        (alice,) = self.world.phones("1001")
        call = alice.call("8001")
        assert call.talking
        return call

    def over(self, *calls: PhoneCall) -> None:
        for call in calls:
            call.hang_up()
        self.station.close()
        self.put_out()
        self.world.check_over()

    def put_out(self) -> None:
        """End the radio's call."""
        call = self.world.exchange.call_of(self.station.leg) if self.station.leg is not None else None
        if call is not None:
            call.disconnect()


def test_the_key_asks_for_the_floor_and_gives_it_back() -> None:
    tower = Tower()
    assert tower.gateway.problems() == []
    call = tower.phone()
    tower.node(False, PacketType.TEXT, TalkerInfo("BG1ABC").serialize())
    tower.node()
    tower.node()
    (granted,) = tower.world.told(FloorGranted)
    assert (granted.party, granted.name) == ("8110", "BG1ABC"), "the node has told who holds the microphone"
    first, second = (packet for packet in tower.lines[0].heard)
    assert first[:2] == b"\x80\x88" and second[:2] == b"\x80\x08", "A-law, the first packet with the marker"
    assert len(first) == 172 and int.from_bytes(second[4:8]) - int.from_bytes(first[4:8]) == 160
    assert not [packet for packet in tower.sent if packet.keyed], "a radio does not hear itself"
    tower.node(False, payload=b"")
    assert tower.world.floor_events()[-1] == "idle"
    tower.over(call)


def test_who_talks_is_transmitted_until_the_end() -> None:
    tower = Tower()
    call = tower.phone()
    press(call, "*")
    tower.lines[0].waiting = [b"\x80\x08" + bytes(10) + b"\xd5" * 160]
    tower.ready[99]()
    press(call, "#")
    tower.world.advance(0.2)
    kinds = [(p.kind, p.keyed, len(p.payload)) for p in tower.sent]
    assert kinds == [(PacketType.TEXT, False, 19), (PacketType.VOICE, True, VOICE_OCTETS), (PacketType.VOICE, False, 0)]
    info = TalkerInfo.parse(tower.sent[0].payload)
    assert info is not None and info.callsign == "1001"
    assert set(np.frombuffer(tower.sent[1].payload, "<i2")) == {8}, "A-law's silence is its smallest positive value"
    tower.over(call)


def test_who_comes_late_hears_and_a_new_talker_is_named() -> None:
    tower = Tower()
    alice, boss = tower.world.phones("1001", "1009")
    calls = [phone.call("8001") for phone in (alice, boss)]
    tower.put_out()
    press(calls[0], "*")
    tower.world.advance(6)
    press(calls[1], "*")
    named = [TalkerInfo.parse(packet.payload) for packet in tower.sent if packet.kind == PacketType.TEXT]
    assert [info.callsign for info in named if info] == ["1001", "1009"], "a dispatcher takes the floor"
    assert not [packet for packet in tower.sent if packet.kind == PacketType.VOICE], "it is one transmission"
    tower.over(*calls)


def test_a_node_that_falls_silent_loses_the_floor() -> None:
    tower = Tower()
    call = tower.phone()
    tower.node()
    tower.world.advance(0.2)
    assert tower.world.floor_events()[-1] == "idle", "four frames stayed away"
    tower.over(call)


def test_packets_of_strangers_are_dropped() -> None:
    tower = Tower()
    tower.node(host="198.51.100.9")
    assert tower.station.link.counters["strange"] == 1 and not tower.lines[0].heard
    tower.over()


def test_a_radio_that_was_put_out_comes_back() -> None:
    tower = Tower()
    tower.put_out()
    tower.world.advance(1)
    assert tower.gateway.problems() == ["radio hilltop is not in talkgroup 8001"]
    tower.world.advance(5)
    assert tower.gateway.problems() == [] and len(tower.lines) == 2
    tower.over()


def test_a_phone_calls_a_radio_that_is_in_no_group() -> None:
    tower = Tower(talkgroup="")
    alice, bob = tower.world.phones("1001", "1002")
    call = alice.call("8110")
    tower.world.advance(0.1)
    assert call.talking and tower.station.link.transmitting
    assert bob.call("8110").status == 486, "it is in a call"
    assert bob.call("8119").status == 404, "there is no such radio"
    tower.node(False, PacketType.DTMF, b"5")
    assert [event.digit for event in tower.world.told(DigitReceived)] == ["5"]
    call.hang_up()
    tower.world.advance(0.1)
    assert tower.station.leg is None and not tower.station.link.transmitting
    assert not tower.sent[-1].keyed, "the node is told of the end"
    tower.over()
