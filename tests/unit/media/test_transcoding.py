"""Two ports that share no codec: each hears the other, decoded and encoded anew."""

from __future__ import annotations

import dataclasses
import itertools
import struct

import numpy as np
import pytest

import mediacodecs
from mediacodecs import handles
from softswitch.media import PCMA, PCMU, NotTranscodable, PortSettings, StreamFormat, can_transcode
from softswitch.media.playing import tones
from softswitch.media.rooms.bridge import transcoding_rate

G722 = StreamFormat(9, "G722", 8000)
OPUS = StreamFormat(111, "opus", 48000, 2)
G726 = StreamFormat(96, "G726-32", 8000)
WIDE = StreamFormat(97, "L16", 16000)
GSM = StreamFormat(3, "GSM", 8000)
AMR = StreamFormat(98, "AMR", 8000)
AMR_ALIGNED = StreamFormat(99, "AMR", 8000, fmtp="octet-align=1")
AMR_WB = StreamFormat(100, "AMR-WB", 16000)
CODEC2 = StreamFormat(102, "CODEC2", 8000, fmtp="mode=3200")
G729 = StreamFormat(18, "G729", 8000, fmtp="annexb=no")
EVENT = StreamFormat(101, "telephone-event", 8000)
RATES = {"PCMA": 8000, "PCMU": 8000, "G722": 16000, "opus": 48000, "G726-32": 8000, "L16": 16000, "AMR-WB": 16000}


def tone(hz, rate, seconds=1.5):
    return np.resize(tones.sine(hz, -12, rate), int(rate * seconds))


def level_at(samples, hz, rate):
    n = np.arange(len(samples))
    amplitude = 2 * abs(np.mean(samples * np.exp(-2j * np.pi * hz / rate * n)))
    return 20 * np.log10(max(amplitude, 1e-3) / 32768) + tones.FULL_SCALE_DBM0


class Talker:
    """One end: encodes a tone packet by packet, and keeps and decodes what it gets."""

    def __init__(self, leg, entry, hz, ptime_ms=20):
        self.leg, self.entry, self.ptime_ms = leg, entry, ptime_ms
        self.rate = RATES.get(entry.encoding, 8000)
        self.codec = mediacodecs.create(entry.encoding, self.rate, fmtp=entry.fmtp)
        self.sound = None if hz is None else tone(hz, self.rate)
        self.packets = []

    def say(self, i):
        if self.sound is not None:
            count = self.rate * self.ptime_ms // 1000
            payload = self.codec.encode(self.sound[i * count : (i + 1) * count]).tobytes()
            self.leg.phone.send(self.leg.port, payload, self.entry.payload_type)

    def heard(self):
        """The samples of the second half of what was heard: int16[n] at the rate of the codec."""
        samples = [
            self.codec.decode(np.frombuffer(packet.payload, np.uint8))
            if packet.payload_type == self.entry.payload_type
            else np.zeros(0, np.int16)
            for packet in self.packets
        ]
        whole = np.concatenate(samples).astype(float)
        return whole[len(whole) // 2 :]


def converse(*talkers, seconds=0.9):
    """Let all say their tones, and take what they hear."""
    stage = talkers[0].leg.phone.stage
    for i in range(int(seconds * 100)):
        for talker in talkers:
            if i * 10 % talker.ptime_ms == 0:
                talker.say(i * 10 // talker.ptime_ms)
        stage.sleep(0.01)
        for talker in talkers:
            talker.packets += talker.leg.phone.take()


@pytest.fixture
def compiled(make_engine):
    """An engine whose packet thread is compiled code: the better codecs are too slow as plain Python."""
    return make_engine()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PCMA, G722),
        (PCMU, OPUS),
        (G722, OPUS),
        (PCMA, G726),
        (WIDE, PCMU),
        (OPUS, WIDE),
        (G726, G722),
        (GSM, PCMA),
        (AMR, AMR_ALIGNED),
        (AMR_WB, OPUS),
        (GSM, AMR_WB),
    ],
    ids=lambda entry: entry.encoding,
)
def test_each_hears_the_other_in_its_own_codec(compiled, make_leg, one, other):
    legs = make_leg(compiled, formats=(one,)), make_leg(compiled, formats=(other,))
    talkers = Talker(legs[0], one, 700), Talker(legs[1], other, 1100)
    compiled.connect(legs[0].port, legs[1].port)
    converse(*talkers)
    for talker, hz, own in zip(talkers, (1100, 700), (700, 1100), strict=True):
        assert level_at(talker.heard(), hz, talker.rate) == pytest.approx(-12, abs=1.5)
        assert level_at(talker.heard(), own, talker.rate) < -40, "nobody hears itself"
        packets = talker.packets
        assert {packet.payload_type for packet in packets} == {talker.entry.payload_type}
        assert 44 <= len(packets) <= 45, "one packet every 20 ms"
        for before, after in itertools.pairwise(packets):
            assert after.sequence == (before.sequence + 1) & 0xFFFF
            assert after.timestamp == (before.timestamp + talker.entry.clock_rate // 50) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("one", "other", "rate_hz"),
    [
        (PCMA, PCMU, 0),
        (PCMA, G722, 8000),
        (G722, OPUS, 16000),
        (PCMA, OPUS, 8000),
        (WIDE, G722, 16000),
        (G722, AMR_WB, 16000),
        (GSM, AMR_WB, 16000),
    ],
    ids=lambda value: getattr(value, "encoding", None),
)
def test_a_call_has_the_rate_that_both_codecs_have_something_for(one, other, rate_hz):
    """G.722 and Opus code the telephone's 8 kHz as they are; where both sides have more, nothing is lost."""
    ends = PortSettings(formats=(one,)), PortSettings(formats=(other,))
    assert transcoding_rate(*ends) == transcoding_rate(*reversed(ends)) == rate_hz


