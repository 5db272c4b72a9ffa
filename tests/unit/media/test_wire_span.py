"""Spans of pseudowires in virtual time: sound, the D channel, what the network does to packets, clocks, alarms."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable

import pytest

from softswitch.media.pseudowire_settings import Carriage, Crc4, PseudowireSettings, RtpHeader
from softswitch.media.wires.pseudowire import WireAlarm

from .wire_pair import WirePair, faithful

_HERE, _THERE = ("127.0.0.1", 5070), ("127.0.0.1", 5071)
_MS = 1_000_000
CARRIAGES = pytest.mark.parametrize("carriage", list(Carriage), ids=lambda carriage: carriage.name.lower())


def settings(**changes: object) -> PseudowireSettings:
    return PseudowireSettings(local=_HERE, remote=_THERE, **changes)  # type: ignore[arg-type]


def rtp(number: int, payload: bytes) -> bytes:
    return struct.pack(">BBHII", 0x80, 8, number, (number * 160 + 4_294_960_000) & 0xFFFFFFFF, 7) + payload


def sound(octets: int, seed: int = 3) -> bytes:
    return random.Random(seed).randbytes(octets)


def talk(pair: WirePair, slot: int, spoken: bytes) -> None:
    """The first end says so many packets of 20 ms on a timeslot, one after the other."""
    for number in range(len(spoken) // 160):
        pair.one.say(slot, rtp(number, spoken[160 * number : 160 * number + 160]))
        pair.run(0.02)


@pytest.mark.parametrize(
    ("carriage", "rtp_header"),
    [*((Carriage.CESOPSN, header) for header in RtpHeader), (Carriage.SATOP, RtpHeader.NONE)],
    ids=lambda value: value.name.lower(),
)
def test_sound_and_frames_come_through_bit_for_bit(
    monkeypatch: pytest.MonkeyPatch, carriage: Carriage, rtp_header: RtpHeader
) -> None:
    both = {"carriage": carriage, "rtp": rtp_header}
    plain = rtp_header is RtpHeader.NONE
    pair = WirePair(monkeypatch, settings(master=True, **both), settings(**both), plain=plain)
    for slot in (1, 17, 31):
        pair.one.open(slot)
        pair.other.open(slot)
    pair.run(0.05)
    spoken = sound(160 * (3 if plain else 8))
    frames = [b"\x00\x01\x7f", b"\x02\x01\x01\x01" + b"\xff" * 40, bytes(260)]
    for frame in frames:
        pair.one.send_frame(frame)
    talk(pair, 17, spoken)
    pair.run(0.06)
    assert spoken in bytes(pair.other.heard[17]), "what was said on timeslot 17 was not heard octet for octet"
    assert set(pair.other.heard[1]) == {0xD5} == set(pair.other.heard[31]), "idle timeslots are filled with D5"
    assert pair.other.frames() == frames
    assert pair.other.alarms[-1] == 0 == pair.one.alarms[-1], "alarms of a line without fault"


def test_packets_of_cesopsn_are_as_rfc_5086_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = WirePair(monkeypatch, settings(), settings())
    pair.run(0.05)
    first, second = pair.one.sent[:2]
    assert len(first) == 4 + 248
    assert first[0] == 0x04, "R says that nothing has come yet"
    assert first[1] == 0, "no length is told of 64 octets and more"
    assert (int.from_bytes(second[2:4], "big") - int.from_bytes(first[2:4], "big")) & 0xFFFF == 1
    slots = {first[4 + frame * 31 + 15] for frame in range(8)}
    assert slots == {0x7E} and first[4 + 14] == 0xD5, "timeslot 16 has flags, the others are idle"
    assert pair.one.sent[-1][0] == 0, "R is not sent any more when packets come"


def test_packets_are_sent_one_by_one_where_no_interface_cuts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = WirePair(monkeypatch, settings(master=True), settings(), plain=True)
    pair.one.refuses_segments = True
    pair.run(0.1)
    counted = pair.one.counters()
    assert counted["packets_sent"] == len(pair.one.sent) >= 90 and "send_errors" not in counted, counted
    assert pair.other.alarms[-1] == 0 == pair.one.alarms[-1], "not a packet is missing"


def test_short_packets_tell_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = settings(slots=(16,), frames=32, depth_ms=16)
    pair = WirePair(monkeypatch, alone, alone)
    pair.run(0.1)
    assert pair.one.sent[0][1] == 36, "control word and 32 octets"
    pair.one.send_frame(b"\x00\x01\x7f")
    pair.run(0.1)
    assert pair.other.frames() == [b"\x00\x01\x7f"]


def test_the_first_octets_of_the_d_channel_are_those_of_the_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = WirePair(monkeypatch, settings(), settings())
    pair.one.send_frame(b"\x00\x01\x7f")
    pair.run(0.01)
    sent = b"".join(bytes(packet[4 + 31 * frame + 15] for frame in range(8)) for packet in pair.one.sent)
    assert sent.startswith(bytes.fromhex("7e0080fb13153f")), sent[:8].hex()


@CARRIAGES
def test_reordered_and_repeated_packets_do_no_harm(monkeypatch: pytest.MonkeyPatch, carriage: Carriage) -> None:
    def shuffled(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
        for _ in range(1 + (chance.random() < 0.1)):
            yield chance.choice((1, 1, 1, 3)) * _MS, datagram

    pair = WirePair(
        monkeypatch, settings(master=True, carriage=carriage), settings(carriage=carriage, depth_ms=20), there=shuffled
    )
    pair.one.open(5)
    pair.other.open(5)
    pair.run(0.1)
    spoken = sound(160 * 10)
    talk(pair, 5, spoken)
    pair.run(0.1)
    counted = pair.other.counters()
    assert spoken in bytes(pair.other.heard[5])
    assert (
        counted["packets_reordered"] > 20 and counted.get("packets_duplicate", 0) + counted.get("packets_late", 0) > 10
    )
    assert "packets_lost" not in counted


@CARRIAGES
def test_lost_packets_are_filled_and_no_false_frame_comes(monkeypatch: pytest.MonkeyPatch, carriage: Carriage) -> None:
    def lossy(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
        if chance.random() > 0.04:
            yield _MS, datagram

    pair = WirePair(
        monkeypatch, settings(master=True, carriage=carriage), settings(carriage=carriage), there=lossy, seed=5
    )
    pair.one.open(5)
    pair.other.open(5)
    pair.run(0.1)
    frames = [bytes([0, 1, number]) + bytes([number]) * 20 for number in range(30)]
    for frame in frames:
        pair.one.send_frame(frame)
    pair.run(0.5)
    counted = pair.other.counters()
    received = pair.other.frames()
    assert counted["packets_lost"] > 8 and counted["packets_lost"] <= 60, counted
    assert received and set(received) <= set(frames), "a frame that was never sent"
    assert len(received) < 30 and counted.get("d_fcs_errors", 0) + counted.get("d_aborts", 0) > 0
    assert len(pair.other.heard[5]) >= 160 * 26, "time goes on for what is heard"
    assert "alignments_lost" not in counted, "what stands for a lost packet keeps the frame alignment"


@CARRIAGES
def test_bit_errors_are_found(monkeypatch: pytest.MonkeyPatch, carriage: Carriage) -> None:
    def noisy(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
        octets = bytearray(datagram)
        if chance.random() < 0.2:
            octets[chance.randrange(4, len(octets))] ^= 1 << chance.randrange(8)
        yield _MS, bytes(octets)

    both = {"carriage": carriage, "crc4": Crc4.ON}
    pair = WirePair(monkeypatch, settings(master=True, **both), settings(**both), there=noisy)
    pair.run(0.1)
    frames = [bytes([0, 1, number]) + bytes(60) for number in range(30)]
    for frame in frames:
        pair.one.send_frame(frame)
    pair.run(0.3)
    assert set(pair.other.frames()) <= set(frames)
    if carriage is Carriage.SATOP:
        assert 20 < pair.other.counters()["crc4_errors"] < 200
        assert pair.one.counters()["e_bits"] == pytest.approx(pair.other.counters()["crc4_errors"], abs=12)


@pytest.mark.parametrize("ppm", [-50.0, 50.0])
def test_a_slave_follows_the_far_clock_without_a_slip(monkeypatch: pytest.MonkeyPatch, ppm: float) -> None:
    """Packets of one timeslot, 8 ms long, let a minute pass quickly."""
    alone = {"slots": (1,), "d_slot": 0, "frames": 64, "depth_ms": 40}
    pair = WirePair(monkeypatch, settings(**alone), settings(master=True, **alone), ppm=ppm)
    pair.run(60, step_ns=2 * _MS)
    counted = pair.one.counters()
    assert "slips" not in counted and "packets_lost" not in counted, counted
    assert int(pair.one.span["correction_ppb"]) == pytest.approx(ppm * 1000, abs=20_000)
    assert abs(len(pair.one.sent) - len(pair.other.sent)) <= 2, "both ends send at one rate"


def test_two_masters_slip_and_it_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = {"slots": (1,), "d_slot": 0, "frames": 64, "depth_ms": 40, "master": True}
    pair = WirePair(monkeypatch, settings(**alone), settings(**alone), ppm=800.0)
    pair.run(60, step_ns=4 * _MS)
    assert 3 <= pair.one.counters()["slips"] <= 9, pair.one.counters()
    assert 3 <= pair.other.counters()["slips"] <= 9, pair.other.counters()


def test_silence_of_the_far_end_is_an_alarm_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = [False]

    def wire(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
        return () if cut[0] else faithful(datagram, chance)

    pair = WirePair(monkeypatch, settings(master=True), settings(), there=wire)
    pair.run(0.1)
    assert pair.other.alarms[0] == WireAlarm.PACKETS and pair.other.alarms[-1] == 0
    cut[0] = True
    pair.run(0.1)
    assert pair.other.alarms[-1] == WireAlarm.PACKETS
    assert pair.one.alarms[-1] == WireAlarm.RAI, "the R bit tells the far end"
    assert pair.other.sent[-1][0] == 0x04
    cut[0] = False
    pair.run(0.1)
    assert pair.other.alarms[-1] == 0 == pair.one.alarms[-1]
    assert pair.other.counters()["gatherings"] == 2


@CARRIAGES
def test_l_says_that_there_is_no_signal(monkeypatch: pytest.MonkeyPatch, carriage: Carriage) -> None:
    ill = [False]

    def wire(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
        return ((_MS, bytes([0x08, 4]) + datagram[2:4] if ill[0] else datagram),)

    pair = WirePair(monkeypatch, settings(carriage=carriage, master=True), settings(carriage=carriage), there=wire)
    pair.other.open(3)
    pair.run(0.1)
    ill[0] = True
    pair.run(0.1)
    assert pair.other.alarms[-1] & WireAlarm.AIS
    assert bytes(pair.other.heard[3][-320:]) == b"\xd5" * 320
    assert pair.other.counters()["l_bits"] >= 90
    ill[0] = False
    pair.run(0.1)
    assert pair.other.alarms[-1] == 0


def test_a_fault_of_the_far_ends_line_is_a_remote_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    def rdi(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
        return ((_MS, bytes([datagram[0] | 0x02]) + datagram[1:]),)

    pair = WirePair(monkeypatch, settings(master=True), settings(), there=rdi)
    pair.run(0.1)
    assert pair.other.alarms[-1] == WireAlarm.RAI


def test_what_is_no_packet_of_the_span_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = WirePair(monkeypatch, settings(), settings())
    pair.run(0.05)
    good = pair.one.sent[-1]
    bad = [
        *(b"", b"\0\0\0", good[:-1], good + b"\0"),
        *(bytes([0x10]) + good[1:], bytes([0x03]) + good[1:], bytes([0x01]) + good[1:], bytes([0x0A]) + good[1:]),
    ]
    before = pair.other.counters().get("packets_malformed", 0)
    for datagram in bad:
        pair._serve(pair.other, datagram)
    assert pair.other.counters()["packets_malformed"] - before == len(bad)


@CARRIAGES
def test_anything_may_come(monkeypatch: pytest.MonkeyPatch, carriage: Carriage) -> None:
    chance = random.Random(11)

    def garbage(datagram: bytes, _: random.Random) -> Iterable[tuple[int, bytes]]:
        kind = chance.randrange(4)
        if kind == 0:
            return ((_MS, chance.randbytes(chance.randrange(0, 600))),)
        if kind == 1:
            return ((_MS, datagram[:4] + chance.randbytes(len(datagram) - 4)),)
        if kind == 2:
            return ((_MS, chance.randbytes(4) + datagram[4:]),)
        return ((chance.randrange(60) * _MS, datagram),)

    pair = WirePair(monkeypatch, settings(carriage=carriage, master=True), settings(carriage=carriage), there=garbage)
    pair.other.open(9)
    pair.run(0.3)
    pair.fates[id(pair.one)] = faithful
    pair.run(0.3)
    assert pair.other.alarms[-1] == 0, "the line is well again after the garbage"


def test_speech_that_comes_late_is_said_later(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = WirePair(monkeypatch, settings(master=True, lead_ms=10), settings())
    pair.one.open(2)
    pair.other.open(2)
    pair.run(0.1)
    spoken = sound(160 * 6)
    for number in range(6):
        pair.run(0.045 if number == 3 else 0.02)
        pair.one.say(2, rtp(number, spoken[160 * number : 160 * number + 160]))
    pair.run(0.2)
    heard = bytes(pair.other.heard[2])
    assert spoken[:480] in heard and spoken[480:] in heard, "what came in time, and what came late, each whole"
    assert pair.one.counters()["said_late"] == 1


def test_an_end_that_waits_is_quiet_until_the_far_end_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [True]

    def wire(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
        return faithful(datagram, chance) if there[0] else ()

    alone = {"slots": (1,), "d_slot": 0, "frames": 64, "depth_ms": 40}
    pair = WirePair(monkeypatch, settings(waits=True, **alone), settings(master=True, **alone), back=wire)
    there[0] = False
    pair.run(1.1, step_ns=4 * _MS)
    quiet_from = len(pair.one.sent)
    pair.run(0.4, step_ns=4 * _MS)
    assert len(pair.one.sent) == quiet_from, "a second after it began nothing is sent any more"
    there[0] = True
    pair.run(0.4, step_ns=4 * _MS)
    assert len(pair.one.sent) > quiet_from + 40 and pair.one.alarms[-1] == 0, "the line runs at once"
