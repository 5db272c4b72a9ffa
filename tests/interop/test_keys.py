"""Keys between parties who give and take them in different ways: telephone-events, SIP INFO, tones; all six directions.

The parties are bare sockets, and what they hear is told apart by this file's own means: a spectrum, not our detector.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.rawsip import Answer, RawPhone, RtpParty, build, media_address
from tests.interop.switch import Switch, password_of

#: Who gives and takes keys in which way; `Plan` has configured them so.
NUMBERS = {"events": "1007", "tones": "1008", "info": "1009"}
EVENT = 101
_LOW, _HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_GRID = "123A456B789C*0#D"
PATIENCE_S = 40


class Party(RawPhone):
    """A phone that calls or is called, and gives and takes keys in one way."""

    def __init__(self, switch: Switch, way: str) -> None:
        number = NUMBERS[way]
        super().__init__(("127.0.0.1", switch.plan.sip), number, password_of(number))
        self.way = way
        self.rtp = RtpParty(self.rtp_port)
        self.media: tuple[str, int] = ("", 0)
        self._local = super().local
        self._informed = ""

    @property
    def local(self) -> str:
        """The party's own address, as the dialog has it."""
        return self._local

    def sdp(self, payload_types: str = "0") -> str:
        """µ-law, and telephone-events for who has them."""
        if self.way != "events":
            return super().sdp("0")
        return super().sdp(f"0 {EVENT}") + f"a=rtpmap:{EVENT} telephone-event/8000\r\na=fmtp:{EVENT} 0-15\r\n"

    def call(self, other: Party) -> None:
        """Call the other, who answers."""
        with ThreadPoolExecutor(1) as beside:
            answered = beside.submit(other.answer)
            answer = self.invite(other.number)
            answered.result()
        assert answer.status == 200, f"the call was answered {answer.start}"
        self.media = media_address(answer.body)

    def answer(self) -> None:
        """Take the call that comes."""
        invite = self.until(lambda message: message.start.startswith("INVITE"), "the call")
        self.call_id, self.to_tag = invite.get("Call-ID"), invite.get("From")
        self._local = invite.get("To")
        self.target = re.findall(r"<([^>]*)>", invite.get("Contact"))[0]
        self.media = media_address(invite.body)
        to = f"{self._local};tag={self.tag}"
        contact = ("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>")
        kind = ("Content-Type", "application/sdp")
        fields = [(name, value) for name, value in invite.fields if name in ("Via", "From", "Call-ID", "CSeq")]
        self.send(build("SIP/2.0 200 OK", [*fields, ("To", to), contact, kind], self.sdp()))
        self.until(lambda message: message.start.startswith("ACK"), "the ACK")

    def until(self, wanted: Callable[[Answer], bool], what: str) -> Answer:
        """The next message that is wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                message = self.receive(0.5)
                if wanted(message):
                    return message
        raise AssertionError(f"{self.number} waits for {what}")

    # -- keys ---------------------------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """One key of 100 ms in this party's way."""
        {"events": self._press_event, "info": self._press_info, "tones": self._press_tone}[self.way](key)

    def _press_event(self, key: str) -> None:
        number = "0123456789*#ABCD".index(key)
        durations = [160, 320, 480, 640, 800, 800, 800]
        for i, duration in enumerate(durations):
            head = struct.pack("!BBHII", 0x80, EVENT | (0x80 if i == 0 else 0), 100 + i, 16000, 77)
            end = 0x80 if i >= len(durations) - 3 else 0
            self.rtp.socket.sendto(head + struct.pack("!BBH", number, end | 10, duration), self.media)

    def _press_info(self, key: str) -> None:
        body = f"Signal={key}\r\nDuration=100\r\n"
        self.send(self.request("INFO", self.target, self.to_tag, body=body, content_type="application/dtmf-relay"))

    def _press_tone(self, key: str) -> None:
        row, column = divmod(_GRID.index(key), 4)
        time_s = np.arange(800) / audio.RATE
        tone = sum(6000 * np.sin(2 * np.pi * hz * time_s) for hz in (_LOW[row], _HIGH[column]))
        quiet = np.zeros(1600, np.int16)
        self.rtp.send(audio.encode_ulaw(np.concatenate([quiet, np.rint(tone).astype(np.int16), quiet])), self.media)

    def heard(self) -> str:
        """The keys that have come in this party's way."""
        return {"events": self._events, "info": self._infos, "tones": self._tones}[self.way]()

    def _events(self) -> str:
        keys = {packet[4:8]: packet[12] for packet in list(self.rtp.packets) if packet[1] & 127 == EVENT}
        return "".join("0123456789*#ABCD"[number] for number in keys.values())

    def _infos(self) -> str:
        with contextlib.suppress(TimeoutError):
            message = self.receive(0.05)
            if message.start.startswith("INFO"):
                names = ("Via", "From", "To", "Call-ID", "CSeq")
                self.send(build("SIP/2.0 200 OK", [field for field in message.fields if field[0] in names]))
                self._informed += re.findall(r"Signal=(.)", message.body)[0]
        return self._informed

    def _tones(self) -> str:
        samples = audio.decode_ulaw(self.rtp.octets())
        keys = [_key_of(samples[at : at + 400]) for at in range(0, len(samples) - 399, 200)]
        return "".join(key for key, _ in itertools.groupby(keys)).replace(" ", "")


def _key_of(samples: audio.Samples) -> str:
    """The key whose two tones are nearly all of 50 ms of sound, a space when there is none."""
    bins = {hz: abs(np.sum(samples * np.exp(-2j * np.pi * hz / audio.RATE * np.arange(400)))) for hz in _LOW + _HIGH}
    low, high = max(_LOW, key=lambda hz: bins[hz]), max(_HIGH, key=lambda hz: bins[hz])
    both = 2 * (bins[low] ** 2 + bins[high] ** 2) / 400
    if min(bins[low], bins[high]) < 20000 or both < 0.8 * float(np.sum(samples**2)):
        return " "
    return _GRID[4 * _LOW.index(low) + _HIGH.index(high)]


@pytest.fixture
def talk(switch: Switch, request: pytest.FixtureRequest) -> Iterator[tuple[Party, Party]]:
    """Two parties of the ways that are asked for, in a call."""
    one, other = (Party(switch, way) for way in request.param)
    with one, other, one.rtp, other.rtp:
        assert other.register().status == 200
        one.call(other)
        yield one, other
        assert one.bye().status == 200
        other.register(0)


@pytest.mark.parametrize(
    "talk", [("events", "info"), ("events", "tones"), ("info", "tones")], indirect=True, ids="-".join
)
def test_a_key_arrives_in_the_way_of_who_gets_it(talk: tuple[Party, Party]) -> None:
    """Each presses one key in its own way, and the other gets that key once, in its own."""
    for (giver, taker), key in zip((talk, talk[::-1]), "5#", strict=True):
        giver.press(key)
        deadline = time.monotonic() + PATIENCE_S
        while key not in taker.heard():
            assert time.monotonic() < deadline, (
                f"{giver.way} to {taker.way}: {key} does not come, {taker.heard()!r} has"
            )
        assert taker.heard() == key, f"{giver.way} to {taker.way}: {key} was pressed, and {taker.heard()!r} came"