@pytest.mark.parametrize(("heard_ms", "said_ms"), [(20, 20), (10, 60)])
def test_g729_where_its_library_is_allowed(gpl_codecs, compiled, make_leg, heard_ms, said_ms):
    if not can_transcode("G729"):
        pytest.skip("libbcg729 is not installed (apt-get install libbcg729-0)")
    entry = dataclasses.replace(G729, ptime_ms=said_ms)
    legs = make_leg(compiled, formats=(PCMA,)), make_leg(compiled, formats=(entry,))
    compiled.connect(legs[0].port, legs[1].port)
    talkers = Talker(legs[0], PCMA, 700), Talker(legs[1], entry, 1100, heard_ms)
    converse(*talkers, seconds=0.6)
    for talker, hz in zip(talkers, (1100, 700), strict=True):
        assert level_at(talker.heard(), hz, 8000) == pytest.approx(-12, abs=2), f"{hz} Hz is heard"
    assert {len(packet.payload) for packet in talkers[1].packets} == {said_ms}, "ten octets in ten milliseconds"


def test_as_plain_python_too(engine, make_leg):
    legs = make_leg(engine, formats=(PCMA,)), make_leg(engine, formats=(WIDE,))
    engine.connect(legs[0].port, legs[1].port)
    talkers = Talker(legs[0], PCMA, 700), Talker(legs[1], WIDE, None)
    converse(*talkers, seconds=0.6)
    assert level_at(talkers[1].heard(), 700, 16000) == pytest.approx(-12, abs=1.5)


@pytest.mark.parametrize(("heard_ms", "said_ms"), [(10, 20), (20, 60), (60, 20), (30, 40), (20, 10)])
def test_packets_of_any_length(compiled, make_leg, heard_ms, said_ms):
    wide = StreamFormat(9, "G722", 8000, ptime_ms=said_ms)
    legs = make_leg(compiled, formats=(PCMA,)), make_leg(compiled, formats=(wide,))
    compiled.connect(legs[0].port, legs[1].port)
    talkers = Talker(legs[0], PCMA, 700, heard_ms), Talker(legs[1], wide, None)
    converse(*talkers, seconds=1.2)
    assert {len(packet.payload) for packet in talkers[1].packets} == {8 * said_ms}
    assert level_at(talkers[1].heard(), 700, 16000) == pytest.approx(-12, abs=1.5)


def test_telephone_events_go_between_the_packets_of_sound(engine, make_leg, stage):
    one = make_leg(engine, formats=(PCMA, EVENT))
    other = make_leg(engine, formats=(WIDE, StreamFormat(110, "telephone-event", 16000)))
    engine.connect(one.port, other.port)
    for _ in range(10):
        one.phone.send(one.port)
        stage.sleep(0.02)
    at = one.phone.timestamp
    for i in range(5):
        duration = 160 * (i + 1)
        one.phone.send(one.port, struct.pack(">BBH", 5, 10 | (0x80 if i == 4 else 0), duration), 101, timestamp=at)
        stage.sleep(0.02)
    packets = []
    while not packets or packets[-1].payload_type != 110 or packets[-1].payload[1] & 0x80 == 0:
        packets.append(other.phone.receive())
    events = [packet for packet in packets if packet.payload_type == 110]
    assert [struct.unpack(">BBH", packet.payload)[2] for packet in events] == [320 * (i + 1) for i in range(5)]
    assert {packet.payload[0] for packet in events} == {5}
    assert len({packet.timestamp for packet in events}) == 1, "all packets of one event bear its beginning"
    assert [packet.marker for packet in events] == [True] + [False] * 4
    first = packets.index(events[0])
    assert all(packet.payload_type == 110 for packet in packets[first:]), "no sound while the event lasts"
    for before, after in itertools.pairwise(packets):
        assert after.sequence == (before.sequence + 1) & 0xFFFF
    assert {packet.ssrc for packet in packets} == {other.port.ssrc}


