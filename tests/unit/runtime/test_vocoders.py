"""Vocoder channels over UDP and a serial line, against a stand-in that speaks Codec2."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from mediacodecs import CodecUnavailable, create
from mediacodecs.vocoders import VocoderBusy, VocoderLost, dvsi_session
from softswitch.config.vocoder import VocoderSettings
from softswitch.runtime.vocoder_bank import VocoderBank
from softswitch.runtime.vocoders import open_pool
from tests.ambe_server import SerialServer, StandIn, UdpServer
from tests.waiting import PATIENCE_S, eventually


@pytest.fixture(autouse=True)
def answers_within(monkeypatch):
    """Set how long a chip may take; at first as long as the stand-in's thread may on a machine that does much else."""

    def change(seconds, probe_s=PATIENCE_S):
        monkeypatch.setattr(dvsi_session, "ANSWER_S", seconds)
        monkeypatch.setattr(dvsi_session, "PROBE_S", probe_s)

    change(PATIENCE_S)
    return change


@pytest.fixture
def stand_in():
    """A chip that is none, or the test is skipped."""
    try:
        return StandIn()
    except CodecUnavailable as reason:
        pytest.skip(str(reason))


async def found(states, count=1, ready=True):
    """Wait until the first channel is found, or lost."""
    wanted = "ready" if ready else "lost"
    await eventually(lambda: len(states) >= count and states[-1][1] is ready, f"{count} channels were {wanted}")


def buzz(frames):
    """int16[frames, 160]: a voice-like buzz of 120 Hz."""
    time = np.arange(160 * frames) / 8000
    wave = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    return (4000 * wave).astype(np.int16).reshape(frames, 160)


def alike(one, other):
    """Whether two are the same but for the phases that Codec2 draws at random."""
    return np.corrcoef(one.astype(float), other.astype(float))[0, 1] > 0.9


async def talk(channel, frames=20):
    """What comes back of the buzz: int16[n]."""
    heard = []
    for pcm in buzz(frames):
        frame = await channel.encode(pcm)
        assert len(frame) == (channel.bits + 7) // 8
        heard.append(await channel.decode(frame))
    return np.concatenate(heard)


async def test_speech_goes_through_a_server(stand_in):
    server, states = UdpServer(stand_in), []
    settings = VocoderSettings(name="dmr", kind="dvsi-udp", port=server.port)
    pool = await open_pool(settings, lambda *state: states.append(state))
    await found(states)
    assert states == [("dmr", True, "")] and pool.free == 1
    channel = pool.lease()
    heard = await talk(channel)
    direct, again = create("CODEC2"), create("CODEC2")
    expected = np.concatenate([again.decode(direct.encode(pcm)) for pcm in buzz(20)])
    assert alike(heard, expected), "what the vocoder said"
    with pytest.raises(VocoderBusy):
        pool.lease()
    assert pool.exhausted == 1
    pool.give_back(channel)
    assert pool.lease() is channel
    pool.close()
    server.close()


async def test_speech_goes_through_a_serial_line(stand_in):
    server, states = SerialServer(stand_in), []
    settings = VocoderSettings(name="stick", kind="dvsi-serial", devices=(server.device,))
    pool = await open_pool(settings, lambda *state: states.append(state))
    await found(states)
    assert np.abs((await talk(pool.lease()))[1600:].astype(float)).mean() > 300
    pool.close()
    server.close()


async def test_a_missed_frame_is_made_up_and_the_next_is_right(stand_in, answers_within):
    server, states = UdpServer(stand_in), []
    pool = await open_pool(VocoderSettings(name="dmr", kind="dvsi-udp", port=server.port), lambda *s: states.append(s))
    await found(states)
    channel = pool.lease()
    await talk(channel)
    frame = await channel.encode(buzz(1)[0])
    stand_in.deaf_to = 1
    answers_within(0.01)
    made_up = await channel.decode(frame)
    answers_within(PATIENCE_S)
    assert len(made_up) == 160 and np.abs(made_up).max() > 100, "the pitch goes on"
    assert np.abs(await channel.decode(None)).max() > 100
    assert np.abs(await channel.decode(frame)).max() > 100
    pool.close()
    server.close()


