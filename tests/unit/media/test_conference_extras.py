"""What conferences can do besides adding up: whispers, automatic gain, comfort noise, rooms within rooms."""

from __future__ import annotations

import numpy as np
import pytest

from softswitch.media import PCMA, MediaEngine, StreamFormat
from softswitch.media.playing.tones import level_dbm0

from .test_conference import TONES_HZ, Speaker, decoded, level_at, tone

QUIET = -45


@pytest.fixture
def engine(make_engine) -> MediaEngine:
    return make_engine()


def hear(legs, sounds, seconds=0.7):
    """What each of the legs hears after the first quarter of a second, while all say their sounds."""
    heard = Speaker(legs, sounds).run(seconds)
    return [decoded(packets)[2000:] for packets in heard]


def test_a_whisper_is_heard_by_one_member_alone(engine, make_leg):
    room = engine.open_conference("whisper")
    legs = [make_leg(engine) for _ in range(3)]
    for leg in legs:
        room.join(leg.port)
    dispatcher, driver, _ = (leg.port for leg in legs)
    room.whisper(dispatcher, driver)
    of_dispatcher, of_driver, of_caller = hear(legs, [tone(hz) for hz in TONES_HZ[:3]])
    assert level_at(of_driver, TONES_HZ[0]) == pytest.approx(-12, abs=1.5), "the driver hears the whisper"
    assert level_at(of_driver, TONES_HZ[2]) == pytest.approx(-12, abs=1.5), "and the caller"
    assert level_at(of_caller, TONES_HZ[0]) < QUIET, "the caller hears nothing of it"
    assert level_at(of_caller, TONES_HZ[1]) == pytest.approx(-12, abs=1.5)
    assert level_at(of_dispatcher, TONES_HZ[2]) == pytest.approx(-12, abs=1.5), "the dispatcher hears all"
    room.leave(driver)
    _, of_caller = hear([legs[0], legs[2]], [tone(hz) for hz in TONES_HZ[:2]])
    assert level_at(of_caller, TONES_HZ[0]) < QUIET, "without its audience a whisper is heard by nobody"
    room.whisper(dispatcher, None)
    _, of_caller = hear([legs[0], legs[2]], [tone(hz) for hz in TONES_HZ[:2]])
    assert level_at(of_caller, TONES_HZ[0]) == pytest.approx(-12, abs=1.5), "until it speaks to all again"


@pytest.mark.parametrize(("level", "wanted"), [(-30, -24), (-5, -9)])
def test_automatic_gain_brings_speech_to_one_level(engine, make_leg, level, wanted):
    room = engine.open_conference("gain")
    speaker, listener = make_leg(engine), make_leg(engine)
    room.join(speaker.port, levelled=True)
    room.join(listener.port)
    heard = hear([speaker, listener], [tone(700, 2.5, level), None], 2.2)[1]
    before, after = level_at(heard[:800], 700), level_at(heard[-3200:], 700)
    if wanted > level:
        assert after >= before + 3, f"soft speech is raised, from {before:.1f} to {after:.1f} dBm0"
    else:
        assert after <= level - 4, f"loud speech is lowered, to {after:.1f} dBm0"


def test_a_room_in_which_nobody_speaks_rustles(engine, make_leg):
    room = engine.open_conference("noise", comfort_noise=True)
    listener, speaker = make_leg(engine), make_leg(engine)
    for leg in (listener, speaker):
        room.join(leg.port)
    noise = hear([listener], [None], 0.5)[0]
    assert -62 < level_dbm0(noise.astype(np.int16)) < -50, "−62 dB of full scale is −56 dBm0"
    spoken = hear([listener, speaker], [None, tone(700, 1.0, -20)])[0]
    assert level_at(spoken, 700) == pytest.approx(-20, abs=1.5)


def test_linked_rooms_hear_each_other_and_nobody_itself(engine, make_leg):
    rooms = [engine.open_conference(f"room-{n}") for n in range(3)]
    legs = [make_leg(engine) for _ in range(4)]
    for leg, room in zip(legs, (rooms[0], rooms[0], rooms[1], rooms[2]), strict=True):
        room.join(leg.port)
    rooms[0].link(rooms[1])
    rooms[1].link(rooms[2])
    heard = hear(legs, [tone(hz, 2.0, -20) for hz in TONES_HZ[:4]], 0.8)
    for i, samples in enumerate(heard):
        for k, hz in enumerate(TONES_HZ[:4]):
            if k == i:
                assert level_at(samples, hz) < QUIET, f"member {i} hears itself by way of another room"
            else:
                assert level_at(samples, hz) == pytest.approx(-20, abs=1.5), f"member {i} hears member {k}"
    rooms[1].unlink(rooms[0])
    heard = hear(legs, [tone(hz, 2.0, -20) for hz in TONES_HZ[:4]], 0.8)
    assert level_at(heard[0], TONES_HZ[2]) < QUIET, "no more"
    assert level_at(heard[0], TONES_HZ[1]) == pytest.approx(-20, abs=1.5)
    rooms[2].close()
    rooms[1].close()


