"""Conferences and talkgroups, measured: three parties with a tone each, and which tones every one of them hears."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import mediacodecs
from tests.interop import audio
from tests.interop.pjsua import Pjsua
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until

ROOMS = """
[[conference]]
number = "7001"
max_participants = 3
[[conference]]
number = "7002"
pin = "2468"
[[conference]]
number = "7003"
rate_hz = 16000
[[talkgroup]]
number = "8001"
[[talkgroup]]
number = "8002"
talk_s = 1
[[talkgroup]]
number = "8003"
members = ["1001"]
[[talkgroup]]
number = "8004"
priority = 9
"""
TONES = {"1001": 500.0, "1002": 800.0, "1003": 1250.0}
LEVEL_DBM0 = -12.0
SECONDS = 120


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch with conferences and talkgroups."""
    with running_switch(Plan(extra=ROOMS, workers=2), tmp_path_factory.mktemp("rooms")) as switch:
        yield switch


@dataclass
class Party:
    """A phone in a room that says its tone all the time."""

    phone: RawPhone
    rtp: RtpParty

    @property
    def number(self) -> str:
        return self.phone.number

    def press(self, key: str) -> None:
        """One key by SIP INFO."""
        body = f"Signal={key}\r\nDuration=160\r\n"
        request = self.phone.request("INFO", self.phone.target, self.phone.to_tag, body=body)
        self.phone.send(request.replace(b"application/sdp", b"application/dtmf-relay"))
        answer = self.phone.final()
        assert answer.status == 200, f"the key {key} of {self.number} was answered {answer.start}"

    def said_to(self) -> float:
        """How many seconds of sound have come so far."""
        return len(self.rtp.octets()) / audio.RATE

    def heard(self, seconds: float) -> audio.Samples:
        """What arrives in the next `seconds`."""
        before = len(self.rtp.packets)
        time.sleep(seconds)
        payload = b"".join(packet[12:] for packet in self.rtp.packets[before:] if packet[1] & 0x7F == 0)
        return audio.decode_ulaw(np.frombuffer(payload, np.uint8))


def tones_in(samples: audio.Samples) -> set[str]:
    """Whose tones are in what was heard: those above -30 dBm0."""
    if len(samples) < 800:
        return set()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / (len(samples) / 4)
    found = set()
    for number, hz in TONES.items():
        place = round(hz * len(samples) / audio.RATE)
        amplitude = float(spectrum[max(place - 2, 0) : place + 3].max())
        if amplitude > 32124 * 10 ** ((-30 - 3.17) / 20):
            found.add(number)
    return found


def until_hears(party: Party, tones: set[str]) -> None:
    """Wait until a party hears these tones and no others."""
    wait_until(lambda: tones_in(party.heard(0.4)) == tones, 40, f"{party.number} hears {tones or 'nobody'}")


def until_all_hear(parties: list[Party], expected: dict[str, set[str]]) -> None:
    """Wait until during the same half of a second each party hears just these others."""
    seen: list[dict[str, set[str]]] = []

    def heard() -> bool:
        seen.append(_all_hear(parties, 0.5))
        return seen[-1] == expected

    wait_until(heard, 40, lambda: f"they hear {expected}, at last it was {seen[-1]}")


def _all_hear(parties: list[Party], seconds: float) -> dict[str, set[str]]:
    before = [len(party.rtp.packets) for party in parties]
    time.sleep(seconds)
    heard = {}
    for party, start in zip(parties, before, strict=True):
        payload = b"".join(packet[12:] for packet in party.rtp.packets[start:] if packet[1] & 0x7F == 0)
        heard[party.number] = tones_in(audio.decode_ulaw(np.frombuffer(payload, np.uint8)))
    return heard


def tone(number: str) -> audio.Samples:
    """The tone of `number`, on the scale of µ-law."""
    amplitude = 32124 * 10 ** ((LEVEL_DBM0 - 3.17) / 20)
    return amplitude * np.sin(2 * np.pi * TONES[number] * np.arange(SECONDS * audio.RATE) / audio.RATE)


