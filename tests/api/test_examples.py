"""The examples of docs/examples, run as they stand there, with telephones."""

from __future__ import annotations

import importlib.util
import threading
import time
import wave
from pathlib import Path
from types import ModuleType

import numpy as np

from softswitch.client import Client
from tests.api.conftest import MakePhone
from tests.api.test_voice import post
from tests.interop.switch import ROOT, TOKEN, Switch, wait_until


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def client(switch: Switch) -> Client:
    return Client(f"http://127.0.0.1:{switch.plan.http}", TOKEN)


async def test_click_to_call(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002")
    threading.Thread(target=lambda: two.in_call.wait(5) and (time.sleep(0.3), one.hang_up()), daemon=True).start()
    async with client(switch) as opened:
        outcome = await example("click_to_call").click_to_call(opened, "1001", "1002", key="example-1")
    assert outcome == "answered" and two.ended.wait(3)


async def test_alarm_calls_a_group_once(switch: Switch, phone: MakePhone) -> None:
    phones = [phone("1001"), phone("1002")]
    async with client(switch) as opened:
        run = example("alarm_group_call").alarm
        came = await run(opened, "alarm-7", ["1001", "1002", "1019"])
        assert came["members"] == {"1001": "present", "1002": "present", "1019": "failed"}, came
        again = await run(opened, "alarm-7", ["1001", "1002", "1019"])
        assert again["group"] == came["group"], "an alarm told twice calls once"
        await opened.remove_group(came["group"])
    assert all(each.ended.wait(3) for each in phones)


async def test_voice_menu_follows_the_key(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002")

    def press() -> None:
        if one.in_call.wait(5):
            time.sleep(0.3)
            one.press("92")

    threading.Thread(target=press, daemon=True).start()
    async with client(switch) as opened:
        chosen = await example("voice_menu").menu(opened, "1001", {"1": "602", "2": "1002"})
    assert chosen == "1002" and two.in_call.wait(5)
    one.hang_up()
    assert two.ended.wait(3)


async def test_a_recording_is_fetched(switch: Switch, phone: MakePhone, tmp_path: Path) -> None:
    one, two = phone("1001"), phone("1002")
    call = post(switch, "/voice/calls", {"caller": "1001", "callee": "1002"}, 201)["call_id"]
    wait_until(lambda: one.in_call.is_set() and two.in_call.is_set(), 5, "both talk")
    assert one.remote_media is not None
    one.rtp.send(np.full(8000 * 4, 0x10, np.uint8).tobytes(), one.remote_media)
    path = tmp_path / "call.wav"
    async with client(switch) as opened:
        await example("fetch_recording").record(opened, call, 1.0, path)
    with wave.open(str(path)) as file:
        assert file.getnframes() / file.getframerate() > 0.5
    post(switch, f"/voice/calls/{call}/disconnect")
