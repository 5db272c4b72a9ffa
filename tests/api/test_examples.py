"""The examples of docs/examples, run as they stand there, with telephones."""

from __future__ import annotations

import importlib.util
import threading
import time
from types import ModuleType

from softswitch.client import Client
from tests.api.conftest import MakePhone
from tests.interop.switch import ROOT, TOKEN, Switch


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
