"""Keys sent: as telephone-events between whatever else a port sends (RFC 4733 §2.5.1), or as tones."""

from __future__ import annotations

import numpy as np
import pytest

import mediacodecs
from mediacodecs import dtmf_detector
from softswitch.media import PCMA, DigitsSent, KeyPressed, KeyReleased, PlaybackEnded, StreamFormat
from softswitch.media.playing.tones import keys, sine

EVENT = StreamFormat(101, "telephone-event", 8000)
G722 = StreamFormat(9, "G722", 8000)


def event_of(packet) -> tuple[int, bool, int, int]:
    """Event, end, volume and duration of a telephone-event packet."""
    event, second, high, low = packet.payload
    return event, bool(second & 0x80), second & 0x3F, high << 8 | low


def collect(phone, until) -> list:
    packets = [phone.receive()]
    while not until(packets):
        packets.append(phone.receive())
    return packets


def digits_of(pcm: np.ndarray) -> list[int]:
    """The keys that an independent run of the detector finds in int16[n] at 8 kHz."""
    state, found = np.zeros(dtmf_detector.WORDS, np.int64), np.zeros(64, np.int64)
    heard: list[int] = []
    for at in range(0, len(pcm) - 159, 160):
        count = dtmf_detector.detect(state, pcm[at : at + 160], 160, found)
        heard += [int(key) for key in found[:count] if key < dtmf_detector.END]
    return heard


def test_keys_are_telephone_events_as_the_standard_has_them(engine, make_leg, next_event):
    leg = make_leg(engine, formats=(PCMA, EVENT))
    number = leg.port.send_digits("5#", duration_ms=120, gap_ms=60)
    ends = 0

    def over(packets) -> bool:
        nonlocal ends
        ends += event_of(packets[-1])[1]
        return ends == 6

    packets = collect(leg.phone, over)
    first = [p for p in packets if event_of(p)[0] == 5]
    second = [p for p in packets if event_of(p)[0] == 11]
    assert len(first) + len(second) == len(packets), "nothing but the two keys was sent"
    for key in (first, second):
        assert [p.marker for p in key] == [True] + [False] * (len(key) - 1), "the first packet alone is marked"
        assert len({p.timestamp for p in key}) == 1, "all packets of a key bear the time of its beginning"
        assert [event_of(p)[3] for p in key] == [80, 400, 800, 960, 960, 960], "it lasts longer, to 120 ms"
        assert [event_of(p)[1] for p in key] == [False] * 3 + [True] * 3, "three packets tell the end"
        assert {event_of(p)[2] for p in key} == {10}, "volume"
    numbers = [p.sequence - packets[0].sequence for p in packets]
    assert numbers == list(range(len(packets))), f"sequence numbers have no gap: {numbers}"
    assert second[0].timestamp - first[0].timestamp >= 8 * (120 + 60 - 10), "the second begins behind the gap"
    assert next_event(engine, DigitsSent).number == number


def test_a_relayed_stream_goes_on_in_one_row_of_numbers_around_a_key(engine, make_leg, wait_for):
    one, other = make_leg(engine, formats=(PCMA, EVENT)), make_leg(engine, formats=(PCMA, EVENT))
    engine.connect(one.port, other.port)
    other.port.send_digits("1", duration_ms=100, gap_ms=40)
    packets = []
    for _ in range(40):
        one.phone.send(one.port, bytes([0x55]) * 160)
        packets.append(other.phone.receive())
        while packets[-1].payload_type == 101:
            packets.append(other.phone.receive())
            if event_of(packets[-1])[1] if packets[-1].payload_type == 101 else False:
                break
        if sum(p.payload_type == 101 for p in packets) >= 5:
            break
    wait_for(lambda: any(isinstance(e, DigitsSent) for e in engine.poll()), "the key is done")
    while not other.phone.silent(0.02):
        pass
    last = max(packets, key=lambda p: (p.sequence - packets[0].sequence) & 0xFFFF)
    one.phone.send(one.port, bytes([0x55]) * 160)
    after = other.phone.receive()
    assert after.payload_type == 8, "sound goes on behind the key"
    assert after.marker, "the first sound behind a key is marked"
    numbers = [(p.sequence - packets[0].sequence) & 0xFFFF for p in packets]
    assert numbers == sorted(set(numbers)), f"every number once, in order: {numbers}"
    assert 0 < (after.sequence - last.sequence) & 0xFFFF < 10, "and the numbers go on"


def test_keys_are_tones_where_no_telephone_event_is_agreed(engine, make_leg, next_event):
    leg = make_leg(engine, formats=(PCMA,))
    number = leg.port.send_digits("159D", duration_ms=80, gap_ms=60)
    packets = collect(leg.phone, lambda packets: len(packets) == 28)
    codec = mediacodecs.create("PCMA", 8000)
    pcm = np.concatenate([codec.decode(np.frombuffer(p.payload, np.uint8)) for p in packets])
    assert digits_of(pcm) == [1, 5, 9, 15]
    assert next_event(engine, DigitsSent).number == number


