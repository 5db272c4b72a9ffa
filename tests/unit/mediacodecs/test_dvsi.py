"""The AMBE-3000's packets and the session with it, by an injected clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediacodecs.vocoders import RATES, VocoderBusy, VocoderLost
from mediacodecs.vocoders import dvsi_packets as packets
from mediacodecs.vocoders.dvsi_session import (
    ANSWER_S,
    MOST_WAITING,
    PROBE_S,
    PROBES,
    SEARCH_S,
    Decoded,
    DvsiSession,
    Encoded,
    Found,
    Lost,
    Missed,
    State,
)

PRODUCT = packets.build(packets.CONTROL, b"\x30AMBE3000R\0")
RATE_SET = bytes.fromhex("610002000a00")
FRAME = bytes(range(7))
PCM = np.arange(160, dtype=np.int16)


def test_the_packets_are_those_of_the_manual():
    assert packets.ASK_PRODUCT.hex() == "6100010030"
    assert packets.PARITY_OFF.hex() == "610004003f002f14"
    assert packets.set_rate(RATES["dmr"]).hex() == "61000d000a043107542400000000006f48"
    assert packets.set_rate(RATES["dmr-no-fec"]).hex() == "61000d000a043107540000000000007031"
    assert packets.channel(bytes(9), 72).hex() == "61000b010148" + "00" * 9
    assert packets.channel(FRAME, 49).hex() == "6100090101 31".replace(" ", "") + FRAME.hex()
    speech = packets.speech(PCM)
    assert len(speech) == 326 and speech[:6].hex() == "6101420200a0" and speech[6:10].hex() == "00000001"


def test_what_may_stand_around_the_frame_is_passed_over():
    speech = packets.speech(PCM)[4:]
    for fields in (speech, b"\x40" + speech, speech + b"\x02\x00\x00", b"\x40\x02\x00\x00\x08\x01\x02" + speech):
        assert (packets.read_speech(fields) == PCM).all()
    assert packets.read_channel(b"\x40\x01\x31" + FRAME + b"\x2f\x11") == (49, FRAME)


@pytest.mark.parametrize("wrong", ["", "61", "6100010130ff", "6200010030", "610001 0330", "61000200ff"])
def test_what_is_no_packet_is_refused(wrong):
    with pytest.raises(ValueError, match=r"packet|header"):
        packets.read(bytes.fromhex(wrong))


def test_wrong_lengths_are_refused():
    for wrong in (b"", b"\x00\xa0\x00", b"\x00\x50" + bytes(160), b"\x01\x31abc"):
        with pytest.raises(ValueError, match="no "):
            packets.read_speech(wrong)
    with pytest.raises(ValueError, match="no channel bits"):
        packets.read_channel(b"\x01\x31abc")
    with pytest.raises(ValueError, match="160 samples"):
        packets.speech(PCM[:100])
    with pytest.raises(ValueError, match="7 octets"):
        packets.channel(b"abc", 49)


@given(st.lists(st.binary(max_size=40), max_size=8), st.binary(max_size=30))
def test_a_serial_line_is_cut_into_packets(cuts, noise):
    sent = [packets.speech(PCM), PRODUCT, packets.channel(FRAME, 49)]
    line = noise.replace(b"a", b"") + b"".join(sent)
    stream, found, position = packets.PacketStream(), [], 0
    for cut in cuts:
        found += stream.receive(line[position : position + len(cut)])
        position += len(cut)
    found += stream.receive(line[position:])
    assert found == sent and stream.skipped == len(noise.replace(b"a", b""))


@given(st.binary(max_size=200), st.sampled_from([packets.CONTROL, packets.CHANNEL, packets.SPEECH]))
def test_no_octets_do_harm(data, kind):
    session = ready()
    ticket = session.encode(PCM, 1.0)
    unreadable = 0
    for packet in [data, *packets.PacketStream().receive(data), packets.build(kind, data)]:
        session.receive_data(packet, 1.0)
        unreadable += not readable(packet)
    assert session.malformed >= unreadable, f"{unreadable} packets cannot be read, {session.malformed} are counted"
    answers = [event.ticket for event in events(session) if isinstance(event, Encoded | Decoded | Missed)]
    assert answers in ([], [ticket]), f"one frame was asked for, which is answered once at most, not {answers}"


def readable(packet):
    try:
        return bool(packets.read(packet))
    except ValueError:
        return False


def sent(session):
    found = []
    while (packet := session.data_to_send()) is not None:
        found.append(packet)
    return found


def events(session):
    found = []
    while (event := session.next_event()) is not None:
        found.append(event)
    return found


def ready():
    session = DvsiSession(RATES["dmr-no-fec"])
    session.start(0.0)
    assert sent(session) == [packets.PARITY_OFF, packets.ASK_PRODUCT]
    session.receive_data(PRODUCT, 0.1)
    assert sent(session) == [packets.set_rate(RATES["dmr-no-fec"])]
    session.receive_data(RATE_SET, 0.2)
    assert events(session) == [Found("AMBE3000R")] and session.state is State.READY
    return session


def test_one_frame_after_the_other():
    session = ready()
    one, two = session.encode(PCM, 1.0), session.decode(FRAME, 1.0)
    assert sent(session) == [packets.speech(PCM)], "the second waits for the answer to the first"
    session.receive_data(packets.channel(FRAME, 49), 1.01)
    assert sent(session) == [packets.channel(FRAME, 49)]
    session.receive_data(packets.speech(PCM), 1.02)
    first, second = events(session)
    assert first == Encoded(one, FRAME) and isinstance(second, Decoded) and second.ticket == two
    assert (second.samples == PCM).all() and session.next_timer() is None


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next():
    session = ready()
    one = session.encode(PCM, 1.0)
    two = session.encode(PCM, 1.0)
    session.handle_timer(1.0 + ANSWER_S)
    assert events(session) == [Missed(one)]
    assert sent(session) == [packets.speech(PCM), packets.ASK_PRODUCT]
    session.receive_data(packets.channel(bytes(7), 49), 1.1)  # the late one
    assert events(session) == []
    session.receive_data(PRODUCT, 1.11)
    assert sent(session) == [packets.speech(PCM)]
    session.receive_data(packets.channel(FRAME, 49), 1.12)
    assert events(session) == [Encoded(two, FRAME)]


def test_a_chip_that_falls_silent_is_lost_and_found_again():
    session = ready()
    tickets = [session.encode(PCM, 1.0), session.encode(PCM, 1.0)]
    session.handle_timer(1.04)
    for _ in range(PROBES):
        session.handle_timer(session.next_timer())
    assert events(session) == [Missed(tickets[0]), Missed(tickets[1]), Lost("it does not answer")]
    with pytest.raises(VocoderLost):
        session.encode(PCM, 3.0)
    lost_at = 1.04 + PROBES * PROBE_S
    assert session.next_timer() == pytest.approx(lost_at + SEARCH_S)
    sent(session)
    session.handle_timer(session.next_timer())
    assert sent(session) == [packets.PARITY_OFF, packets.ASK_PRODUCT]
    session.receive_data(PRODUCT, 9.0)
    session.receive_data(RATE_SET, 9.1)
    assert events(session) == [Found("AMBE3000R")]


def test_a_chip_that_was_reset_is_set_anew():
    session = ready()
    session.receive_data(bytes.fromhex("6100010039"), 2.0)
    assert events(session) == [Lost("it has been reset")]
    assert sent(session) == [packets.PARITY_OFF, packets.ASK_PRODUCT]


def test_a_refused_rate_is_told():
    session = DvsiSession(RATES["dmr"])
    session.start(0.0)
    session.receive_data(PRODUCT, 0.1)
    session.receive_data(bytes.fromhex("610002000a01"), 0.2)
    assert events(session) == [Lost("it refuses the rate")]


def test_no_more_than_some_frames_wait():
    session = ready()
    for _ in range(1 + MOST_WAITING):
        session.encode(PCM, 1.0)
    with pytest.raises(VocoderBusy):
        session.encode(PCM, 1.0)


def test_nonsense_in_an_answer_is_a_miss():
    session = ready()
    ticket = session.decode(FRAME, 1.0)
    session.receive_data(packets.build(packets.SPEECH, b"\x00\x10ab"), 1.01)
    assert events(session) == [Missed(ticket)] and session.malformed == 1
    ticket = session.encode(PCM, 1.1)
    session.receive_data(packets.channel(bytes(9), 72), 1.11)
    assert events(session) == [Missed(ticket)]
