"""baresip 1001 and 1002: speech both ways over UDP, TCP and TLS, with a hold in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.baresip import Baresip
from tests.interop.namespace import Namespace
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until
from tests.interop.wiretap import WireTap

pytestmark = pytest.mark.needs("baresip", "namespace", "espeak-ng", "sox")

TALK_S = 3.0
FIRST = "Unit twelve, report to the north gate, count the vehicles there, and wait for further orders from control."
SECOND = (
    "Control, this is twelve, we have arrived, there is smoke over the east wing, and the road behind it is blocked."
)


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    """A network of its own: baresip does not use loopback."""
    with Namespace() as made:
        yield made


@pytest.fixture(scope="module")
def network_switch(namespace: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch on this machine's side of that network."""
    plan = Plan(address=namespace.near, ipv6=False, subscribers={"1005": 'srtp_keying = "dtls"\n'})
    with running_switch(plan, tmp_path_factory.mktemp("switch")) as switch:
        yield switch


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_speech_both_ways(
    network_switch: Switch, namespace: Namespace, tmp_path: Path, transport: str, codec: str
) -> None:
    """What each says is what the other hears, before a hold and after it; during the hold nothing is heard."""
    if transport != "udp" and codec == "PCMA":
        pytest.skip("one codec is enough for the other transports")
    plan = network_switch.plan
    target = (plan.address, plan.tls if transport == "tls" else plan.sip)
    first_file, first = audio.speech(tmp_path, FIRST, seconds=20)
    second_file, second = audio.speech(tmp_path, SECOND, seconds=20, voice="en-us")

    def phone(number: str, speech: Path, port: int) -> Baresip:
        return Baresip(
            namespace, tmp_path / number, number=number, password=password_of(number), switch=target,
            transport=transport, speech=speech, port=port, codecs=(codec,),
        )  # fmt: skip

    with (
        WireTap(namespace.outside) as tap,
        phone("1001", first_file, 5600) as caller,
        phone("1002", second_file, 8600) as called,
    ):
        caller.wait_registered()
        called.wait_registered()
        caller.dial("1002")
        caller.wait_event("CALL_ESTABLISHED")
        called.wait_event("CALL_ESTABLISHED")
        time.sleep(TALK_S)
        caller.command("hold")
        time.sleep(1.0)
        held = tap.mark()
        time.sleep(1.0)
        during = len(tap.heard(namespace.far, 9600, 9700, since=held))
        caller.command("resume")
        time.sleep(0.5)
        resumed = tap.mark()
        time.sleep(TALK_S)
        caller.command("hangup")
        called.wait_event("CALL_CLOSED")
    assert during == 0, f"{during / audio.RATE:.2f} s of sound reached the party on hold"
    audio.assert_alike(first, called.heard(), seconds=TALK_S - 1.5, what="1001 to 1002, as 1002 recorded it")
    audio.assert_alike(second, caller.heard(), seconds=TALK_S - 1.5, what="1002 to 1001, as 1001 recorded it")
    after_called = tap.heard(namespace.far, 9600, 9700, since=resumed)
    after_caller = tap.heard(namespace.far, 6600, 6700, since=resumed)
    audio.assert_alike(first, after_called, seconds=TALK_S - 1.5, what="1001 to 1002 after the hold")
    audio.assert_alike(second, after_caller, seconds=TALK_S - 1.5, what="1002 to 1001 after the hold")
    network_switch.wait_idle()


def test_amr_and_gsm_hear_each_other(network_switch: Switch, namespace: Namespace, tmp_path: Path) -> None:
    """Two codecs of libraries, coded by baresip at either end and by the switch between them."""
    tones = {"1001": 500.0, "1002": 900.0}
    for number, hertz in tones.items():
        audio.write_wav(tmp_path / f"{number}.wav", 8000 * np.sin(2 * np.pi * hertz * np.arange(30 * 8000) / 8000))

    def phone(number: str, codec: str, port: int) -> Baresip:
        return Baresip(
            namespace, tmp_path / number, number=number, password=password_of(number), port=port, codecs=(codec,),
            switch=(network_switch.plan.address, network_switch.plan.sip), speech=tmp_path / f"{number}.wav",
        )  # fmt: skip

    with phone("1001", "AMR/8000", 5800) as caller, phone("1002", "GSM/8000", 7800) as callee:
        caller.wait_registered()
        callee.wait_registered()
        caller.dial("5506")
        wait_until(lambda: _hears(caller, tones["1002"]), 40, "AMR hears GSM")
        wait_until(lambda: _hears(callee, tones["1001"]), 40, "GSM hears AMR")
        (call,) = network_switch.calls()
        legs = network_switch.get(f"/voice/calls/{call['call_id']}")["legs"]
        assert {leg["codec"] for leg in legs} == {"AMR", "GSM"}
        caller.command("hangup")
        callee.wait_event("CALL_CLOSED")


