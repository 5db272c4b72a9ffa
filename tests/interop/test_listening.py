"""What the switch hears in ordinary calls, by its configuration: speech, fax machines, silence that was announced."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from mediacodecs import Samples
from mediacodecs.g711 import ALaw
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import Plan, Switch, running_switch, wait_until
from tests.interop.test_media_workers import Callees

RATE = 8000
TIMEOUT_S = 3


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch that listens, and has little patience with who sends nothing."""
    folder = tmp_path_factory.mktemp("switch")
    plan = Plan(rtp_extra=f'listen = ["speech", "fax"]\ntimeout_s = {TIMEOUT_S}\ncomfort_noise = true\n')
    with running_switch(plan, folder) as switch:
        yield switch


def alaw(samples: Samples) -> bytes:
    """int16[n] as it is sent."""
    return ALaw().encode(samples).tobytes()


def told(switch: Switch, kind: str, call: str) -> list[dict[str, Any]]:
    """The events of a kind about a call so far."""
    return [event for event in switch.get(f"/events/journal?limit=1000&types={kind}&ids={call}")["items"]]


@contextmanager
def calling(switch: Switch, number: str, formats: str = "8") -> Iterator[tuple[str, RtpParty, tuple[str, int]]]:
    """A caller in a call: its id, the caller's media, and where the switch wants it."""
    known = switch.call_ids()
    with RawPhone(("127.0.0.1", switch.plan.trunk)) as phone, RtpParty(phone.rtp_port, 8) as media:
        answer = phone.invite(number, formats)
        assert answer.status == 200, f"the call was answered {answer.start}"
        (call,) = switch.call_ids() - known
        yield call, media, media_address(answer.body)
        if call in switch.call_ids():
            assert phone.bye().status == 200


@pytest.fixture
def callees(listening: Switch) -> Iterator[Callees]:
    """Whoever is called by 5502."""
    made = Callees(listening.plan.callee)
    yield made
    made.close()


def test_who_speaks_in_an_ordinary_call_is_told(listening: Switch, callees: Callees) -> None:
    """Half a second of speech-like noise between silences, to a callee that only listens."""
    noise = np.random.default_rng(1).normal(0, 3000, RATE // 2).astype(np.int16)
    quiet = np.random.default_rng(2).normal(0, 10, RATE // 2).astype(np.int16)
    with calling(listening, "5502") as (call, media, switch):
        media.send(alaw(np.concatenate([quiet, noise, quiet, quiet])), switch)
        wait_until(lambda: len(told(listening, "call.speech", call)) == 2, 40, "speech and its end are told")
        assert [event["speaking"] for event in told(listening, "call.speech", call)] == [True, False]
        legs = listening.get(f"/voice/calls/{call}")["legs"]
        assert told(listening, "call.speech", call)[0]["leg_id"] == legs[0]["leg_id"], "and by whom"


def test_a_fax_machine_is_told_where_media_is_only_passed_on(listening: Switch, callees: Callees) -> None:
    """The answering tone of T.30 §4.3.3 (CED): 2100 Hz."""
    answering = (8000 * np.sin(2 * np.pi * 2100 * np.arange(RATE) / RATE)).astype(np.int16)
    with calling(listening, "5502") as (call, media, switch):
        media.send(alaw(answering), switch)
        wait_until(lambda: told(listening, "call.fax", call), 40, "the machine is told")


def test_whoever_announced_silence_is_not_given_up(listening: Switch) -> None:
    """RFC 3389: one call ends for its silence; the other's last packet was comfort noise."""
    sound = alaw(np.zeros(RATE // 4, np.int16))
    with calling(listening, "600", "8 13") as (patient, media, switch):
        media.send(sound, switch)
        media.said()
        media.socket.sendto(struct.pack("!BBHII", 0x80, 13, 500, 500 * 160, 7) + b"\x40", switch)
        with calling(listening, "600") as (other, mute, to):
            mute.send(sound, to)
            wait_until(lambda: other not in listening.call_ids(), 40, "silence ends a call")
        assert patient in listening.call_ids(), "silence that was announced does not"
    wait_until(lambda: listening.http("GET", f"/data/cdrs/{other}")[0] == 200, 40, "its record is written")
    assert listening.get(f"/data/cdrs/{other}")["released_by"] == "switch", "nobody has hung up"


def test_a_reload_changes_what_holds_for_media(listening: Switch) -> None:
    """Options that need no restart are in force for the next call."""
    before = listening.config.read_text()
    listening.config.write_text(before.replace("[rtp]", '[rtp]\nsrtp = "required"'))
    reloads = len([e for e in listening.get("/events/journal?limit=1000")["items"] if "reload" in e["type"]])

    def reloaded(count: int) -> bool:
        return len([e for e in listening.get("/events/journal?limit=1000")["items"] if "reload" in e["type"]]) >= count

    try:
        listening.reload()
        wait_until(lambda: reloaded(reloads + 1), 40, "the file was read")
        with RawPhone(("127.0.0.1", listening.plan.trunk)) as phone:
            assert phone.invite("600").status == 488, "plain media is refused from now on"
    finally:
        listening.config.write_text(before)
        listening.reload()
        wait_until(lambda: reloaded(reloads + 2), 40, "the file was read again")
