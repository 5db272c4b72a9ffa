"""Callers behind a line hear how their calls fare where we make the tones: with progress indicator 8."""

from __future__ import annotations

from typing import Any

import pytest

from gateways.e1.q931 import AccessParameters, IsdnCall, PartyNumber, Setup
from gateways.e1.q931.events import Cleared, DigitsWanted, Disconnecting, Progressed
from softswitch.media.playing.tones import BUSY, CONGESTION, DIAL, RINGBACK, Cadence, cadence
from tests.unit.e1.test_call_transfer import Pbx


def playing(pbx: Pbx) -> list[str]:
    """What is played in open ports."""
    return [port.playing for port in pbx.world.engine.ports.values() if port.playing]


def looped(tone: Cadence) -> list[str]:
    return [f"{cadence(tone)} loop"]


def last(pbx: Pbx, kind: type[Any]) -> Any:
    return [event for event in pbx.told if isinstance(event, kind)][-1]


async def test_ringing_is_heard_until_the_call_is_answered() -> None:
    pbx = await Pbx(tones=True).up()
    (alice,) = pbx.world.phones("1001")
    call = pbx.call("1001")
    alice.ringing.ring()
    pbx.run()
    assert last(pbx, Progressed).alerting and last(pbx, Progressed).inband, "ALERTING says that it can be heard"
    assert playing(pbx) == looped(RINGBACK)
    alice.ringing.answer()
    pbx.run()
    assert alice.ringing.talking and playing(pbx) == [], "a tone over the talk"
    alice.ringing.hang_up()
    pbx.run(1)
    assert call not in pbx.line.access.calls
    pbx.world.check_over()


@pytest.mark.parametrize(("status", "tone", "cause"), [(486, BUSY, 17), (503, CONGESTION, 41)])
async def test_a_refusal_is_heard_until_the_caller_hangs_up(status: int, tone: Cadence, cause: int) -> None:
    pbx = await Pbx(tones=True).up()
    (alice,) = pbx.world.phones("1001")
    call = pbx.call("1001")
    alice.ringing.reject(status)
    pbx.run(5)
    assert (last(pbx, Disconnecting).call, last(pbx, Disconnecting).cause.value) == (call, cause)
    assert playing(pbx) == looped(tone) and call in pbx.line.access.calls, "DISCONNECT does not end it yet"
    call.disconnect(last(pbx, Disconnecting).cause, pbx.world.now)
    pbx.settle()
    assert last(pbx, Cleared).call is call and playing(pbx) == []
    pbx.world.check_over()


async def test_a_tone_ends_by_t306() -> None:
    pbx = await Pbx(tones=True).up()
    (alice,) = pbx.world.phones("1001")
    call = pbx.call("1001")
    alice.ringing.reject(486)
    pbx.run(31)
    assert last(pbx, Cleared).call is call and playing(pbx) == []
    pbx.world.check_over()


@pytest.mark.parametrize("tones", [False, True])
async def test_dial_tone_is_heard_until_the_first_digit(tones: bool) -> None:
    pbx = await Pbx(tones=tones).up()
    pbx.platform.line.access.parameters = AccessParameters(overlap_receiving=True)
    (alice,) = pbx.world.phones("1001")
    call: IsdnCall | None = pbx.line.access.call(Setup(PartyNumber(""), complete=False), pbx.world.now)
    assert call is not None
    pbx.settle()
    assert last(pbx, DigitsWanted).call is call
    assert playing(pbx) == (looped(DIAL) if tones else [])
    heard = [event for event in pbx.told if isinstance(event, Progressed) and event.inband]
    assert bool(heard) is tones, "what cannot be heard is not promised"
    for digit in "1001":
        call.send_digits(digit, pbx.world.now)
        pbx.settle()
        assert playing(pbx) == []
    alice.ringing.answer()
    pbx.run()
    assert alice.ringing.talking
    alice.ringing.hang_up()
    pbx.run(1)
    pbx.world.check_over()