def test_what_cannot_be_linked_is_refused(engine):
    one, other, wide = (engine.open_conference(name, rate) for name, rate in (("a", 8000), ("b", 8000), ("c", 16000)))
    with pytest.raises(ValueError, match="8000 Hz cannot be linked with one of 16000 Hz"):
        one.link(wide)
    one.link(other)
    with pytest.raises(ValueError, match="a way to each other"):
        other.link(one)
    with pytest.raises(ValueError, match="a way to each other"):
        one.link(one)


def test_sides_of_links_are_given_back(engine):
    one, other = (engine.open_conference(name) for name in "ab")
    free = sorted(engine.rooms._free_sides)
    for _ in range(5):
        one.link(other)
        one.unlink(other)
    engine.settle()
    assert sorted(engine.rooms._free_sides) == free


def on_two_threads(engine, make_leg, rate_hz=8000):
    """Two rooms that are linked and served by two packet threads, with two members each."""
    rooms = [engine.open_conference(f"room-{i}", rate_hz) for i in range(10)]
    first = next(room for room in rooms if room.thread.number == 0)
    second = next(room for room in rooms if room.thread.number == 1)
    legs = [make_leg(engine) for _ in range(4)]
    for leg, room in zip(legs, (first, first, second, second), strict=True):
        room.join(leg.port)
    first.link(second)
    assert [leg.port.thread.number for leg in legs] == [0, 0, 1, 1], "every room stays on its own packet thread"
    return first, second, legs


@pytest.mark.parametrize("rate_hz", [8000, 48000])
def test_rooms_of_two_packet_threads_hear_each_other_and_nobody_itself(make_engine, make_leg, rate_hz):
    engine = make_engine(threads=2)
    first, second, legs = on_two_threads(engine, make_leg, rate_hz)
    sounds = [tone(hz, 2.0, -20) for hz in TONES_HZ[:4]]
    for i, samples in enumerate(hear(legs, sounds, 0.8)):
        for k, hz in enumerate(TONES_HZ[:4]):
            if k == i:
                assert level_at(samples, hz) < QUIET, f"member {i} hears itself by way of another packet thread"
            else:
                assert level_at(samples, hz) == pytest.approx(-20, abs=1.5), f"member {i} hears member {k}"
    first.unlink(second)
    engine.settle()
    for i, samples in enumerate(hear(legs, sounds, 0.8)):
        for k, hz in enumerate(TONES_HZ[:4]):
            if k // 2 != i // 2:
                assert level_at(samples, hz) < QUIET, f"member {i} hears member {k} after the link has ended"
    assert engine.statistics().link_frames_skipped == 0


def test_a_linked_room_rustles_when_nobody_speaks_in_either(make_engine, make_leg):
    engine = make_engine(threads=2)
    rooms = [engine.open_conference(f"room-{i}", comfort_noise=True) for i in range(10)]
    first, second = (next(room for room in rooms if room.thread.number == n) for n in (0, 1))
    legs = [make_leg(engine) for _ in range(2)]
    first.join(legs[0].port)
    second.join(legs[1].port)
    first.link(second)
    for samples in hear(legs, [None, None]):
        assert -62 < level_dbm0(samples.astype(np.int16)) < -50
    spoken = hear(legs, [None, tone(700, 1.0, -20)])[0]
    assert level_at(spoken, 700) == pytest.approx(-20, abs=1.5)
    assert level_at(spoken, 1500) < -75, "no noise beside what is said in the other room"


def test_noise_that_a_member_describes_is_heard_until_it_speaks_again(stage, engine, make_leg):
    """RFC 3389: after one description of −40 dBov nothing more comes, and the others do not hear silence."""
    room, taken = engine.open_conference("conference"), (PCMA, StreamFormat(13, "CN", 8000))
    member, listener = (make_leg(engine, formats=taken) for _ in range(2))
    for leg in (member, listener):
        room.join(leg.port)
    speaker = Speaker([member, listener], [tone(700), None])
    speaker.run(0.3)
    member.phone.send(member.port, bytes([40]), 13)
    stage.sleep(0.2)
    listener.phone.take()
    stage.sleep(0.5)
    noise = decoded(listener.phone.take())
    assert len(noise) >= 3800, "the stream goes on"
    assert 20 * np.log10(np.sqrt(np.mean(noise**2)) / 32768) == pytest.approx(-40, abs=1.5)
    assert np.sqrt(np.mean(noise[-800:] ** 2)) > 0.5 * np.sqrt(np.mean(noise**2)), "to the end"
    member.phone.timestamp += 160 * 35
    heard = speaker.run(0.4)[1]
    assert level_at(decoded(heard)[-1600:], 700) == pytest.approx(-12, abs=1.0), "sound again"
