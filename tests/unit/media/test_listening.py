"""Ports that are listened to: speech, silence, and machines that are no people."""

from __future__ import annotations

import numpy as np
import pytest

import mediacodecs
from mediacodecs import dtmf_detector, fax_tone
from mediacodecs.states.detectors import ACTIVITY_WORDS
from softswitch.media import PCMA, FaxDetected, RtpTimeout, SpeechStarted, SpeechStopped, StreamFormat
from softswitch.media.layouts.shared import LISTEN_FAX
from softswitch.media.layouts.voice import FAX_WORDS, KEY_WORDS, SPEECH_WORDS
from softswitch.media.playing.tones import sine

G722 = StreamFormat(9, "G722", 8000)
NOISE = StreamFormat(13, "CN", 8000)


def send_sound(leg, pcm: np.ndarray) -> None:
    payload = mediacodecs.create("PCMA", 8000).encode(pcm)
    for at in range(0, len(payload), 160):
        leg.phone.send(leg.port, payload[at : at + 160].tobytes())


def talk(milliseconds: int, level_dbm0: float = -15) -> np.ndarray:
    """Something like speech: a voiced sound whose loudness goes up and down."""
    count = 8 * milliseconds
    loudness = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(count) / 8000)
    return (np.resize(sine(200, level_dbm0), count) * loudness).astype(np.int16)


def answering_tone(milliseconds: int, *, reversals: bool = False, hz: float = 2100) -> np.ndarray:
    """CED, or with reversals ANSam of V.8: every 450 ms the phase turns, and the level goes up and down at 15 Hz."""
    times = np.arange(8 * milliseconds) / 8000
    if not reversals:
        return (6000 * np.sin(2 * np.pi * hz * times)).astype(np.int16)
    turned = np.pi * (times / 0.45).astype(int)
    return (6000 * (1 + 0.2 * np.sin(2 * np.pi * 15 * times)) * np.sin(2 * np.pi * hz * times + turned)).astype(
        np.int16
    )


def is_fax(pcm: np.ndarray) -> bool:
    state = np.zeros(fax_tone.WORDS, np.int64)
    return any([fax_tone.is_fax(state, pcm[at : at + 160], 160) for at in range(0, len(pcm) - 159, 160)])


def test_the_records_have_room_for_what_listens():
    assert (dtmf_detector.WORDS <= KEY_WORDS, ACTIVITY_WORDS <= SPEECH_WORDS, fax_tone.WORDS <= FAX_WORDS) == (
        True,
    ) * 3


@pytest.mark.parametrize(
    ("sound", "told"),
    [
        (answering_tone(600), True),
        (answering_tone(1000, reversals=True), True),
        (answering_tone(600, hz=2115), True),
        (answering_tone(600, hz=2085), True),
        (answering_tone(300), False),
        (answering_tone(2000, hz=2000), False),
        (answering_tone(2000, hz=2250), False),
        (talk(3000), False),
        (np.random.default_rng(1).integers(-8000, 8000, 16000).astype(np.int16), False),
    ],
    ids=["CED", "ANSam", "+15 Hz", "-15 Hz", "too short", "2000 Hz", "2250 Hz", "talk", "noise"],
)
def test_the_answering_tone_is_known_from_other_sounds(sound, told):
    assert is_fax(sound) is told


def test_speech_and_silence_are_told(engine, make_leg, next_event):
    leg = make_leg(engine)
    leg.port.listen(speech=True)
    send_sound(leg, np.concatenate([np.zeros(1600, np.int16), talk(400)]))
    assert next_event(engine, SpeechStarted).port is leg.port
    send_sound(leg, np.zeros(8 * 500, np.int16))
    assert next_event(engine, SpeechStopped).port is leg.port


def test_speech_ends_when_packets_do(make_engine, make_leg, next_event):
    engine = make_engine()
    leg = make_leg(engine)
    leg.port.listen(speech=True)
    send_sound(leg, np.concatenate([np.zeros(1600, np.int16), talk(400)]))
    next_event(engine, SpeechStarted)
    assert next_event(engine, SpeechStopped), "discontinuous transmission is silence"


def test_comfort_noise_excuses_silence(make_engine, make_leg, next_event, wait_for):
    engine = make_engine()
    leg = make_leg(engine, formats=(PCMA, NOISE), timeout_s=0.3)
    quiet = make_leg(engine, formats=(PCMA, NOISE), timeout_s=0.3)
    leg.phone.send(leg.port, b"\x40", 13)
    quiet.phone.send(quiet.port)
    assert next_event(engine, RtpTimeout).port is quiet.port
    leg.phone.send(leg.port)
    assert next_event(engine, RtpTimeout).port is leg.port, "the excuse ends with the next sound"


def test_a_fax_machine_is_told_once_and_nothing_is_listened_for_any_more(engine, make_leg, next_event):
    leg = make_leg(engine)
    leg.port.listen(speech=True, fax=True)
    send_sound(leg, answering_tone(600))
    assert next_event(engine, FaxDetected).port is leg.port
    assert leg.port.fax
    send_sound(leg, answering_tone(600))
    assert not [e for e in engine.poll() if isinstance(e, FaxDetected)]


def test_a_transcoded_connection_looks_for_faxes_by_itself(make_engine, make_leg, next_event):
    engine = make_engine()
    one, other = make_leg(engine), make_leg(engine, formats=(G722,))
    engine.connect(one.port, other.port)
    assert one.port.ear_listens == LISTEN_FAX, "on the side of G.711"
    assert other.port.ear_listens == 0, "a fax machine does not talk G.722"
    send_sound(one, answering_tone(600))
    assert next_event(engine, FaxDetected).port is one.port
    engine.disconnect(one.port)
    assert one.port.ear_listens == 0


def test_a_plain_relay_costs_no_ear(make_engine, make_leg):
    engine = make_engine()
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    assert one.port.ear_listens == 0


def test_ears_are_given_back(make_engine, make_leg):
    engine = make_engine()
    free = len(engine.rooms._free_voices)
    for _ in range(20):
        leg = make_leg(engine)
        leg.port.listen(speech=True)
        leg.port.configure(leg.port.settings)
        leg.port.close()
    engine.settle()
    assert len(engine.rooms._free_voices) == free
