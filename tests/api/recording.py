"""What tests of recordings have in common: a switch that records, and telephones that say and show something."""

from __future__ import annotations

import re
import struct
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np

from tests.api.phone import VIDEO, Phone
from tests.api.test_voice import originate, post, state
from tests.interop.audio import encode_ulaw
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import TOKEN, Switch, wait_until
from tests.unit.media.encoders import Picture

RATE = 8000
MakePhone = Callable[..., Phone]


def tone(hz: float, seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A sine."""
    return (8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def speak(phone: Phone, hz: float, seconds: float) -> None:
    """Let a telephone say a tone from now on."""
    assert phone.remote_media is not None, f"{phone.number} has no media"
    phone.rtp.send(encode_ulaw(tone(hz, seconds)), phone.remote_media)


def connected(switch: Switch, telephone: MakePhone, **options: Any) -> tuple[str, Phone, Phone]:
    """Two telephones that talk to each other."""
    one, two = telephone("1001"), telephone("1002", **options)
    call = originate(switch, caller="1001", callee="1002")
    wait_until(lambda: state(switch, call) == "active", 40, "both talk")
    wait_until(lambda: one.remote_media and two.remote_media, 40, "both know where to send")
    return call, one, two


def say(speaker: Phone, listener: Phone, hz: float, seconds: float) -> None:
    """Let a telephone say a tone, until the other one has heard all of it."""
    before = len(listener.rtp.octets())
    speak(speaker, hz, seconds)
    wait_until(
        lambda: len(listener.rtp.octets()) - before >= int(seconds * RATE),
        seconds + 40,
        f"{listener.number} hears {seconds} s of {speaker.number}",
    )


def sounding(samples: np.ndarray[Any, np.dtype[np.int16]], seconds: float = 0.5) -> np.ndarray[Any, Any]:
    """The first so many seconds of int16[n] in which something is said, behind a quarter of a second."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1000)
    assert len(loud), "nothing is said"
    begin = loud[0] + RATE // 4
    return samples[begin : begin + int(seconds * RATE)]


def in_group(switch: Switch, parties: list[Phone], number: str) -> list[str]:
    """Let telephones call a group; nobody is given the floor of one in which nobody listens."""
    calls = [originate(switch, caller=party.number, callee=number) for party in parties]
    wait_until(lambda: len(switch.get(f"/groups/{number}")["participants"]) == len(calls), 40, "all are in the group")
    return calls


def talk_in_group(switch: Switch, party: Phone, call: str, hz: float) -> None:
    """Take the floor of the group, say a tone for more than a second, give it back."""
    wait_until(lambda: party.remote_media is not None, 40, "it knows where to send")
    post(switch, f"/voice/calls/{call}/floor/request", {"party": party.number})
    speak(party, hz, 1.5)
    party.rtp.said()
    post(switch, f"/voice/calls/{call}/floor/release", {"party": party.number})


class VideoCaller(RawPhone):
    """A telephone that calls with sound and pictures."""

    def __enter__(self) -> Self:
        self.sound, self.camera = RtpParty(self.rtp_port), RtpParty(0, 96)
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.sound.close()
        self.camera.close()

    def sdp(self, payload_types: str = "0 8") -> str:
        return super().sdp(payload_types) + VIDEO.format(port=self.camera.socket.getsockname()[1])

    def call(self, number: str) -> None:
        """Call somebody who answers with both."""
        answer = self.invite(number)
        shown = re.search(r"^m=video (\d+)", answer.body, re.M)
        assert answer.status == 200 and shown and int(shown[1]), f"pictures are agreed: {answer.start} {answer.body}"
        self.remote_sound = media_address(answer.body)
        self.remote_camera = (self.remote_sound[0], int(shown[1]))

    def show(self, pictures: list[Picture]) -> int:
        """Show pictures, 25 a second; returns the packets."""
        count, begin = 0, time.monotonic()
        for number, picture in enumerate(pictures):
            time.sleep(max(begin + number / 25 - time.monotonic(), 0))
            for payload in picture.payloads:
                marker = (payload is picture.payloads[-1]) << 7
                head = struct.pack("!BBHII", 0x80, marker | 96, count, number * 3600, 77)
                self.camera.socket.sendto(head + payload, self.remote_camera)
                count += 1
        return count


def finished(switch: Switch, identifier: str) -> dict[str, Any]:
    """A recording, once it is in the index with its files."""
    path = f"/data/recordings/{identifier}"
    wait_until(lambda: switch.get(path).get("state") not in (None, "recording"), 40, f"{identifier} is in the index")
    row: dict[str, Any] = switch.get(path)
    return row


def recorded(switch: Switch, query: str) -> dict[str, Any]:
    """The one recording that is found, once it is complete."""
    path = f"/data/recordings?{query}"
    wait_until(lambda: switch.get(path)["items"], 40, f"there is a recording of {query}")
    (row,) = switch.get(path)["items"]
    return finished(switch, row["id"])


def fetch(switch: Switch, path: str, **headers: str) -> tuple[int, bytes, str]:
    """Status, body and type of something fetched."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{switch.plan.http}/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}", **headers}
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        return answer.status, answer.read(), answer.headers["Content-Type"]


def written(switch: Switch, name: str, body: bytes) -> Path:
    """Something fetched, as a file."""
    path = switch.folder / name
    path.write_bytes(body)
    return path
