"""A talkgroup of baresip phones that ask by keys and by voice, and a dispatcher at the API: who is heard by whom."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.baresip import Baresip
from tests.interop.namespace import Namespace
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until
from tests.interop.wiretap import WireTap

pytestmark = pytest.mark.needs("baresip", "namespace")

TONES = {"1001": 500.0, "1002": 800.0, "1003": 1250.0}
PORTS = {"1001": 5600, "1002": 7600, "1003": 9600}
SILENT_S = 14.0
GROUP = "8101"


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    """A network of its own: baresip does not use loopback."""
    with Namespace() as made:
        yield made


@pytest.fixture(scope="module")
def network_switch(namespace: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch on this machine's side of that network."""
    plan = Plan(address=namespace.near, ipv6=False, workers=2)
    with running_switch(plan, tmp_path_factory.mktemp("switch")) as switch:
        yield switch


def sound(folder: Path, number: str) -> Path:
    """What a phone says: its tone; 1002 is silent at first and then speaks in syllables, as its voice is its key."""
    time_s = np.arange(int(60 * audio.RATE)) / audio.RATE
    samples = 8000 * np.sin(2 * np.pi * TONES[number] * time_s)
    if number == "1002":
        syllables = (np.sin(2 * np.pi * 3 * time_s) > -0.3) & (time_s > SILENT_S) & (time_s < SILENT_S + 5)
        samples = samples * syllables
    path = folder / f"{number}.wav"
    audio.write_wav(path, samples)
    return path


class Ears:
    """What arrives at each phone, taken from the wire."""

    def __init__(self, tap: WireTap, namespace: Namespace) -> None:
        self._tap, self._namespace = tap, namespace

    def hear(self, seconds: float = 1.0, settle_s: float = 0.5) -> dict[str, str]:
        """Whose tone each phone hears from now on; "" for nobody's."""
        time.sleep(settle_s)
        mark = self._tap.mark()
        time.sleep(seconds)
        return {number: self._of(port, mark) for number, port in PORTS.items()}

    def _of(self, port: int, mark: dict[tuple[str, int], int]) -> str:
        samples = self._tap.heard(self._namespace.far, port + 1000, port + 1100, since=mark)
        if len(samples) < 1600 or audio.level_dbm0(samples) < -40:
            return ""
        found = audio.frequency_hz(samples)
        return next((number for number, hz in TONES.items() if abs(hz - found) < 8), f"{found:.0f} Hz")


def test_keys_voice_and_a_dispatcher_share_one_floor(
    network_switch: Switch, namespace: Namespace, tmp_path: Path
) -> None:
    switch, target = network_switch, (network_switch.plan.address, network_switch.plan.sip)
    rules = {"number": GROUP, "members": list(TONES), "attributes": {"1002": {"floor_by": "voice"}}}
    assert switch.http("POST", "/groups", rules)[0] == 201

    def row() -> dict[str, Any]:
        found: dict[str, Any] = switch.get(f"/groups/{GROUP}")
        return found

    def floor(wish: str, number: str, **more: str) -> None:
        leg = next(each["leg_id"] for each in row()["participants"] if each["party"] == number)
        status, answer = switch.http("POST", f"/groups/{GROUP}/floor/{wish}", {"leg_id": leg, **more})
        assert status == 202, f"{wish} for {number} was answered {status} {answer}"

    with contextlib.ExitStack() as stack:
        ears = Ears(stack.enter_context(WireTap(namespace.outside)), namespace)
        phones = {
            number: stack.enter_context(
                Baresip(
                    namespace,
                    tmp_path / number,
                    number=number,
                    password=password_of(number),
                    switch=target,
                    speech=sound(tmp_path, number),
                    port=PORTS[number],
                )
            )
            for number in TONES
        }
        for phone in phones.values():
            phone.wait_registered()
        assert switch.http("POST", f"/groups/{GROUP}/calls", {"acknowledged": 3})[0] == 201
        wait_until(lambda: (row()["call"] or {}).get("state") == "active", 15, "all three have answered by themselves")
        assert set(ears.hear().values()) == {""}, "nobody has asked yet"
        phones["1001"].command("sndcode", "*")
        wait_until(lambda: row()["talker"] == "1001", 5, "the key of 1001 is granted")
        assert ears.hear() == {"1001": "", "1002": "1001", "1003": "1001"}
        phones["1003"].command("sndcode", "*")
        assert ears.hear() == {"1001": "", "1002": "1001", "1003": "1001"}, "1003 waits"
        floor("revoke", "1001")
        assert ears.hear() == {"1001": "1003", "1002": "1003", "1003": ""}, "who waited is next"
        floor("request", "1001", tier="emergency")
        assert ears.hear() == {"1001": "", "1002": "1001", "1003": "1001"}, "an emergency comes first"
        phones["1001"].command("hangup")
        wait_until(lambda: len(row()["participants"]) == 2, 5, "1001 has left in the middle of its talk")
        wait_until(lambda: row()["talker"] == "1002", SILENT_S + 5, "the voice of 1002 takes the floor")
        assert ears.hear(settle_s=0.2)["1003"] == "1002"
        wait_until(lambda: row()["floor"] == "idle", 8, "1002 has fallen silent")
        assert switch.http("DELETE", f"/groups/{GROUP}/calls")[0] == 204
        phones["1003"].wait_event("CALL_CLOSED")
    switch.wait_idle()
