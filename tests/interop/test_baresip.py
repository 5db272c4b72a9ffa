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
        called.understands(first)
        caller.understands(second)
        caller.command("hold")

        def nothing_is_sent() -> bool:
            held = tap.mark()
            time.sleep(1.0)
            return not len(tap.heard(namespace.far, 9600, 9700, since=held))

        wait_until(nothing_is_sent, 40, "no sound reaches the party on hold for a second")
        resumed = tap.mark()
        caller.command("resume")
        for sent, ports, what in ((first, (9600, 9700), "1001 to 1002"), (second, (6600, 6700), "1002 to 1001")):
            wait_until(
                lambda: audio.is_alike(sent, tap.heard(namespace.far, *ports, since=resumed), seconds=1.5),  # noqa: B023
                40,
                f"speech is sent after the hold, {what}",
            )
        caller.command("hangup")
        called.wait_event("CALL_CLOSED")
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
        called.understands(first)
        caller.understands(second)
        (call,) = network_switch.calls()
        legs = network_switch.get(f"/voice/calls/{call['call_id']}")["legs"]
        caller.command("hangup")
        called.wait_event("CALL_CLOSED")
    assert [leg["srtp"] for leg in legs] == ["AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80"]
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
