"""aiosipua, a third stack, in Python: registration with SHA-256, a call to the echo, a call to itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.ports import free_port
from tests.interop.rawsip import RtpParty
from tests.interop.switch import Plan, Switch, password_of, running_switch
from tests.waiting import eventually

aiosipua = pytest.importorskip("aiosipua")

# Its calls come by the port that asks for no password: it does not acknowledge the 401 of an INVITE, and takes the
# repetition that follows for the end of the call. Its registrations use digest. On Python 3.11 its UDP transport trips
# over an assertion of its own in a callback of the event loop, and works on.
pytestmark = pytest.mark.needs("aiosipua")


@asynccontextmanager
async def party(number: str) -> AsyncIterator[tuple[Any, Any]]:
    """A caller and a callee on one socket."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    from aiosipua.transport import UdpSipTransport
    from aiosipua.uac import SipUAC
    from aiosipua.uas import SipUAS

    transport = UdpSipTransport(local_addr=("127.0.0.1", free_port()))
    uac = SipUAC(transport)
    uas = SipUAS(transport, uac=uac)
    await uas.start()
    try:
        yield uac, uas
    finally:
        await uas.stop()


def offer(port: int) -> Any:
    """An offer of mu-law."""
    from aiosipua.sdp import parse_sdp

    return parse_sdp(
        f"v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    )


async def register(uac: Any, switch: Switch, number: str) -> None:
    """Register and wait for the answer."""
    from aiosipua.auth import SipDigestAuth
    from aiosipua.registration import Registration

    registration = Registration(
        uac,
        f"sip:{number}@127.0.0.1:{switch.plan.sip}",
        ("127.0.0.1", switch.plan.sip),
        auth=SipDigestAuth(number, password_of(number)),
        registrar_uri=f"sip:127.0.0.1:{switch.plan.sip}",
    )
    done = asyncio.Event()
    told = "nothing"

    def tell(text: str) -> None:
        nonlocal told
        told = text
        done.set()

    registration.on_registered = lambda made: tell("registered")
    registration.on_failed = lambda made, status, reason: tell(f"{status} {reason}")
    registration.register()
    async with asyncio.timeout(40):
        await done.wait()
    assert told == "registered", f"{number} was not registered: {told}"


async def test_echo(switch: Switch) -> None:
    """A call to 600: what is sent comes back."""
    port = free_port()
    with RtpParty(port) as media:
        async with party("1015") as (uac, _):
            call = uac.send_invite(
                f"sip:1015@127.0.0.1:{switch.plan.trunk}",
                f"sip:600@127.0.0.1:{switch.plan.trunk}",
                ("127.0.0.1", switch.plan.trunk),
                offer(port),
            )
            await call.wait_answered(40)
            host, echo = call.sdp_answer.rtp_address
            sent = bytes(number & 0xFF for number in range(16000))
            media.send(sent, (host, echo))
            await eventually(lambda: len(media.octets()) >= 14400, "90 of 100 packets come back")
            call.hangup(uac)
            await asyncio.sleep(0.3)
        returned = media.octets().tobytes()
    assert returned in sent, "what came back is not what went"


@pytest.fixture
def sha256_switch(tmp_path: Path) -> Iterator[Switch]:
    """A switch that offers SHA-256 first."""
    with running_switch(Plan(isolated=False, digest=("SHA-256", "MD5")), tmp_path / "switch") as made:
        yield made


async def test_registers_and_is_called(sha256_switch: Switch) -> None:
    """It registers (SHA-256, the first challenge), is called by another of its kind, and sees the end of the call."""
    ended = asyncio.Event()
    async with party("1016") as (uac, uas), party("1017") as (other, _):
        await register(uac, sha256_switch, "1016")

        def answer(call: Any) -> None:
            call.ringing()
            call.accept(offer(40000))

        uas.on_invite = answer
        uas.on_bye = lambda *_: ended.set()
        call = other.send_invite(
            f"sip:1017@127.0.0.1:{sha256_switch.plan.trunk}",
            f"sip:1016@127.0.0.1:{sha256_switch.plan.trunk}",
            ("127.0.0.1", sha256_switch.plan.trunk),
            offer(40004),
        )
        await call.wait_answered(40)
        host, port = call.sdp_answer.rtp_address
        assert sha256_switch.plan.rtp[0] <= port <= sha256_switch.plan.rtp[1], f"media goes to {host}:{port}"
        await asyncio.sleep(0.5)
        call.hangup(other)
        async with asyncio.timeout(40):
            await ended.wait()
