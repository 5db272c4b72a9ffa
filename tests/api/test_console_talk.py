"""The console speaks and hears: a baresip phone, a talkgroup by the space bar, the replay of what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.api.conftest import TOKENS, ApiPlan
from tests.api.console_page import PROGRAM, Console, console
from tests.api.phone import Phone
from tests.interop import audio, namespace
from tests.interop.baresip import Baresip
from tests.interop.namespace import Namespace
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed"),
    pytest.mark.timeout(180),
    pytest.mark.slow,
]
OURS, THEIRS = 640.0, 1270.0
SPEECH = "Control to unit twelve, drive to the north gate, count the vehicles there, and wait for further orders."
EXTRA = """
[recording]
group_idle_s = 1
talkgroups = ["8001"]
[[conference]]
number = "7001"
name = "Morning briefing"
[[conference]]
number = "7002"
name = "Incident room"
"""


def tone(folder: Path, hz: float, seconds: float = 20.0) -> Path:
    path = folder / f"tone-{hz:.0f}.wav"
    audio.write_wav(path, tone_samples(hz, seconds))
    return path


def tone_samples(hz: float, seconds: float) -> audio.Samples:
    return 8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * audio.RATE)) / audio.RATE)


def frequency_at(phone: Phone) -> float:
    """The strongest tone of the last second that a phone got."""
    octets = phone.rtp.octets()[-audio.RATE :]
    return audio.frequency_hz(audio.decode_ulaw(octets)) if len(octets) == audio.RATE else 0.0


def expect_tone_at(phone: Phone, hz: float) -> None:
    wait_until(lambda: abs(frequency_at(phone) - hz) < 5, 40, f"{phone.number} hears {hz} Hz")


@pytest.fixture(scope="module")
def desk_switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with running_switch(ApiPlan(extra=TOKENS + EXTRA), tmp_path_factory.mktemp("console-switch")) as switch:
        for number, name in (("8001", "Fire brigade"), ("8002", "Rescue"), ("8003", "Traffic")):
            group = {"number": number, "name": name, "queue_limit": 0}
            status, answer = switch.http("POST", "/groups", group)
            assert status == 201, answer
        yield switch


@contextmanager
def phone(switch: Switch, number: str) -> Iterator[Phone]:
    with Phone((switch.plan.address, switch.plan.sip), number, password_of(number), answer_after=0.3) as made:
        yield made


def leg_in(switch: Switch, group: str, party: str) -> str:
    rows = switch.get(f"/groups/{group}")["participants"]
    return next((str(row["leg_id"]) for row in rows if row["party"] == party), "")


def floor(switch: Switch, group: str, party: str, wish: str) -> None:
    switch.http("POST", f"/groups/{group}/floor/{wish}", {"leg_id": leg_in(switch, group, party)})


@pytest.mark.skipif(not namespace.available(), reason="a network namespace needs root and iproute2")
def test_dispatcher_and_a_baresip_phone_hear_each_other(tmp_path: Path) -> None:
    """The known speech of the microphone arrives at the phone, the tone of the phone arrives in the page."""
    file, spoken = audio.speech(tmp_path, SPEECH, seconds=60)
    back = tone(tmp_path, THEIRS, 60)
    with (
        Namespace() as network,
        running_switch(Plan(address=network.near, ipv6=False, extra=TOKENS), tmp_path / "switch-data") as switch,
    ):
        target = (switch.plan.address, switch.plan.sip)
        with (
            Baresip(
                network, tmp_path / "1002", number="1002", password=password_of("1002"),
                switch=target, speech=back, port=5600, codecs=("PCMU",), transport="udp",
            ) as called,
            console(switch.plan.http, tmp_path, file) as desk,
        ):  # fmt: skip
            called.wait_registered()
            desk.log_in()
            desk.page.click(".entry[data-number='1002']")
            expect(desk.page.locator(".conversation.talking")).to_be_visible()
            called.wait_event("CALL_ESTABLISHED")
            desk.expect_heard(THEIRS)
            called.understands(spoken, 3, least=0.9)
            desk.order("hang-up")
            called.wait_event("CALL_CLOSED")
            desk.expect_nothing_foreign()


def test_call_for_the_dispatcher_is_taken_in_the_page(desk_switch: Switch, tmp_path: Path) -> None:
    with phone(desk_switch, "1002") as caller, console(desk_switch.plan.http, tmp_path, tone(tmp_path, OURS)) as desk:
        desk.log_in()
        status, answer = desk_switch.http("POST", "/voice/calls", {"caller": "1002", "callee": "1001"})
        assert status in (201, 202), answer
        expect(desk.page.get_by_role("alertdialog")).to_contain_text("1002")
        desk.order("take")
        expect(desk.page.locator(".conversation.talking")).to_be_visible()
        expect_tone_at(caller, OURS)
        assert caller.remote_media is not None
        caller.rtp.send(audio.encode_ulaw(tone_samples(THEIRS, 120).astype(np.int16)), caller.remote_media)
        desk.expect_heard(THEIRS)
        caller.hang_up()
        expect(desk.page.locator(".conversation")).to_have_count(0)


def test_floor_by_the_space_bar_a_refusal_and_the_replay(desk_switch: Switch, tmp_path: Path) -> None:
    """Talks in a talkgroup, sees the second talker refused, is refused itself, and hears the recording afterwards."""
    with (
        phone(desk_switch, "1002") as one,
        phone(desk_switch, "1003"),
        console(desk_switch.plan.http, tmp_path, tone(tmp_path, OURS), dark=True) as desk,
    ):
        page = desk.page
        desk.log_in()
        page.locator(desk.group("8001")).locator("[data-action=join]").click()
        status, answer = desk_switch.http("POST", "/groups/8001/calls", {"members": ["1002", "1003"]})
        assert status == 201, answer
        expect(page.locator(desk.group("8001"))).to_contain_text("3")
        wait_until(lambda: leg_in(desk_switch, "8001", "1003") != "", 40, "1003 is in the talkgroup")
        expect(page.locator("#talk-key")).to_be_enabled()
        page.keyboard.down(" ")
        desk.expect_floor("8001", "talking")
        expect_tone_at(one, OURS)
        floor(desk_switch, "8001", "1003", "request")
        expect(page.locator(desk.group("8001")).locator(".denied")).to_contain_text("1003")
        pictures(desk)
        page.keyboard.up(" ")
        desk.expect_floor("8001", "idle")
        floor(desk_switch, "8001", "1002", "request")
        desk.expect_floor("8001", "taken")
        expect(page.locator(desk.group("8001"))).to_contain_text("1002")
        page.keyboard.down(" ")
        desk.expect_floor("8001", "refused")
        expect(page.locator("#talk-key")).to_contain_text("Refused")
        page.keyboard.up(" ")
        floor(desk_switch, "8001", "1002", "release")
        desk.expect_floor("8001", "idle")
        page.click(f"{desk.group('8001')} [data-action=details]")
        expect(page.get_by_role("button", name="End call")).to_be_visible()
        replay(desk, desk_switch)
        desk.expect_nothing_foreign()
        desk_switch.http("DELETE", "/groups/8001/calls")


def pictures(desk: Console) -> None:
    """The desk at work, by night and by day, in both languages, while the floor is ours."""
    for keys, name in (
        ("", "console-dark"),
        ("l", "console-dark-zh"),
        ("tt", "console-light-zh"),
        ("l", "console-light"),
    ):
        for key in keys:
            desk.page.keyboard.press(key)
        desk.picture(name)


def replay(desk: Console, switch: Switch) -> None:
    """Find the recording of the talkgroup, see its talk bursts, hear the dispatcher's own."""

    def complete() -> bool:
        rows = switch.get("/data/recordings?kind=talkgroup")["items"]
        return any(row["room"] == "8001" and row["state"] == "complete" for row in rows)

    wait_until(complete, 40, "the recording of the talkgroup is complete")
    page = desk.page
    desk.show("recordings")
    page.locator("button.row", has_text="8001").first.click()
    expect(page.locator(".bursts li").first).to_contain_text("1001")
    page.evaluate("listenTo(document.querySelector('audio'))")
    desk.order("burst")
    desk.expect_heard(OURS)
    desk.picture("console-recordings")