def test_tones_let_a_clip_go_on_behind_them(make_engine, make_leg, next_event):
    engine = make_engine()
    leg = make_leg(engine, formats=(PCMA,))
    clip = engine.play(leg.port, np.resize(sine(400, -20), 8000))
    for _ in range(10):
        leg.phone.receive()
    leg.port.send_digits("7", duration_ms=60, gap_ms=40)
    ended = next_event(engine, PlaybackEnded)
    assert ended.playback == clip, "the interrupted clip was played to its end"


def test_a_key_in_wideband_sound(make_engine, make_leg):
    engine = make_engine()
    leg = make_leg(engine, formats=(G722,))
    leg.port.send_digits("3", duration_ms=100, gap_ms=40)
    packets = collect(leg.phone, lambda packets: len(packets) == 7)
    codec = mediacodecs.create("G722", 16000)
    pcm = np.concatenate([codec.decode(np.frombuffer(p.payload, np.uint8)) for p in packets])
    assert digits_of(np.ascontiguousarray(pcm[::2])) == [3]


@pytest.mark.parametrize("digits", ["", "12x", "1" * 65])
def test_what_is_no_key_is_refused(make_engine, make_leg, digits):
    leg = make_leg(make_engine())
    with pytest.raises(ValueError, match="is not 1 to 64 of"):
        leg.port.send_digits(digits)


def send_sound(leg, pcm: np.ndarray) -> None:
    payload = mediacodecs.create("PCMA", 8000).encode(pcm)
    for at in range(0, len(payload), 160):
        leg.phone.send(leg.port, payload[at : at + 160].tobytes())


def heard(engine, wait_for, kind, count: int = 1) -> list:
    seen: list = []

    def look() -> bool:
        seen.extend(engine.poll())
        return sum(isinstance(event, kind) for event in seen) >= count

    wait_for(look, f"{count} {kind.__name__} (seen: {seen})")
    return seen


def test_tones_are_told_as_keys_on_demand(engine, make_leg, wait_for):
    leg = make_leg(engine)
    leg.port.listen(keys=True)
    send_sound(leg, keys("8#", 100, 100))
    seen = heard(engine, wait_for, KeyReleased, 2)
    pressed = [(e.event, e.inband) for e in seen if isinstance(e, KeyPressed)]
    assert pressed == [(8, True), (11, True)]


def test_nothing_is_told_of_tones_without_demand(make_engine, make_leg, wait_for):
    engine = make_engine()
    leg = make_leg(engine)
    leg.port.listen(keys=True)
    leg.port.listen(keys=False)
    send_sound(leg, keys("8", 100, 100))
    wait_for(lambda: leg.port.counters().packets_received == 10, "the packets came")
    assert not [e for e in engine.poll() if isinstance(e, KeyPressed)]


def test_what_leaks_of_a_tone_before_its_event_is_the_same_key(make_engine, make_leg, wait_for):
    engine = make_engine()
    leg = make_leg(engine, formats=(PCMA, EVENT))
    leg.port.listen(keys=True)
    send_sound(leg, keys("4", 60, 40)[:640])
    heard(engine, wait_for, KeyPressed)
    for number in range(4):
        leg.phone.send(leg.port, bytes([4, 0x80 if number == 3 else 0, 3, 32]), 101, timestamp=9000)
    seen = heard(engine, wait_for, KeyReleased)
    assert not [e for e in seen if isinstance(e, KeyPressed)], "the key was told already"
    assert [(e.event, e.duration_ms) for e in seen if isinstance(e, KeyReleased)][-1] == (4, 100)
    send_sound(leg, keys("6", 100, 60))
    wait_for(lambda: leg.port.counters().packets_received >= 16, "the tone came")
    assert not [e for e in engine.poll() if isinstance(e, KeyPressed)], "who sends events is not listened to for tones"


def test_a_hushed_key_is_not_passed_on_as_sound(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.port.listen(keys=True, hush=True)
    send_sound(one, np.concatenate([np.zeros(800, np.int16), keys("2", 200, 100), np.zeros(1600, np.int16)]))
    heard(engine, wait_for, KeyReleased)
    packets = []
    while not other.phone.silent(0.01) and len(packets) < 100:
        pass
    loud = other.port.counters().packets_sent
    assert loud <= 5 + 2 + 17, f"of 10 packets with a tone two at most leak (sent {loud} of 30)"
    assert loud >= 15 + 1, "and the silence around it passes"


def test_keys_are_refused_when_too_many_wait(make_engine, make_leg):
    from softswitch.media import MediaError

    leg = make_leg(make_engine(), remote=None, formats=(PCMA, EVENT))
    for _ in range(16):
        leg.port.send_digits("1")
    with pytest.raises(MediaError, match="16 orders"):
        leg.port.send_digits("1")
