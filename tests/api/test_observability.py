"""How a call is looked at from outside: quality, ladder, capture, metrics, events; with a running switch."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from tests.api.conftest import MakePhone
from tests.api.test_voice import CALLS, newest_cdr, post, talk
from tests.interop.audio import encode_ulaw
from tests.interop.switch import ROOT, TOKEN, Switch, wait_until

METRICS = (
    *("calls_active", "calls_in_state", "call_setup_seconds", "floor_grant_seconds", "floor_requests"),
    *("talk_spurt_seconds", "media_packets", "media_packets_lost", "media_mos", "media_jitter_seconds"),
    *("media_loss_ratio", "registrations", "event_loop_lag_seconds", "media_deadline_missed", "gateway_up"),
    *("jitter_buffer_milliseconds", "trunk_up", "media_worker_cpu_seconds", "store_waiting", "event_journal_entries"),
)
TONE = encode_ulaw((np.sin(2 * np.pi * 700 / 8000 * np.arange(1_600_000)) * 8000).astype(np.int16))


def fetch(switch: Switch, path: str, accept: str = "*/*", token: str = TOKEN) -> tuple[str, bytes]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{switch.plan.http}/api/v1{path}",
        headers={"Authorization": f"Bearer {token}", "Accept": accept},
    )
    with urllib.request.urlopen(request, timeout=40) as answer:
        return answer.headers.get_content_type(), answer.read()


def test_quality_is_in_the_call_its_record_and_metrics(switch: Switch, phone: MakePhone) -> None:
    call, one, two = talk(switch, phone)
    for party in (one, two):
        party.rtp.send(TONE, party.remote_media)
    wait_until(
        lambda: all(leg["media"].get("mos_now") for leg in switch.get(f"{CALLS}/{call}")["legs"]),
        40,
        "both legs are judged",
    )
    legs = switch.get(f"{CALLS}/{call}")["legs"]
    for leg in legs:
        assert leg["media"]["mos"] > 4.0, f"a clean call sounds well: {leg['media']}"
        assert leg["media"]["loss"] == 0
        assert leg["media"]["bursts"]["density"] == 0
    post(switch, f"{CALLS}/{call}/disconnect")
    # other devices of these numbers, registered by earlier tests, were rung as well
    talked = [leg for leg in newest_cdr(switch, call)["legs"] if leg["answered_at"]]
    assert len(talked) == 2, "two have talked"
    for leg in talked:
        assert {"codec", "srtp", "loss", "jitter_ms", "rtt_ms", "mos"} <= set(leg), f"in the record: {sorted(leg)}"
        assert leg["mos"] > 4.0


def families(switch: Switch) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{switch.plan.http}/metrics", timeout=40) as answer:
        return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}


def test_metrics_are_parsed_and_explained(switch: Switch, phone: MakePhone) -> None:
    call, *_ = talk(switch, phone)
    found = families(switch)
    for name in METRICS:
        assert f"softswitch_{name}" in found, f"metric {name}"
    for name, family in found.items():
        if not name.startswith("softswitch_"):
            continue
        assert family.documentation.strip().endswith("."), (
            f"{name} is explained by a sentence: {family.documentation!r}"
        )
        assert len(family.samples) < 300, f"{name} has {len(family.samples)} series"
    buckets = [sample for sample in found["softswitch_media_mos"].samples if sample.name.endswith("_bucket")]
    assert buckets[-1].labels["le"] == "+Inf"
    assert [b.value for b in buckets] == sorted(b.value for b in buckets), "buckets are cumulative"
    states = {s.labels["state"]: s.value for s in found["softswitch_calls_in_state"].samples}
    assert states["active"] == 1
    post(switch, f"{CALLS}/{call}/disconnect")


def test_ladder_of_a_call_in_progress_and_after_its_end(switch: Switch, phone: MakePhone) -> None:
    call, *_ = talk(switch, phone)
    kind, body = fetch(switch, f"{CALLS}/{call}/ladder")
    ladder = json.loads(body)
    assert kind == "application/json"
    assert [p.partition(" ")[0] for p in ladder["parties"]] == ["softswitch", "1001", "1002"], "the switch asked both"
    summaries = [message["summary"] for message in ladder["messages"]]
    assert sum(text.startswith("INVITE") for text in summaries) >= 2, f"both legs: {summaries}"
    kind, body = fetch(switch, f"{CALLS}/{call}/ladder", "image/svg+xml, application/json;q=0.5")
    assert kind == "image/svg+xml"
    picture = ElementTree.fromstring(body)
    assert picture.tag.endswith("svg")
    assert b"<script" not in body and b" on" not in body.split(b">")[0]
    titles = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert any("m=audio" in title for title in titles), "the whole message is shown above its arrow"
    post(switch, f"{CALLS}/{call}/disconnect")
    newest_cdr(switch, call)
    for path in (f"{CALLS}/{call}/ladder", f"/data/cdrs/{call}/ladder"):
        kind, body = fetch(switch, path, "text/plain")
        text = body.decode()
        assert kind == "text/plain" and "BYE" in text and "INVITE" in text and "▶" in text, text
    status, _ = switch.http("GET", f"{CALLS}/no-such-call/ladder")
    assert status == 404


def test_a_party_that_is_never_heard_is_told_of(switch: Switch, phone: MakePhone) -> None:
    before = switch.get("/events/journal?limit=1000")["items"]
    seen = max((entry["seq"] for entry in before), default=0)
    call, one, _ = talk(switch, phone)

    def told() -> list[dict[str, Any]]:
        entries = switch.get(f"/events/journal?limit=1000&since={seen}")["items"]
        return [entry for entry in entries if entry["type"] == "call.one_way" and entry["call_id"] == call]

    one.rtp.send(TONE, one.remote_media)  # the other one never says anything
    wait_until(told, 60, "it is told that one party is not heard")
    (event,) = told()
    assert event["party"] == "1002"
    assert "no packet was seen" in event["detail"] and event["advertised"] in event["detail"]
    post(switch, f"{CALLS}/{call}/disconnect")


def test_the_level_of_a_part_changes_while_running(switch: Switch) -> None:
    status, answer = switch.http("PUT", "/system/log", {"logger": "softswitch.calls", "level": "debug"})
    assert status == 200 and answer["levels"]["softswitch.calls"] == "debug"
    assert switch.get("/system/log")["levels"]["softswitch.calls"] == "debug"
    assert switch.http("PUT", "/system/log", {"logger": "softswitch.calls", "level": None})[0] == 200
    assert switch.http("PUT", "/system/log", {"logger": "urllib3", "level": "debug"})[0] == 422


def test_the_capture_of_a_call_holds_its_sip_and_the_rtp_of_both_legs(
    switch: Switch, phone: MakePhone, tmp_path: Path
) -> None:
    call, one, two = talk(switch, phone)
    path = f"{CALLS}/{call}/capture"
    assert switch.http("POST", path, {"seconds": 60})[1]["packets"] == 0
    for party in (one, two):
        party.rtp.send(TONE[:4000], party.remote_media)
    wait_until(lambda: switch.http("POST", path, {"seconds": 60})[1]["packets"] >= 100, 40, "25 packets, four ways")
    legs = switch.get(f"{CALLS}/{call}")["legs"]
    file = tmp_path / "call.pcap"
    url = f"http://127.0.0.1:{switch.plan.http}"
    command = [sys.executable, "-m", "softswitch.cli.main", "trace", "--call", call, "--pcap", str(file)]
    subprocess.run([*command, "--url", url, "--token", TOKEN], timeout=60, check=True, cwd=ROOT)
    assert switch.http("POST", path, {"seconds": 0})[0] == 200
    command = ["tshark", "-n", "-r", str(file), "-d", f"udp.port=={switch.plan.sip},sip", "-q", "-z"]
    streams, phases = (
        subprocess.run([*command, what], capture_output=True, text=True, timeout=60, check=True).stdout
        for what in ("rtp,streams", "sip,stat")
    )
    assert streams.count("0x") == 4, f"two legs, both ways:\n{streams}"
    for leg in legs:
        assert f"0x{leg['media']['ssrc']:08X}".lower() in streams.lower(), f"what {leg['party']} is sent:\n{streams}"
    assert "INVITE" in phases, phases
    post(switch, f"{CALLS}/{call}/disconnect")
    newest_cdr(switch, call)
    assert fetch(switch, f"{path}.pcap")[1].count(bytes(TONE[:160])) >= 2, "it is kept after the call"
    assert switch.http("POST", path, {})[0] == 404, "there is nothing to be captured any more"


def test_trace_prints_the_ladder_of_a_call(switch: Switch, phone: MakePhone) -> None:
    call, *_ = talk(switch, phone)
    url = f"http://127.0.0.1:{switch.plan.http}"
    command = [sys.executable, "-m", "softswitch.cli.main", "trace", "--call", call, "--url", url, "--token", TOKEN]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT).stdout
    assert "INVITE" in text and "▶" in text and "softswitch" in text, text
    post(switch, f"{CALLS}/{call}/disconnect")
