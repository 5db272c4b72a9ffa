"""Radios of USRP in a running switch: tones and keys between a node, phones and a talkgroup.

The node is our simulator: no independent one can be installed from Debian or PyPI. Its octets are held against the
published layout in tests/unit/usrp.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache

import numpy as np
import pytest

from gateways.usrp.simulator import SimulatedNode, Transmission
from tests.interop import audio
from tests.interop.ports import free_port
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until
from tests.waiting import eventually

RADIOS = """
[[talkgroup]]
number = "8001"
[[gateways.usrp.radio]]
name = "hilltop"
number = "8110"
talkgroup = "8001"
local = "127.0.0.1:{0}"
remote = "127.0.0.1:{1}"
missed_frames = 50
[[gateways.usrp.radio]]
name = "harbour"
number = "8120"
local = "127.0.0.1:{2}"
remote = "127.0.0.1:{3}"
[[route]]
name = "radios"
pattern = "812X"
to = "gateway:usrp"
"""
PHONE_HZ, RADIO_HZ = 500.0, 1250.0


@cache
def ports() -> list[int]:
    """The switch's port and the node's, of the radio in a talkgroup and of the one that waits for calls.

    Taken when the switch starts: taken sooner, they come round to others before they are bound.
    """
    return [free_port() for _ in range(4)]


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch with two radios, one of them in a talkgroup."""
    with running_switch(Plan(extra=RADIOS.format(*ports())), tmp_path_factory.mktemp("usrp")) as switch:
        yield switch
        switch.stop()  # which ends the call of the radio that is in its talkgroup for good
        switch.process = None


def tone(hz: float, seconds: float) -> audio.Samples:
    return 8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * audio.RATE)) / audio.RATE)


@asynccontextmanager
async def node(index: int) -> AsyncIterator[SimulatedNode]:
    made = SimulatedNode(("127.0.0.1", ports()[index + 1]), ("127.0.0.1", ports()[index]))
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def frames_of(radio: SimulatedNode) -> int:
    """How many frames there are in the first transmission of a node."""
    return len(radio.transmissions[0].frames) if radio.transmissions else 0


def heard(transmission: Transmission) -> audio.Samples:
    """What a node transmitted, without the first 200 ms."""
    return np.frombuffer(b"".join(transmission.frames), "<i2").astype(np.float64)[audio.RATE // 5 :]


def group(switch: Switch) -> dict[str, object]:
    (found,) = [row for row in switch.rows("/groups") if row["number"] == "8001"]
    return found


async def test_a_radio_and_a_phone_take_turns_in_a_talkgroup(tower: Switch) -> None:
    with (
        RawPhone(("127.0.0.1", tower.plan.sip), "1001", password_of("1001")) as phone,
        RtpParty(phone.rtp_port) as party,
    ):
        async with node(0) as radio:
            answer = await asyncio.to_thread(phone.invite, "8001", "0")
            assert answer.status == 200, f"8001 answered {answer.start}"
            party.send(audio.encode_ulaw(tone(PHONE_HZ, 30).astype(np.int16)), media_address(answer.body))

            said = asyncio.create_task(radio.say("BG1ABC", tone(RADIO_HZ, 3).astype("<i2").tobytes()))
            await eventually(lambda: len(party.packets) > 10, "the radio is heard by the phone")
            talks = await asyncio.to_thread(group, tower)
            assert talks["talker"] == "8110", f"the radio should have the floor: {talks}"
            await said
            await eventually(lambda: len(party.octets()) > audio.RATE, "a second of it has come")
            hz = audio.frequency_hz(audio.decode_ulaw(party.octets()[audio.RATE // 5 : audio.RATE]))
            assert abs(hz - RADIO_HZ) < 1, f"the phone should hear {RADIO_HZ} Hz of the radio, heard {hz:.1f}"
            names = {row["party"]: row["display_name"] for row in talks["participants"]}  # type: ignore[attr-defined]
            assert names["8110"] == "BG1ABC", f"the node has told who talks: {names}"
            assert not radio.transmissions, "a radio does not hear itself"

            await asyncio.to_thread(press, phone, "*")
            await eventually(lambda: frames_of(radio) > 60, "the phone is heard")
            await asyncio.to_thread(press, phone, "#")
            (transmission,) = radio.transmissions
            await eventually(lambda: transmission.over, "the node is told that the phone has let go")
            hz = audio.frequency_hz(heard(transmission)[: audio.RATE])
            assert abs(hz - PHONE_HZ) < 1, f"the radio should hear {PHONE_HZ} Hz of the phone, heard {hz:.1f}"
            assert transmission.talker.callsign == "Test 1001", "the node is told who talks"
            assert phone.bye().status == 200, "the BYE was not answered"


async def test_a_phone_calls_a_radio(tower: Switch) -> None:
    with (
        RawPhone(("127.0.0.1", tower.plan.sip), "1001", password_of("1001")) as phone,
        RtpParty(phone.rtp_port) as party,
    ):
        async with node(2) as radio:
            answer = await asyncio.to_thread(phone.invite, "8120", "0")
            assert answer.status == 200, f"8120 answered {answer.start}"
            party.send(audio.encode_ulaw(tone(PHONE_HZ, 30).astype(np.int16)), media_address(answer.body))
            await eventually(lambda: frames_of(radio) > 60, "the phone is heard")
            hz = audio.frequency_hz(heard(radio.transmissions[0])[: audio.RATE])
            assert abs(hz - PHONE_HZ) < 1, f"the radio should hear {PHONE_HZ} Hz of the phone, heard {hz:.1f}"
            said = asyncio.create_task(radio.say("BG1ABC", tone(RADIO_HZ, 30).astype("<i2").tobytes()))

            def hz_heard() -> float:
                last = audio.decode_ulaw(party.octets()[-audio.RATE :])
                return audio.frequency_hz(last) if len(last) == audio.RATE else 0.0

            await eventually(lambda: abs(hz_heard() - RADIO_HZ) < 1, f"the phone hears {RADIO_HZ} Hz of the radio")
            said.cancel()
            assert phone.bye().status == 200, "the BYE was not answered"
            await eventually(lambda: radio.transmissions[0].over, "the node is told that the call is over")
    wait_until(lambda: "8120" not in str(tower.calls()), 40, "the call is over")


def press(phone: RawPhone, key: str) -> None:
    body = f"Signal={key}\r\nDuration=160\r\n"
    request = phone.request("INFO", phone.target, phone.to_tag, body=body)
    phone.send(request.replace(b"application/sdp", b"application/dtmf-relay"))
    assert phone.final().status == 200, f"the key {key} was refused"