@contextmanager
def meeting(switch: Switch, room: str, *numbers: str) -> Iterator[list[Party]]:
    """Parties in a room, each of whom hangs up at the end unless it has already."""
    with contextlib.ExitStack() as stack:
        parties = []
        for number in numbers:
            phone = stack.enter_context(RawPhone(("127.0.0.1", switch.plan.sip), number, password_of(number)))
            rtp = stack.enter_context(RtpParty(phone.rtp_port))
            answer = phone.invite(room, "0")
            assert answer.status == 200, f"{room} answered {number} with {answer.start}"
            rtp.send(audio.encode_ulaw(tone(number).astype(np.int16)), media_address(answer.body))
            parties.append(Party(phone, rtp))
        yield parties
        for party in parties:
            if party.phone.target:
                assert party.phone.bye().status == 200, "the BYE was not answered"


def leave(party: Party) -> None:
    """Hang up before the others."""
    assert party.phone.bye().status == 200, "the BYE was not answered"
    party.phone.target = ""


def test_in_a_conference_each_hears_the_others(rooms: Switch) -> None:
    with meeting(rooms, "7001", "1001", "1002", "1003") as parties:
        everybody = {"1001": {"1002", "1003"}, "1002": {"1001", "1003"}, "1003": {"1001", "1002"}}
        until_all_hear(parties, everybody)
        leave(parties[0])
        until_all_hear(parties[1:], {"1002": {"1003"}, "1003": {"1002"}})


def test_a_wide_conference_carries_more_than_a_telephone_does(rooms: Switch) -> None:
    """In a room of 16 kHz who has G.722 is answered with it, and hears 5200 Hz of another; who has not takes part."""
    with contextlib.ExitStack() as stack:
        ears = []
        for number in ("1001", "1002"):
            phone = stack.enter_context(RawPhone(("127.0.0.1", rooms.plan.sip), number, password_of(number)))
            rtp = stack.enter_context(RtpParty(phone.rtp_port, 9))
            answer = phone.invite("7003", "0 9")
            assert "m=audio" in answer.body and answer.body.split("RTP/AVP ")[1].split()[0] == "9", answer.body
            codec, time_s = mediacodecs.create("G722", 16000), np.arange(SECONDS * 16000) / 16000
            hz = 5200.0 if number == "1001" else 1000.0
            sound = (4000 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16).reshape(-1, 320)
            rtp.send(b"".join(codec.encode(pcm).tobytes() for pcm in sound), media_address(answer.body))
            ears.append((phone, rtp))
        narrow = stack.enter_context(RawPhone(("127.0.0.1", rooms.plan.sip), "1003", password_of("1003")))
        assert narrow.invite("7003", "3").status == 200, "a telephone with nothing but GSM takes part as well"
        _, rtp = ears[1]

        def pitch() -> float:
            codec = mediacodecs.create("G722", 16000)
            packets = [packet[12:] for packet in rtp.packets[-50:] if packet[1] & 0x7F == 9]
            heard = np.concatenate(
                [codec.decode(np.frombuffer(p, np.uint8)) for p in packets] or [np.zeros(0, np.int16)]
            )
            spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) if len(heard) > 8000 else np.zeros(2)
            return float(spectrum.argmax() * 16000 / max(len(heard), 1))

        wait_until(lambda: abs(pitch() - 5200) < 20, 40, "1002 hears 5200 Hz of 1001")
        for phone in (*(phone for phone, _ in ears), narrow):
            assert phone.bye().status == 200


def test_who_is_held_is_out_of_the_conference_until_resumed(rooms: Switch) -> None:
    with meeting(rooms, "7001", "1001", "1002") as parties:
        (call,) = [row for row in rooms.calls() if row["caller"] == "1001"]
        until_all_hear(parties, {"1001": {"1002"}, "1002": {"1001"}})
        for operation, heard in (("hold", set[str]()), ("resume", {"1001"})):
            status, answer = rooms.http("POST", f"/voice/calls/{call['call_id']}/{operation}", {"leg_id": "1001"})
            assert status < 300, f"{operation} was answered {status} {answer}"
            until_hears(parties[1], heard)
        until_hears(parties[0], {"1002"})


