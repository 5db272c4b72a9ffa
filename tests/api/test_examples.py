"""The examples of docs/examples, run as they stand there, with telephones."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import subprocess
import textwrap
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType

from softswitch.client import Client
from tests.api.conftest import MakePhone
from tests.api.recording import connected, finished, say
from tests.api.test_groups import hears, says
from tests.api.test_voice import heard, post
from tests.interop.audio import level_dbm0
from tests.interop.switch import ROOT, TOKEN, Switch, wait_until
from tests.unit.media.talkers import heard as decoded
from tests.waiting import eventually


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def client(switch: Switch) -> Client:
    return Client(f"http://127.0.0.1:{switch.plan.http}", TOKEN)


async def until(condition: Callable[[], bool], what: str, timeout_s: float = 40.0) -> None:
    """Wait in a thread, so that the example goes on meanwhile."""
    await asyncio.to_thread(wait_until, condition, timeout_s, what)


async def test_click_to_call(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002")
    threading.Thread(target=lambda: two.in_call.wait(40) and (time.sleep(0.3), one.hang_up()), daemon=True).start()
    async with client(switch) as opened:
        outcome = await example("click_to_call").click_to_call(opened, "1001", "1002", key="example-1")
    assert outcome == "answered" and two.ended.wait(40)


async def test_recordings_are_fetched(recorder: Switch, telephone: MakePhone, tmp_path: Path) -> None:
    call, one, two = await asyncio.to_thread(connected, recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    await asyncio.to_thread(say, one, two, 440, 0.5)
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = await asyncio.to_thread(finished, recorder, identifier)
    since = (datetime.fromisoformat(row["started_at"]) - timedelta(seconds=1)).isoformat()
    async with client(recorder) as opened:
        run = example("recording_fetch").recording_fetch
        fetched = await run(opened, "1002", since, tmp_path)
        assert [path.name for path in fetched] == [f"{identifier}.wav"] and decoded(fetched[0]).shape[1] == 2
        assert await run(opened, "1002", since, tmp_path) == [], "what is there is not fetched again"


async def test_alarm_calls_a_group_once(switch: Switch, phone: MakePhone) -> None:
    phones = [phone("1001"), phone("1002")]
    async with client(switch) as opened:
        run = example("alarm_group_call").alarm
        came = await run(opened, "alarm-7", ["1001", "1002", "1019"])
        assert came["members"] == {"1001": "present", "1002": "present", "1019": "failed"}, came
        again = await run(opened, "alarm-7", ["1001", "1002", "1019"])
        assert again["group"] == came["group"], "an alarm told twice calls once"
        await opened.remove_group(came["group"])
    assert all(each.ended.wait(40) for each in phones)


async def test_menu_sends_callers_on_by_the_key_they_press(switch: Switch, phone: MakePhone) -> None:
    caller, desk = phone("1001"), phone("1002")
    async with client(switch) as opened:
        await opened.add_queue("6200", join_empty=True, announce_s=0)
        events, streams = opened.events, []
        opened.events = lambda *given, **more: streams.append(events(*given, **more)) or streams[-1]  # type: ignore[method-assign]
        serving = asyncio.create_task(example("ivr_menu").menu(opened, "6200", {"2": "1002"}))
        await eventually(lambda: streams and streams[0].opened.is_set(), "the menu listens to events")
        call = await opened.originate("1001", "6200")
        assert await asyncio.to_thread(caller.in_call.wait, 40)
        await until(lambda: level_dbm0(heard(caller, 0.5)) > -40, "the caller hears the menu")
        await asyncio.to_thread(caller.press, "72")
        assert await asyncio.to_thread(desk.in_call.wait, 40), "the key leads to 1002"
        for speaker, listener in ((caller, desk), (desk, caller)):
            await asyncio.to_thread(says, speaker)
            await asyncio.to_thread(hears, listener, speaker.number)
        assert not serving.done(), serving
        serving.cancel()
        await opened.disconnect(next(each.call_id for each in await opened.calls()))
        await opened.remove_queue("6200")
    assert caller.ended.wait(40) and desk.ended.wait(40), call


def curls(page: str) -> list[str]:
    """The requests of a page that stand indented in it, without the indentation."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = (textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE))
    return [block[block.index("curl") :].strip() for block in blocks if "curl" in block]


def test_requests_of_the_documents_are_answered(switch: Switch, phone: MakePhone) -> None:
    phone("1001", answer_after=None), phone("1002", answer_after=None)
    for path, number in (("/groups", "8001"), ("/voice/conferences", "7001")):  # as the embedded defaults have them
        assert switch.http("POST", path, {"number": number})[0] == 201
    requests = curls("api.md") + curls("conferences.md")
    assert len(requests) > 6
    environment = {**os.environ, "API": f"http://127.0.0.1:{switch.plan.http}/api/v1", "TOKEN": TOKEN}
    for request in requests:
        command = request.replace("demo-admin", TOKEN).replace("curl -s", "curl -s -w '\\n%{http_code}'")
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
        assert done.stdout.rpartition("\n")[2] in ("200", "201", "202"), f"{request}\n{done.stdout}{done.stderr}"
    for row in switch.rows("/groups"):
        if row["kind"] == "temporary" or row["number"] == "8001":
            switch.http("DELETE", f"/groups/{row['number']}")
    assert switch.http("PUT", "/system/access_rules", {"rules": []})[0] == 200
    assert switch.http("DELETE", "/data/departments/port")[0] == 204
    assert switch.http("DELETE", "/voice/conferences/7001")[0] == 204
