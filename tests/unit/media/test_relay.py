"""What a packet looks like after it was passed from one port to another."""

from __future__ import annotations

import pytest

from softswitch.media import PCMA, PCMU, NotTranscodable, PortSettings, StreamFormat


def telephone_event(payload_type, clock_rate=8000):
    return StreamFormat(payload_type, "telephone-event", clock_rate)


def test_payload_arrives_unchanged_under_the_sending_ports_own_ssrc_and_address(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    for number in range(5):
        one.phone.send(one.port, bytes([number]) * 160)
        packet = other.phone.receive()
        assert packet.payload == bytes([number]) * 160
        assert packet.ssrc == other.port.ssrc
        assert packet.ssrc != one.phone.ssrc, "the sender's SSRC must not cross the switch"
        assert packet.source == other.port.local, "packets must leave from the port the peer was told"


def test_both_directions_flow_at_once(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port, b"there")
    other.phone.send(other.port, b"back")
    assert other.phone.receive().payload == b"there"
    assert one.phone.receive().payload == b"back"


def test_sequence_and_timestamp_move_by_a_constant_so_loss_and_order_stay_visible(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    sent = [10, 11, 13, 12, 17, 17, 18]  # 14-16 lost, 12 late, 17 twice
    received = []
    for number in sent:
        one.phone.send(one.port, sequence=number, timestamp=160 * number)
        received.append(other.phone.receive())
    sequences = [(packet.sequence - received[0].sequence) & 0xFFFF for packet in received]
    timestamps = [(packet.timestamp - received[0].timestamp) & 0xFFFFFFFF for packet in received]
    assert sequences == [number - sent[0] for number in sent]
    assert timestamps == [160 * (number - sent[0]) for number in sent]


def test_sequence_and_timestamp_wrap(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    received = []
    for step in range(6):
        one.phone.send(one.port, sequence=65533 + step, timestamp=0xFFFFFFFF - 300 + 160 * step)
        received.append(other.phone.receive())
    assert [(packet.sequence - received[0].sequence) & 0xFFFF for packet in received] == [0, 1, 2, 3, 4, 5]
    assert [(packet.timestamp - received[0].timestamp) & 0xFFFFFFFF for packet in received] == [
        160 * step for step in range(6)
    ]
    counters = one.port.counters()
    assert (counters.lost, counters.ssrc_changes) == (0, 0), "a wrap is neither loss nor a new stream"


def test_a_new_ssrc_continues_the_listeners_stream_with_a_marker(engine, make_leg, stage):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    before = other.phone.receive()
    stage.sleep(0.04)
    one.phone.send(one.port, ssrc=0xCAFE, sequence=40000, timestamp=77)
    after = other.phone.receive()
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 320, "40 ms have passed, 8 ticks each"
    assert after.marker
    assert after.ssrc == before.ssrc
    assert one.port.counters().ssrc_changes == 1


def test_a_sender_that_starts_anew_under_its_old_ssrc_is_no_gap_for_the_listener(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port, sequence=100, timestamp=0)
    before = other.phone.receive()
    one.phone.send(one.port, sequence=30000, timestamp=999999)
    after = other.phone.receive()
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF < 8000
    assert one.port.counters().lost == 0


def test_a_switch_of_source_continues_the_listeners_stream(engine, make_leg):
    one, other, third = make_leg(engine), make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    before = other.phone.receive()
    engine.connect(third.port, other.port)
    third.phone.send(third.port, b"third", sequence=9, timestamp=9)
    after = other.phone.receive()
    assert after.payload == b"third"
    assert ((after.sequence - before.sequence) & 0xFFFF, after.ssrc) == (1, before.ssrc)
    one.phone.send(one.port)
    assert other.phone.silent(), "the port that was connected before is heard no more"


def test_payload_types_are_mapped_by_encoding_and_clock(engine, make_leg):
    one = make_leg(engine, formats=(StreamFormat(111, "opus", 48000, 2), telephone_event(101, 48000), PCMA))
    other = make_leg(engine, formats=(PCMA, StreamFormat(96, "OPUS", 48000, 2), telephone_event(97, 48000)))
    engine.connect(one.port, other.port)
    for sent, expected in ((111, 96), (101, 97), (8, 8)):
        one.phone.send(one.port, payload_type=sent)
        assert other.phone.receive().payload_type == expected, f"payload type {sent} from the one side"
        other.phone.send(other.port, payload_type=expected)
        assert one.phone.receive().payload_type == sent, f"payload type {expected} from the other side"


def test_asymmetric_payload_types_are_kept_apart_by_direction(engine, make_leg):
    one = make_leg(engine, formats=(PCMA, telephone_event(101)), send_formats=(PCMA, telephone_event(96)))
    other = make_leg(engine, formats=(PCMA, telephone_event(110)))
    engine.connect(one.port, other.port)
    one.phone.send(one.port, b"\1\0\0\0", payload_type=101)
    assert other.phone.receive().payload_type == 110
    other.phone.send(other.port, b"\1\0\0\0", payload_type=110)
    assert one.phone.receive().payload_type == 96


def test_a_payload_type_nobody_agreed_to_is_dropped_and_counted(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port, payload_type=96)
    wait_for(lambda: one.port.counters().dropped_payload_type == 1, "one packet dropped for its payload type")
    assert not one.port.counters().latched, "an unknown payload type must not latch the port"
    assert other.phone.silent()


def test_packets_left_out_for_the_other_side_leave_no_gap_in_its_numbers(engine, make_leg, wait_for):
    one = make_leg(engine, formats=(PCMA, telephone_event(101)))
    other = make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    first = other.phone.receive()
    one.phone.send(one.port, payload_type=101)
    one.phone.send(one.port, payload_type=101)
    one.phone.send(one.port)
    second = other.phone.receive()
    assert (second.sequence - first.sequence) & 0xFFFF == 1
    assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 480, "time goes on while packets are left out"
    assert one.port.counters().dropped_payload_type == 2


def test_markers_of_the_sender_are_kept(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    assert other.phone.receive().marker, "the first packet begins a talk spurt"
    for marker in (False, True, False):
        one.phone.send(one.port, marker=marker)
        assert other.phone.receive().marker is marker


def test_csrc_extension_and_padding_pass_through(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    extra = b"CSRC" + b"\xbe\xde\x00\x01" + b"\x10\xff\x00\x00"
    one.phone.send(one.port, b"sound" + b"\0\0\3", first=0x80 | 0x20 | 0x10 | 1, extra=extra)
    assert other.phone.receive().payload == extra + b"sound" + b"\0\0\3"


LEVEL = frozenset({(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level")})
OFFSET = frozenset({(1, "urn:ietf:params:rtp-hdrext:toffset")})
SOURCE, ELEMENTS = b"\x01\x02\x03\x04", b"\xbe\xde\x00\x01\x10\xff\x00\x00"


@pytest.mark.parametrize(
    ("agreed", "elsewhere", "kept"),
    [(LEVEL, LEVEL, True), (LEVEL, frozenset(), False), (frozenset(), LEVEL, False), (LEVEL, OFFSET, False)],
)
def test_header_extensions_pass_only_where_they_mean_the_same(engine, make_leg, agreed, elsewhere, kept):
    one, other = make_leg(engine, extensions=agreed), make_leg(engine, extensions=elsewhere)
    engine.connect(one.port, other.port)
    one.phone.send(one.port, b"sound" + b"\0\0\3", first=0x80 | 0x20 | 0x10 | 1, extra=SOURCE + ELEMENTS)
    expected = SOURCE + (ELEMENTS if kept else b"") + b"sound\0\0\3"
    assert other.phone.receive().payload == expected, (
        "CSRC, payload and padding stay, the elements where both know them"
    )


def test_header_extensions_reach_no_group(engine, make_leg):
    talker, listener = make_leg(engine, extensions=LEVEL), make_leg(engine, extensions=OFFSET)
    room = engine.open_fan_out("group")
    for leg in (talker, listener):
        room.join(leg.port)
    room.talk(talker.port)
    talker.phone.send(talker.port, b"sound", first=0x90, extra=ELEMENTS)
    assert listener.phone.receive().payload == b"sound"


def test_a_header_extension_past_the_end_of_its_packet_is_malformed(engine, make_leg, wait_for):
    one, other = make_leg(engine, extensions=LEVEL), make_leg(engine)
    engine.connect(one.port, other.port)
    for extra in (b"", b"\xbe\xde", b"\xbe\xde\xff\xff", b"\xbe\xde\x00\x02\x10\xff\x00\x00"):
        one.phone.send(one.port, b"", first=0x90, extra=extra)
    wait_for(lambda: one.port.counters().malformed == 4, "none of them is passed on")


def test_packets_up_to_2048_octets_pass_and_longer_ones_do_not(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port, bytes(2036))
    assert len(other.phone.receive().payload) == 2036
    one.phone.send(one.port, bytes(2037))
    wait_for(lambda: one.port.counters().malformed == 1, "a packet of 2049 octets counted as malformed")
    assert other.phone.silent()


def test_video_is_relayed_like_anything_else(engine, make_leg):
    high, low = "profile-level-id=640028", "profile-level-id=42e01f"
    one = make_leg(engine, formats=(StreamFormat(96, "H264", 90000, 1, high), StreamFormat(97, "H264", 90000, 1, low)))
    other = make_leg(engine, formats=(StreamFormat(102, "H264", 90000, 1, low), StreamFormat(103, "VP8", 90000)))
    engine.connect(one.port, other.port)
    for sequence in range(3):  # one picture in three packets
        marker = sequence == 2
        one.phone.send(one.port, b"\x67" * 1000, payload_type=97, sequence=sequence, timestamp=3000, marker=marker)
        packet = other.phone.receive()
        assert (packet.payload_type, len(packet.payload)) == (102, 1000)
        assert packet.marker == (sequence == 2), "a marker ends a picture, and is the sender's"


def test_relay_over_ipv6(engine, make_leg):
    one, other = make_leg(engine, host="::1"), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port, b"six")
    assert other.phone.receive().payload == b"six"
    other.phone.send(other.port, b"four")
    assert one.phone.receive().payload == b"four"
    assert one.port.counters().remote == one.phone.address


def test_disconnect_silences_both_sides(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    engine.disconnect(other.port)
    one.phone.send(one.port)
    wait_for(lambda: one.port.counters().dropped_unrouted == 1, "a packet without a way to go is counted")
    assert other.phone.silent()


def test_new_settings_change_the_way_of_a_connected_port(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine, formats=(PCMA, telephone_event(101)))
    engine.connect(one.port, other.port)
    one.port.configure(PortSettings(remote=one.phone.address, formats=(PCMA, telephone_event(97))))
    other.phone.send(other.port, b"\1\0\0\0", payload_type=101)
    assert one.phone.receive().payload_type == 97


def test_ports_without_a_common_format_are_not_connected(engine, make_leg):
    one = make_leg(engine, formats=(StreamFormat(18, "G729", 8000),))
    other = make_leg(engine, formats=(PCMU,))
    with pytest.raises(NotTranscodable, match="G729"):
        engine.connect(one.port, other.port)


def test_new_settings_without_a_way_raise_and_silence_the_connection(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    with pytest.raises(NotTranscodable):
        one.port.configure(PortSettings(remote=one.phone.address, formats=(StreamFormat(18, "G729", 8000),)))
    one.phone.send(one.port, payload_type=18)
    wait_for(lambda: one.port.counters().dropped_payload_type == 1, "G.729 dropped")
    assert other.phone.silent()


def test_echo_sends_back_under_the_ports_own_ssrc(engine, make_leg):
    leg = make_leg(engine, formats=(PCMU, PCMA, telephone_event(101)))
    engine.echo(leg.port)
    for payload_type, payload in ((0, b"mu" * 80), (8, b"al" * 80), (101, b"\5\0\0\0")):
        leg.phone.send(leg.port, payload, payload_type=payload_type)
        packet = leg.phone.receive()
        assert (packet.payload_type, packet.payload, packet.ssrc) == (payload_type, payload, leg.port.ssrc)


def test_counters_tell_loss_reordering_and_duplicates(engine, make_leg, wait_for, stage):
    leg = make_leg(engine)
    for number in (1, 2, 5, 4, 5, 9):
        leg.phone.send(leg.port, sequence=number, timestamp=160 * number)
    wait_for(lambda: leg.port.counters().packets_received == 6, "six packets received")
    counters = leg.port.counters()
    assert (counters.lost, counters.reordered, counters.duplicates) == (4, 1, 1), "lost are 3, 6, 7 and 8"
    assert counters.octets_received == 6 * 172
    assert counters.last_received_s == stage.monotonic()


def test_ports_of_two_packet_threads_are_brought_together(mode, make_engine, make_leg, wait_for):
    engine = make_engine(threads=2)
    legs = [make_leg(engine, owner=f"call {number}") for number in range(8)]
    threads = {leg.port.thread.number for leg in legs}
    assert threads == {0, 1}, "owners must spread over the threads for this test to mean something"
    for one, other in zip(legs[::2], legs[1::2], strict=True):
        engine.connect(one.port, other.port)
        one.phone.send(one.port, b"there")
        assert other.phone.receive().payload == b"there"
        other.phone.send(other.port, b"back")
        assert one.phone.receive().payload == b"back"
    # a packet is counted after it was sent, so the phone may have it first
    wait_for(lambda: engine.statistics().packets_sent == 8, "eight packets counted as sent")