def test_a_full_conference_is_486_and_one_with_a_pin_asks_for_it(rooms: Switch) -> None:
    with meeting(rooms, "7001", "1001", "1002", "1003"):
        with RawPhone(("127.0.0.1", rooms.plan.sip), "1004", password_of("1004")) as late:
            assert late.invite("7001", "0").status == 486, "the room is full"
        with RawPhone(("127.0.0.1", rooms.plan.sip), "1004", password_of("1004")) as unknown:
            assert unknown.invite("7002", "0").status == 200, "somebody must be able to press the keys"
            assert unknown.bye().status == 200


def test_a_conference_takes_callers_of_the_trusted_listener(rooms: Switch) -> None:
    with RawPhone(("127.0.0.1", rooms.plan.trunk)) as phone:
        answer = phone.invite("7001", "0 8")
        assert answer.status == 200, f"7001 answered {answer.start}"
        assert phone.bye().status == 200, "the BYE was not answered"


def test_in_a_talkgroup_only_who_has_the_floor_is_heard(rooms: Switch) -> None:
    silence: set[str] = set()
    with meeting(rooms, "8001", "1001", "1002", "1003") as parties:
        one, two, three = parties
        until_all_hear(parties, {"1001": silence, "1002": silence, "1003": silence})  # nobody has asked yet
        one.press("*")
        until_all_hear(parties, {"1001": silence, "1002": {"1001"}, "1003": {"1001"}})
        two.press("*")
        until_all_hear(parties, {"1001": silence, "1002": {"1001"}, "1003": {"1001"}})  # the second one waits
        one.press("#")
        until_all_hear(parties, {"1001": {"1002"}, "1002": silence, "1003": {"1002"}})
        leave(two)
        until_all_hear([one, three], {"1001": silence, "1003": silence})  # who hangs up lets go
        three.press("*")
        until_all_hear([one, three], {"1001": {"1003"}, "1003": silence})


def test_a_talkgroup_of_several_codecs_hears_its_talker(rooms: Switch) -> None:
    """Who speaks by G.711 is heard by who has GSM alone, whose sound FFmpeg decodes, and the other way round."""
    with contextlib.ExitStack() as stack:
        (one,) = stack.enter_context(meeting(rooms, "8001", "1001"))
        phone = stack.enter_context(RawPhone(("127.0.0.1", rooms.plan.sip), "1002", password_of("1002")))
        rtp = stack.enter_context(RtpParty(phone.rtp_port, 3))
        answer = phone.invite("8001", "3")
        assert answer.status == 200, f"the talkgroup answered GSM with {answer.start}"
        other = Party(phone, rtp)
        codec = mediacodecs.create("GSM")
        payloads = [codec.encode(pcm).tobytes() for pcm in tone("1002").astype(np.int16).reshape(-1, 160)]
        one.press("*")
        wait_until(lambda: tones_in(decoded_gsm(rtp.packets)) == {"1001"}, 40, "GSM hears 1001")
        numbers = [int.from_bytes(packet[2:4], "big") for packet in rtp.packets]
        assert {(after - before) & 0xFFFF for before, after in itertools.pairwise(numbers)} == {1}
        one.press("#")
        other.press("*")
        rtp.send_packets(payloads, media_address(answer.body))  # from its beginning: GSM leans on what was before
        until_hears(one, {"1002"})
        assert phone.bye().status == 200


def decoded_gsm(packets: list[bytes]) -> audio.Samples:
    """What has come in GSM, as FFmpeg hears it: the last second."""
    decoder: Any = av.CodecContext.create("gsm", "r")
    decoder.sample_rate, decoder.layout = audio.RATE, "mono"
    frames = [frame.to_ndarray()[0] for packet in packets for frame in decoder.decode(av.Packet(packet[12:]))]
    return np.concatenate(frames or [np.zeros(0)])[-audio.RATE :].astype(np.float64)


def test_who_scans_hears_the_more_important_group(rooms: Switch) -> None:
    """1001 sits in 8001 and scans 8004: it is heard there only who talks, and 8004 cuts 8001 short."""
    status, answer = rooms.http("PUT", "/groups/scan_lists/1001", {"groups": ["8004"]})
    assert status == 200, f"the scan list was answered {status} {answer}"
    with meeting(rooms, "8001", "1001", "1002") as (scanner, two), meeting(rooms, "8004", "1003") as (three,):
        for party, key, heard in (
            (two, "*", {"1002"}),
            (three, "*", {"1003"}),
            (three, "#", {"1002"}),
            (two, "#", set[str]()),
        ):
            party.press(key)
            until_hears(scanner, heard)
    assert rooms.http("PUT", "/groups/scan_lists/1001", {"groups": []})[0] == 200