async def test_a_chip_that_goes_is_noticed(stand_in, answers_within):
    server, states = UdpServer(stand_in), []
    pool = await open_pool(VocoderSettings(name="dmr", kind="dvsi-udp", port=server.port), lambda *s: states.append(s))
    await found(states)
    channel = pool.lease()
    stand_in.mute = True
    answers_within(0.01, probe_s=0.01)
    assert (await channel.decode(bytes(7))).shape == (160,)
    await found(states, ready=False)
    assert states[-1] == ("dmr", False, "it does not answer")
    with pytest.raises(VocoderLost):
        await channel.encode(buzz(1)[0])
    pool.give_back(channel)
    with pytest.raises(VocoderLost, match="does not answer"):
        pool.lease()
    pool.close()
    server.close()


async def test_several_channels_talk_at_once(stand_in):
    servers = []
    first = UdpServer(stand_in)
    servers.append(first)
    try:
        servers.append(UdpServer(StandIn(), first.port + 1))
    except OSError:
        pytest.skip("the next port is taken")
    states = []
    settings = VocoderSettings(name="dmr", kind="dvsi-udp", port=first.port, channels=2)
    pool = await open_pool(settings, lambda *state: states.append(state))
    await found(states, 2)
    assert {name for name, _, _ in states} == {"dmr/1", "dmr/2"}
    one, two = await asyncio.gather(talk(pool.lease()), talk(pool.lease()))
    assert alike(one, two)
    pool.close()
    for server in servers:
        server.close()


async def test_codec2_needs_no_chip(stand_in):
    pool = await open_pool(VocoderSettings(name="test", kind="codec2"))
    channel = pool.lease()
    assert np.abs((await talk(channel))[1600:].astype(float)).mean() > 300
    assert (await channel.decode(None)).shape == (160,)
    pool.close()


async def test_an_unknown_kind_is_told():
    with pytest.raises(ValueError, match="no vocoder of kind 'nvoc'"):
        await open_pool(VocoderSettings(name="x", kind="nvoc"))


def test_a_serial_channel_needs_a_device():
    with pytest.raises(ValueError, match="2 channels need as many devices"):
        VocoderSettings(name="x", kind="dvsi-serial", devices=("/dev/ttyUSB0",), channels=2)


async def test_the_bank_opens_what_it_can_and_says_what_it_cannot(stand_in, answers_within):
    server, states = UdpServer(stand_in), []
    entries = (
        VocoderSettings(name="dmr", kind="dvsi-udp", port=server.port),
        VocoderSettings(name="stick", kind="dvsi-serial", devices=("/dev/there-is-none",)),
    )
    bank = VocoderBank(entries, lambda vocoder, *state: states.append(state))
    await bank.open()
    await found(states)
    rows = {row["name"]: row for row in bank.describe()}
    assert (rows["dmr"]["ready"], rows["dmr"]["reason"]) == (1, "")
    assert rows["stick"]["ready"] == 0 and "there-is-none" in rows["stick"]["reason"]
    assert len(bank.problems()) == 1, "only what cannot be used is a problem"
    bank.pool("dmr").lease()
    assert bank.describe()[0]["leased"] == 1
    with pytest.raises(VocoderLost, match="there-is-none"):
        bank.pool("stick")
    with pytest.raises(LookupError, match="no vocoder 'p25'"):
        bank.pool("p25")
    stand_in.mute = True
    answers_within(0.01, probe_s=0.01)
    assert (await bank.pool("dmr").channels[0].decode(bytes(7))).shape == (160,)
    await found(states, ready=False)
    assert any("1 of 1 channels do not answer" in problem for problem in bank.problems())
    bank.close()
    server.close()
