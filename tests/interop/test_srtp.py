"""SRTP with keys in SDP against independent phones: secured legs, plain legs, and both in one call."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.interop import audio
from tests.interop.pjsua import Pjsua
from tests.interop.switch import TOKEN, Plan, Switch, password_of, running_switch, wait_until
from tests.interop.test_pjsua import TEXT

pytestmark = pytest.mark.needs("pjsua2")
needs_voice = pytest.mark.needs("espeak-ng", "sox")

NEVER, OPTIONAL, ALWAYS = 0, 1, 2  # pjsip's words: PJMEDIA_SRTP_…
TALK_S = 2.0
UNIVERSAL = "AES_CM_128_HMAC_SHA1_80"
STRONGEST = "AES_256_CM_HMAC_SHA1_80"  # of those pjsip has; GCM is tried against libsrtp in the unit tests


@pytest.fixture(scope="module")
def srtp_switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch with a subscriber for each of the terms."""
    terms = {"1003": 'srtp = "required"', "1004": 'srtp = "forbidden"', "1005": 'srtp = "required"'}
    plan = Plan(subscribers=terms, extra='[[conference]]\nnumber = "7001"\n')
    with running_switch(plan, tmp_path_factory.mktemp("switch")) as switch:
        yield switch


@contextmanager
def phones(
    switch: Switch, folder: Path, *wanted: tuple[str, int], speak: bool = False, suites: tuple[str, ...] = ()
) -> Iterator[list[Pjsua]]:
    """Registered phones of these numbers and ways with SRTP."""
    with ExitStack() as stack:
        made = []
        for i, (number, srtp) in enumerate(wanted, 1):
            setup: dict[str, object] = {"srtp": srtp}
            if suites:
                setup["suites"] = suites
            if speak:
                file, _ = audio.speech(folder, TEXT[f"100{i}"], seconds=30, voice="en-us" if i == 2 else "en")
                setup |= {"play": str(file), "record": str(folder / f"heard-{i}-%.wav")}
            phone = Pjsua(
                folder / number,
                number=number,
                password=password_of(number),
                switch=f"127.0.0.1:{switch.plan.sip}",
                **setup,
            )
            made.append(stack.enter_context(phone))
            made[-1].registered()
        yield made


def profiles(switch: Switch) -> list[str]:
    """How the legs of the one call are secured, the caller's first."""
    (call,) = switch.get("/voice/calls")["items"]
    return [leg["srtp"] for leg in switch.get(f"/voice/calls/{call['call_id']}")["legs"]]


@needs_voice
@pytest.mark.parametrize(
    ("caller", "callee", "expected"),
    [
        (("1001", ALWAYS), ("1002", NEVER), [STRONGEST, ""]),
        (("1001", NEVER), ("1002", OPTIONAL), ["", UNIVERSAL]),
        (("1003", ALWAYS), ("1005", ALWAYS), [STRONGEST, STRONGEST]),
        (("1004", OPTIONAL), ("1002", OPTIONAL), ["", UNIVERSAL]),
    ],
    ids=["secured-to-plain", "plain-to-best-effort", "both-required", "forbidden-to-best-effort"],
)
def test_speech_both_ways(
    srtp_switch: Switch, tmp_path: Path, caller: tuple[str, int], callee: tuple[str, int], expected: list[str]
) -> None:
    """Each hears the other before and after a hold, whatever either leg is secured with."""
    with phones(srtp_switch, tmp_path, caller, callee, speak=True) as (first, second):
        first.do("call", to=callee[0])
        second.wait("state", state="CONFIRMED")
        first.wait("state", state="CONFIRMED")
        heard = []
        for listener, speaker in ((1, 2), (2, 1)):
            voice = "en-us" if speaker == 2 else "en"
            _, sent = audio.speech(tmp_path, TEXT[f"100{speaker}"], seconds=30, voice=voice)
            heard.append((tmp_path / f"heard-{listener}-1.wav", sent))
        for file, sent in heard:
            audio.hear_on_end(file, sent, TALK_S, least=0.98)
        assert profiles(srtp_switch) == expected
        second.do("hold", call=1)
        time.sleep(1)
        second.do("resume", call=1)
        for file, sent in heard:
            audio.hear_on_end(file, sent, TALK_S, least=0.98, since_s=audio.recorded_s(file))
        assert profiles(srtp_switch) == expected, "a hold changes nothing"
        first.do("hangup", call=1)
        second.wait("state", state="DISCONNECTED")


