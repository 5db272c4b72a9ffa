"""Conferences: everyone hears all others and not itself, in the time and with the numbers of a proper stream."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mediacodecs.g711 import ALAW_DECODE, ULAW_DECODE, ALaw, ULaw
from softswitch.media import (
    PCMA,
    PCMU,
    LoudestSpeaker,
    MediaError,
    NotTranscodable,
    PlaybackEnded,
    PortSettings,
    RoomPlaybackEnded,
    StreamFormat,
)
from softswitch.media.playing import tones

TONES_HZ = (400, 700, 1000, 1300, 1600)
CODERS = {8: (ALaw, ALAW_DECODE), 0: (ULaw, ULAW_DECODE)}


def tone(hz, seconds=2.0, level=-12.0):
    return np.resize(tones.sine(hz, level), int(8000 * seconds))


def level_at(samples, hz):
    """The level in dBm0 of one frequency in int16[n]."""
    n = np.arange(len(samples))
    amplitude = 2 * abs(np.mean(samples * np.exp(-2j * np.pi * hz / 8000 * n)))
    return 20 * np.log10(max(amplitude, 1e-3) / 32768) + tones.FULL_SCALE_DBM0


def decoded(packets):
    return np.concatenate(
        [CODERS[packet.payload_type][1][np.frombuffer(packet.payload, np.uint8)] for packet in packets]
    ).astype(float)


class Speaker:
    """Lets phones speak for a while, 20 ms by 20 ms, each its own sound, and keeps what they get."""

    def __init__(self, legs, sounds, *, payload_types=None, samples=160):
        self.legs, self.samples = legs, samples
        self.types = payload_types or [8] * len(legs)
        self.payloads = [
            None if sound is None else CODERS[kind][0]().encode(sound)
            for sound, kind in zip(sounds, self.types, strict=True)
        ]

    def run(self, seconds):
        """What each phone gets."""
        heard = [[] for _ in self.legs]
        for i in range(int(seconds * 8000 / self.samples)):
            for leg, payload, kind in zip(self.legs, self.payloads, self.types, strict=True):
                if payload is not None:
                    leg.phone.send(leg.port, payload[i * self.samples : (i + 1) * self.samples].tobytes(), kind)
            self.legs[0].phone.stage.sleep(self.samples / 8000)
            for leg, packets in zip(self.legs, heard, strict=True):
                packets += leg.phone.take()
        return heard


@pytest.fixture
def room(engine):
    return engine.open_conference("conference-1")


@pytest.fixture
def make_member(engine, room, make_leg):
    def make(*, gain=1.0, muted=False, deaf=False, **settings):
        leg = make_leg(engine, **settings)
        room.join(leg.port, gain=gain, muted=muted, deaf=deaf)
        return leg

    return make


def test_everyone_hears_all_others_and_not_itself(room, make_member):
    laws = [PCMA, PCMU, PCMA]
    legs = [make_member(formats=(law,)) for law in laws]
    heard = Speaker(legs, [tone(hz) for hz in TONES_HZ[:3]], payload_types=[8, 0, 8]).run(1.0)
    for i, packets in enumerate(heard):
        samples = decoded(packets)[3200:]
        for k, hz in enumerate(TONES_HZ[:3]):
            if k == i:
                assert level_at(samples, hz) < -45, f"member {i} hears itself"
            else:
                assert level_at(samples, hz) == pytest.approx(-12, abs=1.0), f"member {i} hears member {k}"
        assert {packet.payload_type for packet in packets} == {laws[i].payload_type}


def test_members_get_a_steady_unbroken_stream(room, make_member):
    legs = [make_member() for _ in range(3)]
    heard = Speaker(legs, [tone(hz) for hz in TONES_HZ[:3]]).run(1.5)
    for leg, packets in zip(legs, heard, strict=True):
        assert 74 <= len(packets) <= 75, "one packet every 20 ms"
        assert {packet.ssrc for packet in packets} == {leg.port.ssrc}
        assert packets[0].marker
        assert not any(packet.marker for packet in packets[1:])
        for before, after in itertools.pairwise(packets):
            assert after.sequence == (before.sequence + 1) & 0xFFFF
            assert after.timestamp == (before.timestamp + 160) & 0xFFFFFFFF
            assert len(after.payload) == 160


def test_a_room_sends_to_those_who_say_nothing(room, make_member):
    alone = make_member()
    packets = [alone.phone.receive() for _ in range(5)]
    assert all(set(packet.payload) <= {0xD5, 0x55} for packet in packets), "silence"


@pytest.mark.parametrize(
    ("adjustment", "level"), [({"muted": True}, None), ({"gain": 0.5}, -18), ({"gain": 2.0}, -6), ({}, -12)]
)
def test_gain_and_mute(room, make_member, adjustment, level):
    speaker, listener = make_member(**adjustment), make_member()
    heard = Speaker([speaker, listener], [tone(700), None]).run(0.6)
    samples = decoded(heard[1])[2000:]
    if level is None:
        assert np.max(np.abs(samples)) <= 8
    else:
        assert level_at(samples, 700) == pytest.approx(level, abs=0.7)


def test_adjusting_while_one_speaks(room, make_member):
    speaker, listener = make_member(), make_member()
    room.adjust(speaker.port, muted=True)
    room.adjust(listener.port, deaf=True, gain=3)
    heard = Speaker([speaker, listener], [tone(700), tone(1000)]).run(0.4)
    assert np.max(np.abs(decoded(heard[1]))) <= 8, "the speaker is muted and the listener deaf"
    assert level_at(decoded(heard[0])[1200:], 1000) == pytest.approx(-12 + 9.5, abs=1)
    room.adjust(speaker.port, muted=False)
    heard = Speaker([speaker, listener], [tone(700), None]).run(0.3)
    assert np.max(np.abs(decoded(heard[1]))) <= 8, "deaf still"


def test_a_sum_that_is_too_loud_is_turned_down_and_not_cut(room, make_member):
    legs = [make_member() for _ in range(4)]
    heard = Speaker(legs, [tone(hz, level=0) for hz in TONES_HZ[:3]] + [None]).run(1.0)
    samples = decoded(heard[3])[3200:]
    assert np.max(np.abs(samples)) <= 32767
    wanted = sum(10 ** (level_at(samples, hz) / 10) for hz in TONES_HZ[:3])
    n = len(samples)
    total = np.mean(samples**2) / (32768**2 / 2) * 10 ** (tones.FULL_SCALE_DBM0 / 10)
    assert total - wanted < 0.03 * wanted, f"what is not of the three tones is distortion ({n} samples)"


def say_out_of_order(speaker, listener):
    """Forty packets, two of them in the wrong order, one twice and one not at all; what is heard of them."""
    payload = ALaw().encode(tone(700))
    got = []
    for i in range(40):
        for k in {10: (11,), 11: (10,), 20: (20, 20), 30: ()}.get(i, (i,)):
            speaker.phone.send(
                speaker.port,
                payload[k * 160 : (k + 1) * 160].tobytes(),
                sequence=65520 + k,
                timestamp=0xFFFFF000 + 160 * k,
            )
        got.append(listener.phone.receive())
    return got


def test_packets_out_of_order_twice_and_lost(room, make_member):
    speaker, listener = make_member(), make_member()
    got = say_out_of_order(speaker, listener)
    samples = decoded(got)[1600:]
    assert level_at(samples, 700) == pytest.approx(-12, abs=0.7), "reordering, repetition and loss are not heard"
    assert speaker.port.counters().duplicates == 1
    assert speaker.port.counters().reordered == 1
    assert room.counters(speaker.port).concealed <= 2


def test_another_stream_of_the_same_member(room, make_member):
    speaker, listener = make_member(), make_member()
    first = Speaker([speaker, listener], [tone(700), None]).run(0.3)
    speaker.phone.ssrc, speaker.phone.sequence, speaker.phone.timestamp = 5, 9, 77
    second = Speaker([speaker, listener], [tone(1300), None]).run(0.4)
    assert level_at(decoded(first[1])[1000:], 700) == pytest.approx(-12, abs=1)
    assert level_at(decoded(second[1])[1600:], 1300) == pytest.approx(-12, abs=1)
    assert len({packet.ssrc for packet in first[1] + second[1]}) == 1


def test_a_speaker_that_stops_fades_into_silence(room, make_member, stage):
    speaker, listener = make_member(), make_member()
    Speaker([speaker, listener], [tone(700), None]).run(0.3)
    stage.sleep(0.3)
    listener.phone.take()
    assert np.max(np.abs(decoded([listener.phone.receive() for _ in range(5)]))) <= 8


@pytest.mark.parametrize("ptime_ms", [10, 30, 60])
def test_packet_lengths_are_each_members_own(room, make_member, ptime_ms):
    other = StreamFormat(8, "PCMA", 8000, ptime_ms=ptime_ms)
    speaker, listener = make_member(formats=(other,)), make_member()
    heard = Speaker([speaker, listener], [tone(700), tone(1000)], samples=160).run(0.9)
    assert {len(packet.payload) for packet in heard[0]} == {8 * ptime_ms}
    assert len(heard[0]) == pytest.approx(900 / ptime_ms, abs=1)
    assert level_at(decoded(heard[0])[2400:], 1000) == pytest.approx(-12, abs=1)
    heard = Speaker([speaker, listener], [tone(700), None], samples=8 * ptime_ms).run(0.9)
    assert level_at(decoded(heard[1])[3200:], 700) == pytest.approx(-12, abs=1), "long packets are heard whole"


def test_the_loudest_is_told(engine, room, make_member, next_event):
    quiet, loud = make_member(), make_member()
    Speaker([quiet, loud], [tone(700, level=-30), None]).run(0.8)
    assert next_event(engine, LoudestSpeaker).port is quiet.port
    Speaker([quiet, loud], [tone(700, level=-30), tone(1000)]).run(0.8)
    event = next_event(engine, LoudestSpeaker)
    assert (event.port, event.room) == (loud.port, room)
    assert next_event(engine, LoudestSpeaker).port is None


def test_an_announcement_is_heard_by_all_besides_the_members(engine, room, make_member, next_event, stage):
    speaker, listener = make_member(), make_member()
    number = room.play(tone(1600, 0.5))
    heard = Speaker([speaker, listener], [tone(700), None]).run(0.5)
    assert level_at(decoded(heard[0])[800:3200], 1600) == pytest.approx(-12, abs=1)
    assert level_at(decoded(heard[1])[1200:3200], 1600) == pytest.approx(-12, abs=1)
    event = next_event(engine, RoomPlaybackEnded)
    assert (event.room, event.playback) == (room, number)
    room.play(tone(1300, 0.1), loop=True)
    room.stop()
    stage.settle()
    listener.phone.take()
    assert level_at(decoded([listener.phone.receive() for _ in range(10)])[800:], 1300) < -60


def test_what_is_played_to_one_member_takes_the_place_of_the_room(engine, room, make_member, next_event):
    speaker, listener = make_member(), make_member()
    engine.play(listener.port, tone(1600, 0.3))
    heard = Speaker([speaker, listener], [tone(700), None]).run(1.0)[1]
    next_event(engine, PlaybackEnded)
    samples = decoded(heard)
    assert level_at(samples[800:2000], 1600) == pytest.approx(-12, abs=1)
    assert level_at(samples[800:2000], 700) < -50
    assert level_at(samples[-3200:], 700) == pytest.approx(-12, abs=1)
    assert all(b.sequence == (a.sequence + 1) & 0xFFFF for a, b in itertools.pairwise(heard))


def test_coming_and_going(engine, room, make_member, make_leg, wait_for):
    legs = [make_member() for _ in range(3)]
    room.leave(legs[0].port)
    legs[1].port.close()
    assert room.members == (legs[2].port,)
    while not legs[0].phone.silent(0.03):
        pass
    legs[2].phone.receive()
    room.join(legs[0].port)
    engine.connect(legs[0].port, make_leg(engine).port)
    assert room.members == (legs[2].port,)
    room.close()
    assert room.members == ()
    while not legs[2].phone.silent(0.03):
        pass
    with pytest.raises(MediaError, match="closed"):
        room.join(legs[2].port)
    again = engine.open_conference("conference-2")
    again.join(legs[2].port)
    legs[2].phone.receive()


def test_new_settings_of_a_member_take_effect(room, make_member):
    leg = make_member()
    assert leg.phone.receive().payload_type == 8
    leg.port.configure(PortSettings(remote=leg.phone.address, formats=(PCMU,)))
    while leg.phone.receive().payload_type != 0:
        pass
    leg.port.configure(PortSettings(remote=leg.phone.address, formats=(PCMU,), send=False))
    while not leg.phone.silent(0.05):
        pass


def test_signals_for_those_who_come_and_go(engine, make_leg, stage):
    room = engine.open_conference("conference", signals=True)
    first, second = make_leg(engine), make_leg(engine)
    room.join(first.port)
    stage.sleep(0.3)
    first.phone.take()
    room.join(second.port)
    samples = decoded([first.phone.receive() for _ in range(12)])
    assert level_at(samples, 880) > -30
    stage.sleep(0.2)
    first.phone.take()
    room.leave(second.port)
    assert level_at(decoded([first.phone.receive() for _ in range(12)]), 440) > -30


def test_refusals(engine, room, make_leg, make_member):
    with pytest.raises(ValueError, match="11025"):
        engine.open_conference("x", 11025)
    with pytest.raises(NotTranscodable, match="VP8"):
        make_member(formats=(StreamFormat(98, "VP8", 90000),))
    with pytest.raises(ValueError, match="gain"):
        make_member(gain=9)
    stranger = make_leg(engine).port
    for call in (room.adjust, room.counters):
        with pytest.raises(ValueError, match="not in the room"):
            call(stranger)


def test_what_a_room_was_given_comes_back(engine, make_leg, next_event):
    """Rooms, members and clips, one after the other."""
    leg = make_leg(engine)
    for _ in range(300):
        room = engine.open_conference("conference")
        room.join(leg.port)
        room.play(np.arange(40_000, dtype=np.int16), rate_hz=8000)
        leg.port.configure(leg.port.settings)
        room.close()
        room.close()
    empty = engine.open_conference("nobody")
    empty.play(np.arange(80, dtype=np.int16))
    empty.close()
    room = engine.open_conference("conference")
    room.join(leg.port)
    room.play(tone(700, 0.05))
    next_event(engine, RoomPlaybackEnded)
    assert all(clip.users == 0 for clip in engine.rooms.clips.held), "no clip is held for good"


def test_putting_a_member_on_hold_loses_nothing_of_its_voice(engine, room, make_member):
    speaker, listener = make_member(), make_member()
    Speaker([speaker, listener], [tone(700), None]).run(0.3)
    before = room.counters(listener.port)
    settings = listener.port.settings
    listener.port.configure(PortSettings(remote=settings.remote, formats=settings.formats, send=False))
    listener.port.configure(settings)
    heard = Speaker([speaker, listener], [tone(700), None]).run(0.3)[1]
    assert level_at(decoded(heard)[1200:], 700) == pytest.approx(-12, abs=1)
    assert room.counters(listener.port).late == before.late
