"""A talker among listeners with other codecs: coded once for each codec, numbered for each listener."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import mediacodecs
from softswitch.media import PCMA, PCMU, NotTranscodable, StreamFormat

G722 = StreamFormat(9, "G722", 8000)
L16 = StreamFormat(97, "L16", 16000)
_MS_20 = 160


@pytest.fixture
def room(engine):
    """An empty fan-out."""
    return engine.open_fan_out("talkgroup")


@pytest.fixture
def make_member(engine, make_leg, room):
    """A phone in the room; keyword arguments are those of PortSettings."""

    def make(*formats, **settings):
        leg = make_leg(engine, formats=formats, **settings)
        room.join(leg.port)
        return leg

    return make


def tone(packets):
    """A-law packets of 1000 Hz."""
    codec = mediacodecs.create("PCMA")
    pcm = (8000 * np.sin(2 * np.pi * 1000 * np.arange(packets * _MS_20) / 8000)).astype(np.int16)
    return [codec.encode(pcm[i * _MS_20 : (i + 1) * _MS_20]).tobytes() for i in range(packets)]


def pitch(payloads, encoding="G722"):
    """The strongest frequency of what was received."""
    codec = mediacodecs.create(encoding, 16000)
    heard = np.concatenate([codec.decode(np.frombuffer(payload, np.uint8)) for payload in payloads])[1600:]
    return float(np.abs(np.fft.rfft(heard * np.hanning(len(heard)))).argmax() * 16000 / len(heard))


def steps(values, bits=16):
    """The differences of numbers in a row."""
    return {(after - before) & ((1 << bits) - 1) for before, after in itertools.pairwise(values)}


def test_a_codec_is_coded_once_for_all_who_need_it(room, make_member):
    talker, native = make_member(PCMA), make_member(PCMA)
    first, second, third = make_member(G722), make_member(G722), make_member(L16)
    room.talk(talker.port)
    heard = {leg: [] for leg in (native, first, second, third)}
    for payload in tone(30):
        talker.phone.send(talker.port, payload)
        for leg, packets in heard.items():
            packets.append(leg.phone.receive())
    assert [packet.payload for packet in heard[native]] == tone(30), "who takes it as it is gets it as it is"
    assert [p.payload for p in heard[first]] == [p.payload for p in heard[second]], "coded once for both"
    assert len({packets[0].ssrc for packets in heard.values()}) == 4
    for leg, number, ticks in ((first, 9, 160), (second, 9, 160), (third, 97, 320)):
        packets = heard[leg]
        assert {p.payload_type for p in packets} == {number}
        assert steps([p.sequence for p in packets]) == {1} and steps([p.timestamp for p in packets], 32) == {ticks}
    assert abs(pitch([p.payload for p in heard[first]]) - 1000) < 20
    assert abs(pitch([p.payload for p in heard[third]], "L16") - 1000) < 20


def test_no_listener_sees_a_gap_when_the_talker_has_another_codec(room, make_member):
    narrow, wide, ear = make_member(PCMU), make_member(G722), make_member(G722)
    packets = []
    for talker, payload_type in ((narrow, 0), (wide, 9), (narrow, 0)):
        room.talk(talker.port)
        for _ in range(4):
            talker.phone.send(talker.port, bytes(160), payload_type=payload_type)
            packets.append(ear.phone.receive())
    assert steps([p.sequence for p in packets]) == {1} and len({p.ssrc for p in packets}) == 1
    assert [i for i, p in enumerate(packets) if p.marker] == [0, 4, 8], "a talk burst begins with the marker"


def test_packets_of_other_lengths(room, make_member):
    talker = make_member(PCMA)
    ear = make_member(StreamFormat(9, "G722", 8000, ptime_ms=30))
    room.talk(talker.port)
    for payload in tone(6):
        talker.phone.send(talker.port, payload)
    packets = [ear.phone.receive() for _ in range(4)]
    assert [len(p.payload) for p in packets] == [240] * 4
    assert steps([p.sequence for p in packets]) == {1} and steps([p.timestamp for p in packets], 32) == {240}


def test_lost_packets_are_made_up_for_and_late_ones_left_out(room, make_member):
    talker, ear = make_member(PCMA), make_member(L16)
    room.talk(talker.port)
    sent = tone(20)
    for number in (0, 1, 2, 4, 3, 5, 6, 16, 17):
        talker.phone.send(talker.port, sent[number], sequence=number, timestamp=number * 160)
    packets = [ear.phone.receive() for _ in range(9)]
    assert steps([p.sequence for p in packets]) == {1}
    assert steps([p.timestamp for p in packets[:7]], 32) == {320}, "three is made up for and not heard twice"
    assert not any(p.marker for p in packets[1:7]) and packets[7].marker, "after a long gap the stream begins anew"


def test_a_listener_on_hold_misses_packets_and_no_numbers(room, make_member, wait_for):
    talker, ear = make_member(PCMA), make_member(G722)
    room.talk(talker.port)
    talker.phone.send(talker.port)
    before = ear.phone.receive()
    agreed = ear.port.settings
    ear.port.configure(type(agreed)(remote=agreed.remote, formats=agreed.formats, send=False))
    talker.phone.send(talker.port)
    wait_for(lambda: ear.port.counters().dropped_direction == 1, "a packet not sent")
    ear.port.configure(agreed)
    talker.phone.send(talker.port)
    assert steps([before.sequence, ear.phone.receive().sequence]) == {1}


def test_who_comes_while_somebody_talks_and_who_changes_codec_is_heard_to(room, make_member):
    talker = make_member(PCMA)
    room.talk(talker.port)
    late = make_member(G722)
    talker.phone.send(talker.port)
    assert late.phone.receive().payload_type == 9
    for formats, number in (((L16,), 97), ((PCMU,), 0), ((G722,), 9)):
        late.port.configure(type(late.port.settings)(remote=late.phone.address, formats=formats))
        talker.phone.send(talker.port)
        assert late.phone.receive().payload_type == number


def test_voices_are_given_back(engine, room, make_member, wait_for):
    free = engine.rooms._free_voices
    before = len(free)
    talker, first, second = make_member(PCMA), make_member(G722), make_member(L16)
    room.talk(talker.port)
    assert len(free) == before - 4, "one hears the talker, and one codes into each of three codecs"
    room.leave(first.port)
    room.talk(None)
    wait_for(lambda: engine.poll() is not None and len(free) == before - 2, "two code on")
    room.talk(second.port)
    room.close()
    wait_for(lambda: engine.poll() is not None and len(free) == before, "all voices are free")


def test_what_cannot_be_coded_is_refused(room, make_member):
    make_member(PCMA)
    with pytest.raises(NotTranscodable, match="iLBC"):
        make_member(StreamFormat(98, "iLBC", 8000))