def test_new_settings_change_between_relay_and_transcoding(engine, make_leg, stage):
    one, other = make_leg(engine, formats=(PCMA,)), make_leg(engine, formats=(WIDE,))
    engine.connect(one.port, other.port)
    while other.phone.receive().payload_type != 97:
        pass
    other.port.configure(PortSettings(remote=other.phone.address, formats=(PCMA,)))
    stage.settle()
    other.phone.take()
    assert other.phone.silent(), "nothing is made up for who is relayed"
    one.phone.send(one.port, b"\x12" * 160)
    assert other.phone.receive().payload == b"\x12" * 160, "relayed as it is"
    other.port.configure(PortSettings(remote=other.phone.address, formats=(WIDE,)))
    assert other.phone.receive().payload_type == 97
    other.port.configure(PortSettings(remote=other.phone.address, formats=(WIDE,), send=False))
    stage.settle()
    other.phone.take()
    assert other.phone.silent(), "who may not be sent anything is sent nothing"
    one.phone.receive()
    with pytest.raises(NotTranscodable):
        other.port.configure(PortSettings(remote=other.phone.address, formats=(StreamFormat(98, "VP8", 90000),)))


def test_disconnecting_or_closing_one_silences_the_other(engine, make_leg, stage):
    legs = [make_leg(engine, formats=(entry,)) for entry in (PCMA, WIDE, PCMU)]
    one, other, third = (leg.port for leg in legs)
    engine.connect(one, other)
    engine.disconnect(other)
    stage.settle()
    for leg in legs[:2]:
        leg.phone.take()
    assert all(leg.phone.silent() for leg in legs), "nobody hears anybody any more"
    engine.connect(one, other)
    engine.connect(third, one)
    assert other.room is None
    engine.connect(one, other)
    one.close()
    assert other.room is None
    engine.settle()
    free = len(engine.rooms._free_rooms), len(engine.rooms._free_voices)
    for _ in range(3):
        engine.connect(third, other)
        engine.disconnect(other)
    engine.settle()
    assert (len(engine.rooms._free_rooms), len(engine.rooms._free_voices)) == free, "rooms and voices come back"


def test_the_preferred_format_decides(engine, make_leg):
    """A peer that prefers what the other does not know will send that, though both share another one."""
    one, other = make_leg(engine, formats=(WIDE, PCMA)), make_leg(engine, formats=(PCMA,))
    engine.connect(one.port, other.port)
    assert one.phone.receive().payload_type == 97
    assert other.phone.receive().payload_type == 8


@pytest.mark.parametrize("entry", [StreamFormat(18, "G729", 8000), StreamFormat(96, "L16", 44100)])
def test_codecs_that_are_not_here(engine, make_leg, entry):
    one, other = make_leg(engine, formats=(PCMA,)), make_leg(engine, formats=(entry,))
    with pytest.raises(NotTranscodable):
        engine.connect(one.port, other.port)
    again = make_leg(engine, formats=(entry,))
    engine.connect(again.port, other.port)
    again.phone.send(again.port, b"as it is", entry.payload_type)
    assert other.phone.receive().payload == b"as it is"


def test_what_libraries_allocate_is_given_back(compiled, make_leg, stage):
    """Each connection makes a decoder and encoders; with new settings, at the end and on closing they are freed."""
    one, other = make_leg(compiled, formats=(AMR,)), make_leg(compiled, formats=(AMR_ALIGNED,))
    begin = handles.opened() - handles.closed()
    made = handles.opened()
    for i in range(30):
        compiled.connect(one.port, other.port)
        one.phone.receive()
        other.phone.receive()
        if i % 3 == 0:
            other.port.configure(PortSettings(remote=other.phone.address, formats=(CODEC2,)))
            while other.phone.receive().payload_type != CODEC2.payload_type:
                pass
            other.port.configure(PortSettings(remote=other.phone.address, formats=(AMR_ALIGNED,)))
        compiled.disconnect(one.port)
    compiled.connect(one.port, other.port)
    one.phone.receive()
    other.port.close()
    one.port.close()
    stage.settle()
    assert handles.opened() - made >= 70, "encoders are made when they are needed"
    assert handles.opened() - handles.closed() == begin
