"""What a capture server is told of a call: reports while it lasts and at its end, and its record."""

from __future__ import annotations

import json

from softswitch.events.calls import CallRecorded
from softswitch.observing.hep_reports import HepReports, sender_report
from softswitch.runtime.hep import KIND_LOG, KIND_RTCP, Capture, encode_hep3
from tests.unit.calls.world import World

FIGURES = {"ssrc": 7, "packets_sent": 49, "octets_sent": 8428, "loss": 0.02, "lost": 1, "jitter_ms": 0.25}


def test_a_call_is_reported_on_while_it_lasts_and_at_its_end() -> None:
    world, sent = World(), list[Capture]()
    reports = HepReports(sent.append, world.exchange.calls.values, world.media.quality, world.wall)
    world.bus.subscribe(reports.on_event, CallRecorded.type)
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002")
    bob.ringing.answer()
    references = {leg.reference for leg in (c.caller for c in world.exchange.calls.values())}
    for second in range(10):
        reports.handle_timer(world.now + second)
        reports.handle_timer(world.now + second + 0.5)
    assert [capture.kind for capture in sent] == [KIND_RTCP, KIND_RTCP], "once in ten seconds for each leg"
    assert references < {capture.correlation for capture in sent}, "correlated by the Call-ID of the leg"
    first = json.loads(sent[0].payload)
    assert (first["type"], first["ssrc"], first["report_blocks"][0]["packets_lost"]) == (200, 7, 1)
    assert sent[0].destination == ("192.0.2.9", 4000), "to where the port sends"
    sent.clear()
    call.hang_up()
    assert [capture.kind for capture in sent] == [KIND_RTCP, KIND_RTCP, KIND_LOG]
    record = json.loads(sent[-1].payload)
    assert (record["caller"], record["callee"], sent[-1].correlation) == ("1001", "1002", *references)
    for capture in sent:
        assert b"\0\x0b\0\7" + bytes((capture.kind,)) in encode_hep3(capture), "the kind is chunk 11"
    world.check_over()


def test_jitter_is_told_in_units_of_the_codec_s_clock() -> None:
    figures = FIGURES | {"mos": None, "rtt_ms": None}
    for codec, units in (("PCMA", 2), ("opus", 12)):
        (block,) = sender_report(codec, figures)["report_blocks"]
        assert block == {"fraction_lost": 5, "packets_lost": 1, "ia_jitter": units}
