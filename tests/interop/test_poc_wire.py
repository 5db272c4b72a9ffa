"""A call of push-to-talk clients as tshark sees it: SIP with its bodies, and the floor messages of both systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.recognition import System
from tests.interop.capture import capturing
from tests.interop.ports import free_port
from tests.interop.switch import Plan, running_switch
from tests.interop.test_poc import GROUPS, PATIENCE_S, leave, simulator


@pytest.mark.needs("tshark", "root")
async def test_tshark_reads_a_call_as_it_was_meant(tmp_path: Path) -> None:
    floor = free_port()
    plan = Plan(isolated=False, extra=f"{GROUPS}[gateways.poc]\nfloor_port = {floor}\nsetup_s = 1\n")
    with running_switch(plan, tmp_path / "switch") as switch:
        ports = f"udp port {floor} or udp port {plan.sip} or tcp port {plan.sip}"
        with capturing(tmp_path / "poc.pcap", ports, [plan.sip]) as capture:
            capture._decode += ["-d", f"udp.port=={floor},rtcp"]
            async with simulator(switch) as simulated:
                one, two = simulated.add(["1001", "1002"])
                (poc,) = simulated.add(["1003"], System.POC)
                await simulated.register([one, two, poc])
                await simulated.all_told([two], "PUBLISH", lambda client, now: client.affiliate(["8001"], now))
                info = McpttInfo(emergency=True, alert=True)
                await simulated.all_told(
                    [one], "INVITE", lambda client, now: client.call_group("8001", now, implicit=True, info=info)
                )
                await simulated.join([poc], "8001")
                assert await simulated.until(lambda: simulated.transmitting == ["1001"], PATIENCE_S), "no call begins"
                simulated.press(two)
                queued = await simulated.until(lambda: two.client.participant.state.name == "QUEUED", PATIENCE_S)
                assert queued, f"the second one {two.client.participant.state.value}, it should be queued"
                simulated.let_go(one)
                assert await simulated.until(lambda: simulated.transmitting == ["1002"], PATIENCE_S)
                simulated.let_go(two)
                simulated.press(poc)
                assert await simulated.until(lambda: simulated.transmitting == ["1003"], PATIENCE_S)
                assert await simulated.until(lambda: one.heard[poc.index] > 0, PATIENCE_S), "the last one is heard"
                simulated.let_go(poc)
                everybody = (one, two, poc)
                idle = lambda: all(m.client.participant.state.name == "NO_PERMISSION" for m in everybody)  # noqa: E731
                assert await simulated.until(idle, PATIENCE_S), "the floor is not given back"
                await leave(simulated)
        wrong = capture.malformed()
        assert not wrong, f"tshark finds fault with {wrong}"
        mcpt = {int(row[0]) & 0x0F for row in capture.read('rtcp.app.name == "MCPT"', "rtcp.app.subtype")}
        assert {0, 1, 2, 4, 5, 9} <= mcpt, f"floor messages seen: {mcpt}"
        bursts = {int(row[0]) & 0x0F for row in capture.read('rtcp.app.name == "PoC1"', "rtcp.app.subtype")}
        assert {0, 1, 2, 4, 5} <= bursts, f"talk burst messages seen: {bursts}"
        parties = {row[0] for row in capture.read("rtcp.mcptt.granted_partys_id", "rtcp.mcptt.granted_partys_id")}
        assert any("1001" in party for party in parties) and any("1003" in party for party in parties), parties
        emergency = capture.read("rtcp.app_data.mcptt.floor_ind == 0x1000", "frame.number")
        assert emergency, "the talk of an emergency call says so"
        told = 'sip.Method == "INVITE" && sip.to.user == "1002"'
        kinds = capture.read(told, "mime_multipart.header.content-type")
        assert kinds and "mcptt-info" in kinds[0][0], f"the parts of the member's INVITE: {kinds}"
        assert capture.read('sip.Event == "presence"', "frame.number"), "the affiliation was captured"