def test_ice_and_dtls_on_one_side_and_sdes_on_the_other(
    network_switch: Switch, namespace: Namespace, tmp_path: Path
) -> None:
    """No browser, but an ICE peer (RFC 8445) with keys by DTLS (RFC 5764); its callee has keys in SDP (RFC 4568)."""
    plan = network_switch.plan
    first_file, first = audio.speech(tmp_path, FIRST, seconds=20)
    second_file, second = audio.speech(tmp_path, SECOND, seconds=20, voice="en-us")

    def phone(number: str, speech: Path, port: int, secured: str, *, ice: bool) -> Baresip:
        return Baresip(
            namespace, tmp_path / number, number=number, password=password_of(number), switch=(plan.address, plan.sip),
            speech=speech, port=port, codecs=("PCMU",), secured=secured, ice=ice,
        )  # fmt: skip

    with (
        phone("1003", first_file, 11600, "dtls_srtp", ice=True) as caller,
        phone("1004", second_file, 14600, "srtp", ice=False) as called,
    ):
        caller.wait_registered()
        called.wait_registered()
        caller.dial("1004")
        caller.wait_event("CALL_ESTABLISHED")
        called.wait_event("CALL_ESTABLISHED")
        time.sleep(TALK_S)
        (call,) = network_switch.calls()
        legs = network_switch.get(f"/voice/calls/{call['call_id']}")["legs"]
        caller.command("hangup")
        called.wait_event("CALL_CLOSED")
    assert [leg["srtp"] for leg in legs] == ["AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"]
    audio.assert_alike(first, called.heard(), seconds=TALK_S - 1.5, what="1003 to 1004, as 1004 recorded it")
    audio.assert_alike(second, caller.heard(), seconds=TALK_S - 1.5, what="1004 to 1003, as 1003 recorded it")
    network_switch.wait_idle()


def test_a_phone_is_called_with_keys_by_dtls(network_switch: Switch, namespace: Namespace, tmp_path: Path) -> None:
    """No ICE, no keys in SDP (RFC 5763): its subscriber has `srtp_keying = "dtls"`; who calls it is plain."""
    plan = network_switch.plan
    tones = {"1001": 500.0, "1005": 900.0}
    for number, hertz in tones.items():
        audio.write_wav(tmp_path / f"{number}.wav", 8000 * np.sin(2 * np.pi * hertz * np.arange(30 * 8000) / 8000))

    def phone(number: str, port: int, secured: str) -> Baresip:
        return Baresip(
            namespace, tmp_path / number, number=number, password=password_of(number), switch=(plan.address, plan.sip),
            speech=tmp_path / f"{number}.wav", port=port, codecs=("PCMU",), secured=secured,
        )  # fmt: skip

    with phone("1001", 5900, "") as caller, phone("1005", 7900, "dtls_srtp") as callee:
        caller.wait_registered()
        callee.wait_registered()
        caller.dial("1005")
        wait_until(lambda: _hears(caller, tones["1005"]), 40, "the plain phone hears the secured one")
        wait_until(lambda: _hears(callee, tones["1001"]), 40, "and the other way")
        (call,) = network_switch.calls()
        legs = network_switch.get(f"/voice/calls/{call['call_id']}")["legs"]
        assert [leg["srtp"] for leg in legs] == ["", "AEAD_AES_128_GCM"]
        caller.command("hangup")
        callee.wait_event("CALL_CLOSED")


def _hears(listener: Baresip, hertz: float) -> bool:
    """Whether the last second that a phone has heard is this tone."""
    heard = [audio.read_growing(path) for path in listener.folder.glob("dump-*-dec.wav")]
    last = heard[0][-audio.RATE :] if heard else np.zeros(0)
    return len(last) == audio.RATE and abs(audio.pitch_hz(last) - hertz) < 10
