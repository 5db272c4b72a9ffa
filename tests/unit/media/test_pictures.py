"""Pictures: who sees what from when on, what is asked of the source, what is repeated."""

from __future__ import annotations

import itertools
import struct
from typing import Any, NamedTuple

import numpy as np
import pytest

from softswitch.media import FirstPicture, KeyFrameRequested, Port, PortSettings, StreamFormat
from softswitch.media.kernels import pictures
from softswitch.media.layouts.shared import PICTURE_H264, PICTURE_H265, PICTURE_VP8
from softswitch.rtp.rtcp import parse_compound
from tests.unit.media.conftest import Phone
from tests.unit.media.encoders import Decoder, Picture, encode, number_of
from tests.unit.rtp.test_against_others import _capture as write_capture
from tests.unit.rtp.test_against_others import _tshark as read_capture

FORMATS = {
    "H264": StreamFormat(96, "H264", 90000, fmtp="packetization-mode=1;profile-level-id=42e01f"),
    "H265": StreamFormat(97, "H265", 90000),
    "VP8": StreamFormat(98, "VP8", 90000),
}
ALL_FEEDBACK = frozenset({"nack", "nack pli", "ccm fir"})
CODECS = {"H264": PICTURE_H264, "H265": PICTURE_H265, "VP8": PICTURE_VP8}
KEY, INTER = b"\x67\x42\xe0\x1f", b"\x41\x9a\x00\x00"  # an SPS, a slice that refers to others


class Camera(NamedTuple):
    """A phone that sends pictures, and its port."""

    phone: Phone
    port: Port

    def send(self, picture: Picture, lost: tuple[int, ...] = ()) -> None:
        """Send a picture's packets, but those of `lost` places."""
        payload_type = self.port.settings.formats[0].payload_type
        for place, payload in enumerate(picture.payloads):
            marker = place == len(picture.payloads) - 1
            if place in lost:
                self.phone.sequence += 1
            else:
                stamp = self.phone.timestamp
                self.phone.send(self.port, payload, payload_type, marker=marker, timestamp=stamp)
        self.phone.timestamp += 3600

    def feedback(self) -> list[tuple[int, int, int, int, bytes]]:
        """The next feedback of the port: (kind, form, sender's SSRC, media's SSRC, rest); other RTCP is passed over."""
        while True:
            found = read_feedback(self.phone.receive_rtcp())
            if found:
                return found


def read_feedback(data: bytes) -> list[tuple[int, int, int, int, bytes]]:
    found = []
    while data:
        first, kind, words = struct.unpack_from(">BBH", data)
        size = 4 * (words + 1)
        assert first >> 6 == 2, "RTCP version"
        if kind in (205, 206):
            sender, media = struct.unpack_from(">II", data, 4)
            found.append((kind, first & 0x1F, sender, media, data[12:size]))
        data = data[size:]
    return found


