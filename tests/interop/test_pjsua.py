"""pjsua2, a second independent stack: speech, hold, digits, PRACK, transfers, messages, over UDP, TCP and TLS."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from softswitch.media import can_transcode
from tests.interop import audio
from tests.interop.pjsua import Pjsua
from tests.interop.switch import Switch, password_of, wait_until

pytestmark = pytest.mark.needs("pjsua2")
needs_voice = pytest.mark.needs("espeak-ng", "sox")

TALK_S = 2.5
TEXT = {
    "1001": "Alpha, bravo, charlie, delta: this is the first station speaking to the second one, how do you read?",
    "1002": "Second station here, you are loud and clear, we go on with the inspection of the western tunnel now.",
    "1003": "Third station listening.",
}


@contextmanager
def phones(
    switch: Switch, folder: Path, *numbers: str, transport: str = "udp", speak: bool = False, **more: object
) -> Iterator[tuple[list[Pjsua], list[audio.Samples]]]:
    """Registered phones, and what each of them says."""
    target = f"127.0.0.1:{switch.plan.tls if transport == 'tls' else switch.plan.sip}"
    with contextlib.ExitStack() as stack:
        made, spoken = [], []
        for number in numbers:
            setup: dict[str, object] = {"number": number, "password": password_of(number), "switch": target}
            if speak:
                voice = "en-us" if number == "1002" else "en"
                file, samples = audio.speech(folder, TEXT[number], seconds=20, voice=voice)
                setup |= {"play": str(file), "record": str(folder / f"heard-{number}-%.wav")}
                spoken.append(samples)
            phone = stack.enter_context(Pjsua(folder / number, transport=transport, **setup, **more))
            phone.registered()
            made.append(phone)
        yield made, spoken


def connect(caller: Pjsua, called: Pjsua, number: str) -> None:
    """Call and wait until both are in conversation."""
    caller.do("call", to=number)
    called.wait("state", state="CONFIRMED")
    caller.wait("state", state="CONFIRMED")


@needs_voice
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_speech_both_ways(switch: Switch, tmp_path: Path, transport: str) -> None:
    """Speech arrives in both directions before and after a hold by the called party."""
    with phones(switch, tmp_path, "1001", "1002", transport=transport, speak=True) as ((caller, called), spoken):
        connect(caller, called, "1002")
        files = [(tmp_path / f"heard-{name}-1.wav", sent) for name, sent in zip(("1002", "1001"), spoken, strict=True)]
        for file, sent in files:
            audio.hear_on_end(file, sent, TALK_S, least=0.98)
        called.do("hold", call=1)
        time.sleep(1)
        called.do("resume", call=1)
        for file, sent in files:
            audio.hear_on_end(file, sent, TALK_S, least=0.98, since_s=audio.recorded_s(file))
        statistics = caller.received(int(TALK_S * 40))  # counted anew since the hold
        caller.do("hangup", call=1)
        called.wait("state", state="DISCONNECTED")
        caller.wait("state", state="DISCONNECTED")
    assert statistics["lost"] == 0, f"the caller counted {statistics}"


@needs_voice
@pytest.mark.skipif(not can_transcode("GSM"), reason="libgsm is not installed (apt-get install libgsm1)")
def test_speech_between_gsm_and_alaw(switch: Switch, tmp_path: Path) -> None:
    """5506 offers the callee GSM alone; the caller speaks A-law, and the switch transcodes."""
    with (
        phones(switch, tmp_path, "1001", speak=True, codecs=["PCMA"]) as ((caller,), (said,)),
        phones(switch, tmp_path, "1002", speak=True, codecs=["GSM"]) as ((called,), (answered,)),
    ):
        connect(caller, called, "5506")
        for name, sent in (("1002", said), ("1001", answered)):
            audio.hear_on_end(tmp_path / f"heard-{name}-1.wav", sent, TALK_S - 1, least=0.85)
        caller.do("hangup", call=1)
        called.wait("state", state="DISCONNECTED")
        caller.wait("state", state="DISCONNECTED")
    wait_until(lambda: any(record["callee"] == "5506" for record in switch.cdrs()), 40, "the call is on record")
    codecs = {leg["codec"] for record in switch.cdrs() if record["callee"] == "5506" for leg in record["legs"]}
    assert codecs == {"PCMA", "GSM"}, f"the record says {codecs}"


def test_digits(switch: Switch, tmp_path: Path) -> None:
    """Telephone-events pass through (RFC 4733)."""
    with phones(switch, tmp_path, "1001", "1002") as ((caller, called), _):
        connect(caller, called, "1002")
        time.sleep(0.5)
        caller.do("dtmf", call=1, digits="159#")
        digits = [called.wait("dtmf")["digit"] for _ in range(4)]
        caller.do("hangup", call=1)
        called.wait("state", state="DISCONNECTED")
    assert digits == ["1", "5", "9", "#"], f"the digits 159# arrived as {digits}"


def test_reliable_provisional(switch: Switch, tmp_path: Path) -> None:
    """Both phones demand 100rel (RFC 3262)."""
    with phones(switch, tmp_path, "1001", "1002", prack=1) as ((caller, called), _):
        connect(caller, called, "1002")
        caller.do("hangup", call=1)
        called.wait("state", state="DISCONNECTED")
    caller.exchanged("RX", "Response msg 200/PRACK")
    called.exchanged("RX", "Request msg PRACK")


def test_update(switch: Switch, tmp_path: Path) -> None:
    """UPDATE in the middle of a call (RFC 3311)."""
    with phones(switch, tmp_path, "1001", "1002") as ((caller, called), _):
        connect(caller, called, "1002")
        time.sleep(0.3)
        caller.do("update", call=1)
        caller.wait("media")
        caller.do("hangup", call=1)
        called.wait("state", state="DISCONNECTED")
    caller.exchanged("TX", "Request msg UPDATE")
    caller.exchanged("RX", "Response msg 200/UPDATE")


def test_declined(switch: Switch, tmp_path: Path) -> None:
    """603 of the called party is what the caller sees."""
    with phones(switch, tmp_path, "1001", "1002", auto_answer=False) as ((caller, called), _):
        caller.do("call", to="1002")
        called.wait("incoming")
        called.do("answer", call=1, status=603)
        told = caller.wait("state", state="DISCONNECTED")
    assert told["status"] == 603, f"the caller was told {told['status']}"


def test_message(switch: Switch, tmp_path: Path) -> None:
    """A short message from phone to phone."""
    with phones(switch, tmp_path, "1001", "1002") as ((caller, called), _):
        caller.do("message", to="1002", text="The gate is open. 门已打开。")
        told = called.wait("message")
    assert told["text"] == "The gate is open. 门已打开。", f"the text arrived as {told['text']!r}"


@needs_voice
def test_blind_transfer(switch: Switch, tmp_path: Path) -> None:
    """1001 calls 1002 and sends it to 1003 (RFC 3515): 1002 and 1003 hear each other, 1001 is out."""
    with phones(switch, tmp_path, "1001", "1002", "1003", speak=True) as ((first, second, third), spoken):
        connect(first, second, "1002")
        first.do("transfer", call=1, to="1003")
        third.wait("state", state="CONFIRMED")
        first.wait("transfer", status=200)
        audio.hear_on_end(tmp_path / "heard-1003-1.wav", spoken[1], TALK_S - 1, least=0.98)
        second.do("hangup", call=1)
        third.wait("state", state="DISCONNECTED")


@needs_voice
def test_attended_transfer(switch: Switch, tmp_path: Path) -> None:
    """1001 speaks with 1002 and with 1003 and joins the two (RFC 3891 Replaces)."""
    with phones(switch, tmp_path, "1001", "1002", "1003", speak=True) as ((first, second, third), spoken):
        connect(first, second, "1002")
        first.do("hold", call=1)
        time.sleep(0.5)
        first.do("call", to="1003")
        third.wait("state", state="CONFIRMED")
        first.wait("state", call=2, state="CONFIRMED")
        first.do("attended", call=1, **{"with": 2})
        first.wait("transfer", status=200)
        audio.hear_on_end(tmp_path / "heard-1003-1.wav", spoken[1], TALK_S - 1, least=0.98)
        second.do("hangup", call=1)
        third.wait("state", state="DISCONNECTED")