def test_who_talks_too_long_is_cut_off(rooms: Switch) -> None:
    with meeting(rooms, "8002", "1001", "1002") as (one, two):
        one.press("*")
        wait_until(lambda: two.said_to() >= 0.9, 40, lambda: f"a second is heard of 1001, not {two.said_to()} s")
        assert tones_in(audio.decode_ulaw(two.rtp.octets()[: audio.RATE // 2])) == {"1001"}
        until_hears(two, set())  # the talk time is over
        assert two.said_to() < SECONDS / 2, "although 1001 goes on"


def test_who_is_no_member_of_a_talkgroup_is_403(rooms: Switch) -> None:
    with RawPhone(("127.0.0.1", rooms.plan.sip), "1002", password_of("1002")) as phone:
        assert phone.invite("8003", "0").status == 403


@contextmanager
def telephones(switch: Switch, folder: Path, room: str, codecs: dict[str, str]) -> Iterator[dict[str, audio.Samples]]:
    """pjsua2 phones that play their tones into a room; what each has heard is there after the block."""
    heard: dict[str, audio.Samples] = {}
    with contextlib.ExitStack() as stack:
        phones = []
        for number, codec in codecs.items():
            audio.write_wav(folder / f"tone-{number}.wav", tone(number))
            setup = {
                "number": number,
                "password": password_of(number),
                "switch": f"127.0.0.1:{switch.plan.sip}",
                "play": str(folder / f"tone-{number}.wav"),
                "record": str(folder / f"heard-{number}-%.wav"),
                "codecs": [codec],
            }
            phone = stack.enter_context(Pjsua(folder / number, **setup))
            phone.registered()
            phone.do("call", to=room)
            phone.wait("state", state="CONFIRMED")
            phones.append(phone)
        yield heard
        for phone in phones:
            phone.do("hangup", call=1)
        for phone in phones:
            phone.wait("state", state="DISCONNECTED")
    for number in codecs:
        heard[number] = audio.read_wav(folder / f"heard-{number}-1.wav")


@pytest.mark.needs("pjsua2")
def test_telephones_of_both_laws_confer(rooms: Switch, tmp_path: Path) -> None:
    codecs = {"1001": "PCMU", "1002": "PCMA", "1003": "PCMU"}
    with telephones(rooms, tmp_path, "7001", codecs) as heard:
        time.sleep(2.5)
    last = {number: tones_in(samples[-2 * audio.RATE : -audio.RATE // 2]) for number, samples in heard.items()}
    assert last == {"1001": {"1002", "1003"}, "1002": {"1001", "1003"}, "1003": {"1001", "1002"}}


@pytest.mark.needs("pjsua2")
def test_the_floor_of_a_telephone_can_be_asked_for_by_the_api(rooms: Switch, tmp_path: Path) -> None:
    codecs = {"1001": "PCMA", "1002": "PCMU", "1003": "PCMA"}
    with telephones(rooms, tmp_path, "8001", codecs) as heard:
        (call,) = [row for row in rooms.calls() if row["caller"] == "1001"]
        path = f"/voice/calls/{call['call_id']}/floor"
        status, answer = rooms.http("POST", f"{path}/request", {"party": "1001"})
        assert status < 300, f"the request was answered {status} {answer}"
        time.sleep(2.5)
        status, answer = rooms.http("POST", f"{path}/release", {"party": "1001"})
        assert status < 300, f"the release was answered {status} {answer}"
        time.sleep(0.5)
    whole = {number: tones_in(audio.voiced(samples)) for number, samples in heard.items()}
    assert whole == {"1001": set(), "1002": {"1001"}, "1003": {"1001"}}


def test_the_switch_itself_needs_no_compiled_code(rooms: Switch) -> None:
    """Whatever the rooms above have asked of it: its start would be twice as long, and its memory twice as large."""
    maps = (Path("/proc") / str(rooms.pid) / "maps").read_text()
    loaded = sorted({line.split()[-1] for line in maps.splitlines() if "llvm" in line})
    assert not loaded, f"numba and its code are for the media workers alone: {loaded}"