@pytest.mark.parametrize(
    "suite",
    [
        "AES_256_CM_HMAC_SHA1_80",
        "AES_256_CM_HMAC_SHA1_32",
        "AES_CM_128_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
    ],
)
def test_every_suite(srtp_switch: Switch, tmp_path: Path, suite: str) -> None:
    """The echo service comes back under each suite, in RTP and RTCP that pjsip's libsrtp takes for authentic."""
    with phones(srtp_switch, tmp_path, ("1001", ALWAYS), suites=(suite,)) as (phone,):
        phone.do("call", to="600")
        phone.wait("state", state="CONFIRMED")
        statistics = phone.received(50)
        assert profiles(srtp_switch) == [suite]
        phone.do("hangup", call=1)
        phone.wait("state", state="DISCONNECTED")
    assert statistics["lost"] == 0, statistics


def test_a_conference_of_secured_and_plain_members(srtp_switch: Switch, tmp_path: Path) -> None:
    """Both are sent sound by the room."""
    with phones(srtp_switch, tmp_path, ("1001", ALWAYS), ("1002", NEVER)) as members:
        for member in members:
            member.do("call", to="7001")
            member.wait("state", state="CONFIRMED")
        for member in members:
            member.received(40)
        for member in members:
            member.do("hangup", call=1)
            member.wait("state", state="DISCONNECTED")


@pytest.mark.parametrize(("number", "srtp"), [("1003", NEVER), ("1004", ALWAYS)], ids=["required", "forbidden"])
def test_terms_that_do_not_meet_are_refused(srtp_switch: Switch, tmp_path: Path, number: str, srtp: int) -> None:
    """A plain call where SRTP is required, and a secured one where it is forbidden, end with 488."""
    with phones(srtp_switch, tmp_path, (number, srtp)) as (phone,):
        phone.do("call", to="600")
        told = phone.wait("state", state="DISCONNECTED")
    assert told["status"] == 488, told


def test_no_key_is_in_the_log(srtp_switch: Switch, tmp_path: Path) -> None:
    """Whatever is logged of a secured call, its keys are not."""
    with phones(srtp_switch, tmp_path, ("1001", ALWAYS)) as (phone,):
        phone.do("call", to="600")
        phone.wait("state", state="CONFIRMED")
        phone.do("hangup", call=1)
        phone.wait("state", state="DISCONNECTED")
    said = (tmp_path / "1001" / "pjsua-1001.log").read_text(errors="replace")
    keys = {part.split()[0].split("|")[0] for part in said.split("inline:")[1:]}
    assert len(keys) >= 2, "the phone's own log shows both keys"
    logged = srtp_switch.log.read_text(errors="replace")
    assert not [key for key in keys if key in logged]


def test_no_key_is_in_what_is_shown_of_a_call(srtp_switch: Switch, tmp_path: Path) -> None:
    """Call details, ladder and capture of a secured call in progress hold no key, nor does its record."""
    with phones(srtp_switch, tmp_path, ("1001", ALWAYS)) as (phone,):
        phone.do("call", to="600")
        phone.wait("state", state="CONFIRMED")
        (call,) = srtp_switch.get("/voice/calls")["items"]
        path = f"/voice/calls/{call['call_id']}"
        shown = [fetch(srtp_switch, where) for where in (path, f"{path}/ladder?format=json", f"{path}/capture.pcap")]
        shown += [fetch(srtp_switch, f"{path}/ladder?format={form}") for form in ("svg", "text")]
        phone.do("hangup", call=1)
        phone.wait("state", state="DISCONNECTED")
    record = f"/data/cdrs/{call['call_id']}"
    wait_until(lambda: srtp_switch.http("GET", record)[0] == 200, 40, "the record is written")
    shown.append(fetch(srtp_switch, record))
    said = (tmp_path / "1001" / "pjsua-1001.log").read_text(errors="replace")
    keys = {part.split()[0].split("|")[0].encode() for part in said.split("inline:")[1:]}
    assert len(keys) >= 2, "the phone's own log shows both keys"
    assert b"inline:xxxx" in shown[1], "the ladder shows that there were keys"
    assert not [key for key in keys if any(key in body for body in shown)]


def fetch(switch: Switch, path: str) -> bytes:
    """What the API answers, as it is."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{switch.plan.http}/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        content: bytes = answer.read()
        return content
