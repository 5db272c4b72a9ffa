"""The numbers the switch answers itself, measured sample by sample: echo, tone, announcement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import Switch, password_of, wait_until


def caller(switch: Switch) -> RawPhone:
    """A subscriber's phone."""
    return RawPhone(("127.0.0.1", switch.plan.sip), "1001", password_of("1001"))


def listen(switch: Switch, number: str, seconds: float, octets: bytes = b"") -> audio.Samples:
    """Call a service with mu-law, speak `octets` to it, and return what came back: so many `seconds` at least."""
    with caller(switch) as phone, RtpParty(phone.rtp_port) as party:
        answer = phone.invite(number, "0")
        assert answer.status == 200, f"{number} answered {answer.start}"
        party.send(octets or b"\xff" * 160 * 6000, media_address(answer.body))
        wait_until(lambda: len(party.octets()) >= seconds * audio.RATE, seconds + 40, f"{seconds} s of {number} come")
        assert phone.bye().status == 200, "the BYE was not answered"
        return audio.decode_ulaw(party.octets())


def test_tone(switch: Switch) -> None:
    """601: 1004 Hz within 1 Hz and -16 dBm0 within 0.5 dB, without a gap."""
    heard = listen(switch, "601", 2.5)
    middle = heard[audio.RATE // 2 : audio.RATE * 2]
    frequency, level = audio.frequency_hz(middle), audio.level_dbm0(middle)
    assert abs(frequency - 1004) <= 1, f"the tone has {frequency:.2f} Hz"
    assert abs(level + 16) <= 0.5, f"the tone has {level:.2f} dBm0"
    frames = np.sqrt(np.mean(middle[: len(middle) // 160 * 160].reshape(-1, 160) ** 2, axis=1))
    assert frames.min() > 0.9 * frames.max(), f"the tone breaks off: frame levels {frames.min():.0f}…{frames.max():.0f}"


@pytest.mark.needs("espeak-ng", "sox")
def test_echo(switch: Switch, tmp_path: Path) -> None:
    """600: speech comes back as it went, octet for octet."""
    _, spoken = audio.speech(tmp_path, "One two three, this is the echo test of the switch.", seconds=4)
    octets = audio.encode_ulaw(spoken.astype(np.int16))
    with caller(switch) as phone, RtpParty(phone.rtp_port) as party:
        answer = phone.invite("600", "0")
        assert answer.status == 200, f"600 answered {answer.start}"
        party.send(octets, media_address(answer.body))
        wait_until(lambda: len(party.octets()) > 3.5 * audio.RATE, 40, lambda: f"it comes back: {len(party.octets())}")
        assert phone.bye().status == 200, "the BYE was not answered"
        returned = party.octets().tobytes()
    assert returned in octets, "what came back is not what went"


def test_announcement(switch: Switch) -> None:
    """602: something is spoken: sound that varies as speech does."""
    heard = listen(switch, "602", 4.0)
    frames = np.sqrt(np.mean(heard[: len(heard) // 160 * 160].reshape(-1, 160) ** 2, axis=1))
    assert frames.max() > 500, f"the announcement is all but silent (loudest frame {frames.max():.0f})"
    assert frames.std() > 0.3 * frames.mean(), "the announcement sounds like a tone, not like speech"


def test_unanswered_media_is_refused_in_order(switch: Switch) -> None:
    """An offer without a codec that is coded here is refused with 488, and nothing is left behind."""
    with caller(switch) as phone:
        answer = phone.invite("601", "4")
    assert answer.status == 488, f"an offer of G.723 alone got {answer.start}"