def write_feedback(viewer: Phone, port: Port, form: int, kind: int, rest: bytes = b"") -> None:
    """Send feedback about what the port sends, behind an empty RR."""
    head = struct.pack(">BBHI", 0x80, 201, 1, 7)
    body = struct.pack(">BBHII", 0x80 | form, kind, 2 + len(rest) // 4, 7, port.ssrc) + rest
    viewer.rtcp.sendto(head + body, (port.local[0], port.rtcp_port))


def nack(viewer: Phone, port: Port, sequence: int, following: int = 0) -> None:
    write_feedback(viewer, port, 1, 205, struct.pack(">HH", sequence & 0xFFFF, following))


@pytest.fixture
def make_camera(engine, make_leg):
    def make(encoding: str = "H264", **settings: Any) -> Camera:
        leg = make_leg(
            engine, formats=(FORMATS[encoding],), feedback=settings.pop("feedback", ALL_FEEDBACK), **settings
        )
        return Camera(leg.phone, leg.port)

    return make


def watch(viewer: Camera, encoding: str, packets: int) -> list[int]:
    """The numbers of the pictures that a viewer decodes from so many packets, −1 for one that is spoilt."""
    decoder, seen = Decoder(encoding), []
    for _ in range(packets):
        packet = viewer.phone.receive()
        seen += [number_of(luma) for luma in decoder.feed(packet.payload, marker=packet.marker)]
    return seen


@pytest.mark.parametrize("encoding", FORMATS)
def test_a_viewer_who_comes_late_joins_at_a_key_frame(engine, make_camera, encoding):
    camera, early, late = make_camera(encoding), make_camera(encoding), make_camera(encoding)
    room = engine.open_fan_out("pictures")
    for member in (camera, early):
        room.join(member.port)
    room.talk(camera.port)
    coded = list(encode(encoding, range(16), gop=10))
    for picture in coded[:5]:
        camera.send(picture)
    seen = watch(early, encoding, sum(len(picture.payloads) for picture in coded[:5]))
    room.join(late.port)
    for picture in coded[5:]:
        camera.send(picture)
    first = next(place for place in range(5, 16) if coded[place].key)
    rest = sum(len(picture.payloads) for picture in coded[first:])
    assert watch(late, encoding, rest) == list(range(first, 16)), "all from the key frame on, and nothing before it"
    assert late.phone.silent()
    assert seen == list(range(5))
    (kind, form, sender, media, _), *_ = camera.feedback()
    assert (kind, form, sender, media) == (206, 1, camera.port.ssrc, camera.phone.ssrc), "a PLI about what it sends"


def test_the_last_talker_is_seen_until_the_next_one_s_key_frame(engine, make_camera, wait_for):
    first, second, viewer = (make_camera() for _ in range(3))
    room = engine.open_fan_out("pictures")
    for member in (first, second, viewer):
        room.join(member.port)
    second.phone.ssrc, second.phone.sequence = 99, 65000
    one, other = list(encode("H264", range(8))), list(encode("H264", range(20, 28), keys=[24]))
    room.talk(first.port)
    decoder, seen, numbers = Decoder("H264"), [], []

    def look(picture: Picture) -> None:
        for _ in picture.payloads:
            packet = viewer.phone.receive()
            numbers.append(packet.sequence)
            seen.extend(number_of(luma) for luma in decoder.feed(packet.payload, marker=packet.marker))

    for picture in one[:4]:
        first.send(picture)
        look(picture)
    for picture in other[:2]:
        second.send(picture)
    sent = sum(len(picture.payloads) for picture in other[:2])
    wait_for(lambda: second.port.counters().packets_received == sent, "what is not shown has come before the change")
    room.talk(second.port, second=first.port)
    for place in (4, 5):
        second.send(other[place - 2])  # no key frame yet
        first.send(one[place])
        look(one[place])
    assert second.feedback()[0][:2] == (206, 1), "the next talker is asked for a key frame"
    for picture in other[4:]:
        second.send(picture)
        look(picture)
    assert seen == [0, 1, 2, 3, 4, 5, 24, 25, 26, 27]
    assert [(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers)] == [1] * (len(numbers) - 1)


def test_the_talker_sees_who_is_second(engine, make_camera):
    talker, second, viewer = (make_camera() for _ in range(3))
    room = engine.open_fan_out("pictures")
    for member in (talker, second, viewer):
        room.join(member.port)
    room.talk(talker.port, second=second.port)
    second.phone.send(second.port, KEY, 96)
    assert talker.phone.receive().payload == KEY
    talker.phone.send(talker.port, KEY + b"\x01", 96)
    for port in (viewer, second):
        assert port.phone.receive().payload == KEY + b"\x01"
    assert viewer.phone.silent(), "only the talker sees who is second"


def test_what_a_viewer_has_lost_is_repeated_as_it_was(engine, make_camera):
    camera, viewer = make_camera(), make_camera()
    engine.connect(camera.port, viewer.port)
    sent = []
    for i in range(20):
        camera.phone.send(camera.port, (KEY if i == 0 else INTER) + bytes([i]), 96, marker=i % 2 == 1)
        sent.append(viewer.phone.receive())
    nack(viewer.phone, viewer.port, sent[5].sequence, 0b101)
    again = [viewer.phone.receive() for _ in range(3)]
    for packet, place in zip(again, (5, 6, 8), strict=True):
        assert packet[:6] == sent[place][:6], f"packet {place} again, octet for octet"
    nack(viewer.phone, viewer.port, sent[0].sequence - 3)
    assert viewer.phone.silent(), "what was sent before the stream began is not repeated"
    assert viewer.port.counters().packets_repeated == 3


def test_what_the_switch_has_lost_is_asked_for_once_under_the_source_s_numbers(engine, make_camera):
    camera, viewers = make_camera(), [make_camera() for _ in range(3)]
    room = engine.open_fan_out("pictures")
    for member in (camera, *viewers):
        room.join(member.port)
    room.talk(camera.port)
    picture = Picture([KEY, INTER, INTER + b"1", INTER + b"2"], key=True)
    first = camera.phone.sequence
    camera.send(picture, lost=(1, 2))
    for viewer in viewers:
        head, tail = viewer.phone.receive(), viewer.phone.receive()
        assert tail.sequence == (head.sequence + 3) & 0xFFFF, "the gap is seen"
        nack(viewer.phone, viewer.port, head.sequence + 1, 1)
    (kind, form, sender, media, rest), *_ = camera.feedback()
    assert (kind, form, sender, media) == (205, 1, camera.port.ssrc, camera.phone.ssrc)
    assert struct.unpack(">HH", rest) == (first + 1, 1)
    for sequence, payload in ((first + 1, picture.payloads[1]), (first + 2, picture.payloads[2])):
        camera.phone.send(camera.port, payload, 96, sequence=sequence, timestamp=camera.phone.timestamp - 3600)
    for viewer in viewers:
        assert [viewer.phone.receive().payload for _ in range(2)] == picture.payloads[1:3]
    assert camera.port.counters().packets_asked == 1, "three viewers ask as one"


class Repairer:
    """A viewer that asks again for what is missing, puts everything in order and decodes it."""

    def __init__(self, viewer: Camera, encoding: str) -> None:
        self.viewer, self.encoding = viewer, encoding
        self.packets: dict[int, Any] = {}
        self.first = self.latest = -1

    def take(self, *, dropped: bool) -> None:
        """Receive a packet, which may be lost on its last way."""
        packet = self.viewer.phone.receive()
        if self.first < 0:
            self.first = packet.sequence
        place = (packet.sequence - self.first) & 0xFFFF
        self.latest = max(self.latest, place)
        if not dropped:
            self.packets[place] = packet

    def missing(self) -> list[int]:
        return [place for place in range(self.latest) if place not in self.packets]

    def seen(self) -> list[int]:
        decoder, seen = Decoder(self.encoding), []
        for place in sorted(self.packets):
            packet = self.packets[place]
            seen += [number_of(luma) for luma in decoder.feed(packet.payload, marker=packet.marker)]
        return seen


@pytest.mark.parametrize("encoding", FORMATS)
def test_every_picture_is_whole_though_a_tenth_is_lost_on_both_ways(engine, make_camera, encoding):
    random, camera = np.random.default_rng(3), make_camera(encoding)
    viewer = Repairer(make_camera(encoding), encoding)
    engine.connect(camera.port, viewer.viewer.port)
    kept: dict[int, tuple[bytes, bool, int]] = {}
    lost: set[int] = set()
    for picture in encode(encoding, range(20)):
        for place, payload in enumerate(picture.payloads):
            marker, sequence = place == len(picture.payloads) - 1, camera.phone.sequence
            kept[sequence] = (payload, marker, camera.phone.timestamp)
            if len(kept) > 1 and random.random() < 0.1:
                lost.add(sequence)
                camera.phone.sequence += 1
                continue
            camera.phone.send(
                camera.port, payload, FORMATS[encoding].payload_type, marker=marker, timestamp=camera.phone.timestamp
            )
            viewer.take(dropped=len(kept) > 1 and random.random() < 0.1)
        camera.phone.timestamp += 3600
    base = 100
    for place in viewer.missing():
        nack(viewer.viewer.phone, viewer.viewer.port, viewer.first + place)
        if base + place in lost:
            *_, asked = camera.feedback()[0]
            sequence = struct.unpack(">HH", asked)[0]
            assert sequence == base + place, "the source is asked by its own number"
            payload, marker, timestamp = kept[sequence]
            payload_type = FORMATS[encoding].payload_type
            camera.phone.send(camera.port, payload, payload_type, sequence=sequence, marker=marker, timestamp=timestamp)
        viewer.take(dropped=False)
    assert viewer.seen()[:18] == list(range(18)), "every picture, but for what was lost at the very end"


@pytest.mark.interop
def test_tshark_reads_what_is_asked_without_complaint(engine, make_camera, tmp_path):
    datagrams = []
    for agreed in ("nack pli", "ccm fir"):
        camera, viewer = make_camera(feedback=frozenset({agreed, "nack"})), make_camera()
        engine.connect(camera.port, viewer.port)
        camera.phone.send(camera.port, INTER, 96)
        datagrams.append(camera.phone.receive_rtcp())
        camera.phone.send(camera.port, KEY, 96)
        camera.phone.sequence += 2
        camera.phone.send(camera.port, INTER, 96)
        sequence = viewer.phone.receive().sequence
        nack(viewer.phone, viewer.port, sequence + 1, 1)
        datagrams.append(camera.phone.receive_rtcp())
    path = tmp_path / "feedback.pcap"
    write_capture(path, [(30001, data) for data in datagrams])
    fields = ["-T", "fields", "-E", "occurrence=l", "-e", "rtcp.pt", "-e", "_ws.malformed", "-e", "_ws.expert.severity"]
    lines = [line.split("\t") for line in read_capture(path, "-d", "udp.port==30001,rtcp", *fields)]
    assert [int(line[0]) for line in lines] == [206, 205, 206, 205]
    assert [line[1] for line in lines] == [""] * 4, "tshark calls a packet malformed"
    for data in datagrams:
        assert [type(packet).__name__ for packet in parse_compound(data)][:2] == ["ReceiverReport", "SourceDescription"]


@pytest.mark.parametrize(("form", "rest"), [(1, b""), (4, struct.pack(">II", 1, 3 << 24))])
@pytest.mark.parametrize("agreed", ["nack pli", "ccm fir"])
def test_requests_for_a_key_frame_reach_the_source_in_its_own_way(engine, make_camera, form, rest, agreed, wait_for):
    camera, viewer = make_camera(feedback=frozenset({agreed})), make_camera()
    engine.connect(camera.port, viewer.port)
    camera.phone.send(camera.port, KEY, 96)
    viewer.phone.receive()
    write_feedback(viewer.phone, viewer.port, form, 206, rest)
    (kind, got, sender, media, body), *_ = camera.feedback()
    assert (kind, sender) == (206, camera.port.ssrc)
    if agreed == "nack pli":
        assert (got, media, body) == (1, camera.phone.ssrc, b"")
    else:
        assert (got, media, struct.unpack(">II", body)) == (4, 0, (camera.phone.ssrc, 1 << 24))


def test_events_tell_of_requests_and_of_the_first_picture(engine, make_camera, wait_for):
    camera, viewer = make_camera(feedback=frozenset()), make_camera()
    engine.connect(camera.port, viewer.port)
    camera.phone.send(camera.port, INTER, 96)
    events: list[Any] = []
    wait_for(lambda: events.extend(engine.poll()) or any(isinstance(e, KeyFrameRequested) for e in events), "a request")
    request = next(e for e in events if isinstance(e, KeyFrameRequested))
    assert (request.port, request.by_rtcp, request.tries) == (camera.port, False, 1)
    camera.phone.send(camera.port, KEY, 96)
    wait_for(lambda: events.extend(engine.poll()) or any(isinstance(e, FirstPicture) for e in events), "a picture")
    assert next(e for e in events if isinstance(e, FirstPicture)).port is viewer.port
    assert viewer.port.counters().dropped_waiting == 1


def test_after_a_hold_pictures_go_on_with_a_key_frame(engine, make_camera, wait_for):
    camera, viewer = make_camera(), make_camera()
    engine.connect(camera.port, viewer.port)
    camera.phone.send(camera.port, KEY, 96)
    before = viewer.phone.receive()
    settings = viewer.port.settings
    viewer.port.configure(PortSettings(remote=settings.remote, formats=settings.formats, send=False))
    camera.phone.send(camera.port, INTER, 96)
    wait_for(lambda: viewer.port.counters().dropped_direction == 1, "a packet for nobody")
    viewer.port.configure(settings)
    camera.phone.send(camera.port, INTER, 96)
    camera.phone.send(camera.port, KEY, 96)
    after = viewer.phone.receive()
    assert after.payload == KEY, "not what refers to pictures that were not seen"
    assert after.sequence == (before.sequence + 1) & 0xFFFF
    assert not after.marker, "a marker ends a picture, and is the source's"


@pytest.mark.parametrize("encoding", FORMATS)
@pytest.mark.parametrize("compiled", [True, False])
def test_exactly_the_first_packets_of_key_frames_begin_one(encoding, compiled):
    function = pictures.begins_key_frame if compiled else pictures.begins_key_frame.py_func
    for picture in encode(encoding, range(12), gop=7):
        found = []
        for payload in picture.payloads:
            data = np.frombuffer(bytes(12) + payload, np.uint8).copy()
            found.append(bool(function(CODECS[encoding], data, 12, len(data))))
        assert any(found) == picture.key
        assert found[0] == picture.key, "the join is at the very first packet"


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        (PICTURE_H264, b"\x78\x00\x04\x67\x42\xe0\x1f\x00\x02\x68\xce", True),  # STAP-A: SPS and PPS
        (PICTURE_H264, b"\x78\x00\x02\x68\xce\x00\x03\x65\x88\x84", True),  # STAP-A: PPS and an IDR slice
        (PICTURE_H264, b"\x78\x00\x40\x67\x42", False),  # longer than it is
        (PICTURE_H264, b"\x65\x08\x84", False),  # an IDR picture's second slice
        (PICTURE_H264, b"\x7c\x05\x88", False),  # a later fragment
        (PICTURE_H264, b"\x67", False),
        (PICTURE_H265, b"\x60\x01\x00\x03\x40\x01\x0c", True),  # AP with a VPS
        (PICTURE_H265, b"\x26\x01\xaf", True),  # IDR_W_RADL, the first slice
        (PICTURE_H265, b"\x26\x01\x2f", False),
        (PICTURE_H265, b"\x02\x01\xd0", False),
        (PICTURE_VP8, b"\x90\x80\x81\x23\x10\x00", True),  # with a picture ID of 15 bits
        (PICTURE_VP8, b"\x90\xe0\x01\x05\x20\x10", True),  # ID of 7 bits, TL0PICIDX, TID
        (PICTURE_VP8, b"\x90\xe0\x01\x05\x20\x11", False),
        (PICTURE_VP8, b"\x11\x10", False),  # another partition
        (PICTURE_VP8, b"\x90", False),
        (PICTURE_VP8, b"", False),
    ],
)
def test_payload_headers_of_each_kind(codec, payload, expected):
    data = np.frombuffer(bytes(12) + payload, np.uint8).copy()
    for function in (pictures.begins_key_frame, pictures.begins_key_frame.py_func):
        assert bool(function(codec, data, 12, len(data))) == expected


def test_no_payload_makes_the_parsers_read_past_its_end():
    random = np.random.default_rng(5)
    for _ in range(3000):
        size = int(random.integers(0, 24))
        data = random.integers(0, 256, 12 + size).astype(np.uint8)
        if size and random.integers(2):
            data[12] = random.choice([0x78, 0x7C, 0x60, 0x62, 0x90])
        for codec in CODECS.values():
            expected = bool(pictures.begins_key_frame.py_func(codec, data, 12, len(data)))
            assert bool(pictures.begins_key_frame(codec, data, 12, len(data))) == expected
