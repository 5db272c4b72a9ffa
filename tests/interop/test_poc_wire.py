"""A call of push-to-talk clients as tshark sees it: SIP with its bodies, and the floor messages of both systems."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.recognition import System
from tests.interop.capture import capturing
from tests.interop.ports import free_port
from tests.interop.switch import Plan, running_switch
from tests.interop.test_poc import GROUPS, leave, simulator


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
                assert await simulated.until(lambda: simulated.transmitting == ["1001"], 5), "the call does not begin"
                simulated.press(two)
                await asyncio.sleep(0.3)
                simulated.let_go(one)
                assert await simulated.until(lambda: simulated.transmitting == ["1002"], 5)
                simulated.let_go(two)
                simulated.press(poc)
                assert await simulated.until(lambda: simulated.transmitting == ["1003"], 5)
                await asyncio.sleep(0.2)
                simulated.let_go(poc)
                await asyncio.sleep(0.3)
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
