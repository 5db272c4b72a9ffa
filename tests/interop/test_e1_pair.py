"""Two switches with nothing but an E1 span (CESoPSN) between them: calls, keys, patched talkgroups, an outage."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from mediacodecs.g711 import ALAW_ENCODE
from tests.interop import audio
from tests.interop.ports import free_port
from tests.interop.rawsip import Answer, RawPhone, RtpParty, build, media_address
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until

END = """
[[gateways.e1.group]]
name = "e1"
floor = "{floor}"
[[gateways.e1.span]]
name = "line1"
driver = "cesopsn"
side = "{side}"
clock = "{clock}"
jitter_ms = 40
alarm_raise_s = 0.5
alarm_clear_s = 0.5
local = "127.0.0.1:{local}"
remote = "127.0.0.1:{remote}"
[[route]]
name = "across"
pattern = "9X."
strip = 1
to = "gateway:e1"
[[talkgroup]]
number = "8001"
"""
#: A second line that carries two timeslots and no word of the floor: the far group's voice asks for it.
QUIET = """
[[gateways.e1.span]]
name = "line2"
group = "quiet"
side = "{side}"
clock = "{clock}"
slots = "1-2"
frames_per_packet = 32
jitter_ms = 40
local = "127.0.0.1:{local}"
remote = "127.0.0.1:{remote}"
[[route]]
name = "quiet"
pattern = "4X."
strip = 1
to = "gateway:quiet"
"""
EVENTS = 101
DTMF_5 = (770.0, 1336.0)

Pair = tuple[Switch, Switch]


def trunk(switch: Switch, name: str = "e1") -> dict[str, Any]:
    """The trunk group's row."""
    return next(row for row in switch.rows("/system/trunks") if row["name"] == name)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both switches, with the data link between them up."""
    here, there, quiet_here, quiet_there = (free_port() for _ in range(4))
    # One end tells of the floor in user-user information, the other by keys: each direction is tried in another way.
    ends = (
        ("user", "slave", "user_information", here, there, quiet_here, quiet_there, "1001", "48002"),
        ("network", "master", "keys", there, here, quiet_there, quiet_here, "1002", "8002"),
    )
    with contextlib.ExitStack() as stack:
        starting = []
        for side, clock, floor, local, remote, own, other, _, _ in ends:
            extra = END.format(side=side, clock=clock, floor=floor, local=local, remote=remote)
            extra += QUIET.format(side=side, clock=clock, local=own, remote=other)
            starting.append(running_switch(Plan(extra=extra, ipv6=False), tmp_path_factory.mktemp(side)))
        with ThreadPoolExecutor() as pool:
            made = list(pool.map(stack.enter_context, starting))
        for switch, (*_, member, far) in zip(made, ends, strict=True):
            rules = {"number": "8002", "members": [member, far], "attributes": {far: {"floor_by": "voice"}}}
            assert switch.http("POST", "/groups", rules)[0] == 201
        for switch in made:
            _wait(switch, lambda row: row["state"] == "up", 20, "the D channel is up")
            wait_until(lambda: trunk(switch, "quiet")["state"] == "up", 40, "and that of the quiet line")  # noqa: B023
        yield made[0], made[1]


class Phone(RawPhone):
    """A phone with its RTP socket that can be called; `events`: it knows telephone-events."""

    def __init__(self, switch: Switch, number: str, *, events: bool = False) -> None:
        super().__init__(("127.0.0.1", switch.plan.sip), number, password_of(number))
        self.events = events
        self.media = RtpParty(self.rtp_port, payload_type=8)
        self.far = ("", 0)

    def __enter__(self) -> Phone:
        self.media.__enter__()
        assert self.register().status == 200, f"{self.number} cannot register"
        return self

    def __exit__(self, *exception: Any) -> None:
        self.media.close()
        super().__exit__(*exception)

    def sdp(self, payload_types: str = "8") -> str:
        """A-law, and telephone-events if it knows them."""
        if not self.events:
            return super().sdp("8")
        return super().sdp(f"8 {EVENTS}") + f"a=rtpmap:{EVENTS} telephone-event/8000\r\na=fmtp:{EVENTS} 0-15\r\n"

    def call(self, number: str) -> None:
        """Call `number` and wait until it answers."""
        answer = self.invite(number)
        assert answer.status == 200, f"{number} answered {answer.start}, {answer.get('Reason')}"
        self.far = media_address(answer.body)

    def expect(self, method: str, timeout_s: float = 40) -> Answer:
        """The next request of that method; everything else is passed over."""
        deadline = time.monotonic() + timeout_s
        while True:
            message = self.receive(max(deadline - time.monotonic(), 0.01))
            if message.start.startswith(method):
                return message

    def reply(self, request: Answer, status: str, body: str = "") -> None:
        """Answer a request of the switch."""
        to = request.get("To") + ("" if "tag=" in request.get("To") else f";tag={self.tag}")
        fields = [("Via", via) for via in request.all("Via")]
        fields += [(name, request.get(name)) for name in ("From", "Call-ID", "CSeq")]
        fields += [("To", to), ("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>")]
        self.send(build(f"SIP/2.0 {status}", fields + ([("Content-Type", "application/sdp")] if body else []), body))

    def pick_up(self) -> Answer:
        """Answer the call that comes; returns its INVITE."""
        invite = self.expect("INVITE")
        self.reply(invite, "180 Ringing")
        self.reply(invite, "200 OK", self.sdp())
        self.expect("ACK")
        self.far = media_address(invite.body)
        return invite

    def press(self, event: int) -> None:
        """A key of 100 ms as telephone-events (RFC 4733)."""
        head = struct.pack("!BBHII", 0x80, 0x80 | EVENTS, 50_000, 4000, 77)
        for number, duration in enumerate((160, 320, 480, 640, 800, 800, 800)):
            end = 0x80 if number >= 4 else 0
            packet = bytearray(head + struct.pack("!BBH", event, end | 10, duration))
            packet[1] = (0x80 if number == 0 else 0) | EVENTS
            packet[2:4] = (50_000 + number).to_bytes(2, "big")
            self.media.socket.sendto(packet, self.far)
            time.sleep(0.02)

    def pressed(self) -> set[int]:
        """The keys that have come as telephone-events."""
        return {packet[12] for packet in list(self.media.packets) if packet[1] & 0x7F == EVENTS}


@contextlib.contextmanager
def talking(caller: Phone, callee: Phone) -> Iterator[Answer]:
    """A call across the line; gives the INVITE that arrived."""
    answered: list[Answer] = []
    thread = threading.Thread(target=lambda: answered.append(callee.pick_up()), daemon=True)
    thread.start()
    caller.call(f"9{callee.number}")
    thread.join(40)
    assert answered, f"{callee.number} was not called"
    try:
        yield answered[0]
    finally:
        assert caller.bye().status == 200
        callee.reply(callee.expect("BYE"), "200 OK")


def strongest(samples: Any) -> tuple[float, float]:
    """The strongest frequencies below and above 1100 Hz of 50 ms, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples[:400] * np.hanning(400), 8000))
    return float(spectrum[:1100].argmax()), float(1100 + spectrum[1100:].argmax())


def tone(*frequencies: float, seconds: float = 1.0) -> bytes:
    """A-law octets of tones together."""
    time_s = np.arange(int(seconds * audio.RATE)) / audio.RATE
    pcm = sum(6000 * np.sin(2 * np.pi * hz * time_s) for hz in frequencies)
    return bytes(ALAW_ENCODE[(np.asarray(pcm).astype(int) >> 4) + 2048].tobytes())


@pytest.mark.parametrize("direction", ["to the network's side", "to the user's side"])
def test_subscribers_call_each_other(pair: Pair, direction: str) -> None:
    """Both ways: the caller's number arrives, and what either says arrives octet for octet."""
    here, there = pair if direction == "to the network's side" else pair[::-1]
    spoken = [np.random.default_rng(seed).integers(0, 256, 160 * 500, dtype=np.uint8).tobytes() for seed in (1, 2)]
    with Phone(here, "1001") as alice, Phone(there, "1002") as bob, talking(alice, bob) as invite:
        assert "sip:1001@" in invite.get("From"), invite.get("From")
        alice.media.send(spoken[0], alice.far)
        bob.media.send(spoken[1], bob.far)
        wait_until(lambda: _exact(spoken[0], bob) >= 3, 40, "1002 hears what was said")
        wait_until(lambda: _exact(spoken[1], alice) >= 3, 40, "1001 hears what was said")


def _exact(said: bytes, phone: Phone) -> int:
    """How many quarters of a second were heard octet for octet; on a busy machine a packet may come too late."""
    heard = phone.media.octets().tobytes()
    return sum(said[at : at + 2000] in heard for at in range(0, len(said) - 2000, 2000))


def test_keys_cross_in_the_sound(pair: Pair) -> None:
    """A telephone-event becomes a tone in the B channel, and a tone that comes becomes a telephone-event."""
    here, there = pair
    with Phone(here, "1001", events=True) as alice, Phone(there, "1002") as bob, talking(alice, bob):
        silence = b"\xd5" * 160 * 25
        for phone in (alice, bob):
            phone.media.send(silence, phone.far)
        wait_until(lambda: len(bob.media.packets) > 20, 40, "the line carries")
        alice.press(5)
        wait_until(lambda: len(_loud(bob)) > 800, 40, "the key is heard as a tone")
        low, high = strongest(_loud(bob)[160:])
        assert abs(low - DTMF_5[0]) < 12 and abs(high - DTMF_5[1]) < 20, f"the tone has {low:.0f} and {high:.0f} Hz"
        bob.media.send(tone(*DTMF_5, seconds=0.3) + silence, bob.far)
        wait_until(lambda: 5 in alice.pressed(), 40, "the tone arrives as a key")


def _loud(phone: Phone) -> Any:
    """What a phone has heard from the first loud 50 ms on."""
    samples = audio.decode_alaw(phone.media.octets())
    starts = range(0, len(samples) - 400, 400)
    return samples[next((at for at in starts if audio.level_dbm0(samples[at : at + 400]) > -30), len(samples)) :]


def test_a_number_nobody_has(pair: Pair) -> None:
    """The far switch's refusal arrives with its cause."""
    here, _ = pair
    with Phone(here, "1001") as alice:
        answer = alice.invite("91777")
    assert answer.status == 404 and "cause=1" in answer.get("Reason"), f"{answer.start} {answer.fields}"


def test_a_call_that_comes_back(pair: Pair) -> None:
    """9600 over there is our own 600: through the line twice, and answered by another number than was dialled."""
    here, _ = pair
    with Phone(here, "1001") as alice:
        alice.call("99600")
        assert trunk(here)["calls"] == 2, "the call takes a channel there and one back"
        assert alice.bye().status == 200
    for switch in pair:
        _wait(switch, lambda row: row["calls"] == 0, 40, "the line is empty")


def _wait(switch: Switch, condition: Callable[[dict[str, Any]], object], timeout_s: float, what: str) -> None:
    wait_until(lambda: condition(trunk(switch)), timeout_s, what)


@pytest.mark.parametrize(
    ("group", "far"), [("8001", "98001"), ("8002", "48002")], ids=["user information and keys", "voice"]
)
def test_patched_talkgroups_share_one_floor(pair: Pair, group: str, far: str) -> None:
    """语音穿透: a group here calls that group there; who has the floor at one end is heard at the other."""
    here, there = pair
    with Phone(here, "1001") as alice, Phone(there, "1002") as bob:
        alice.call(group)
        bob.call(group)
        status, answer = here.http("POST", f"/groups/{group}/invite", {"members": [far]})
        assert status < 300, f"inviting the far group answered {status} {answer}"
        wait_until(lambda: _parties(here, group) == {"1001", far}, 40, "the far group is a party of ours")
        wait_until(lambda: _parties(there, group) == {"1002", group}, 40, "and ours is one of theirs")
        _talk(here, alice, bob, group, 700.0, [(here, "1001"), (there, group)])
        _talk(there, bob, alice, group, 1200.0, [(there, "1002"), (here, far)])
        for phone in (alice, bob):
            assert phone.bye().status == 200
        status, answer = here.http("DELETE", f"/groups/{group}/calls")
        assert status in (204, 404, 409), f"ending the group's call answered {status} {answer}"


def _group(switch: Switch, group: str) -> dict[str, Any]:
    found: dict[str, Any] = switch.get(f"/groups/{group}")
    return found


def _parties(switch: Switch, group: str) -> set[str]:
    return {row["party"] for row in _group(switch, group)["participants"]}


def _talk(
    switch: Switch, talker: Phone, listener: Phone, group: str, hz: float, ends: list[tuple[Switch, str]]
) -> None:
    """One turn: the floor is granted, the tone is heard at the far end, and both fall silent."""
    leg = next(row["leg_id"] for row in _group(switch, group)["participants"] if row["party"] == ends[0][1])
    assert switch.http("POST", f"/groups/{group}/floor/request", {"leg_id": leg})[0] == 202
    listener.media.packets.clear()
    talker.media.send(syllables(hz), talker.far)
    wait_until(lambda: [_group(end, group)["talker"] for end, _ in ends] == [who for _, who in ends], 40, "both talk")
    wait_until(lambda: len(_loud(listener)) > 4000, 40, "half a second is heard by the far listener")
    heard = audio.pitch_hz(_loud(listener))
    assert abs(heard - hz) < 12, f"heard {heard:.0f} Hz, said {hz:.0f}"
    assert switch.http("POST", f"/groups/{group}/floor/release", {"leg_id": leg})[0] == 202
    wait_until(lambda: {_group(end, group)["floor"] for end, _ in ends} == {"idle"}, 40, "both are idle again")


def syllables(hz: float) -> bytes:
    """Two seconds of a voice, in syllables of a quarter of a second: what never pauses is noise."""
    octets = np.frombuffer(tone(hz, seconds=2.0), np.uint8).copy()
    time_s = np.arange(len(octets)) / audio.RATE
    octets[np.sin(2 * np.pi * 2 * time_s) < -0.3] = 0xD5
    return octets.tobytes()


def test_the_network_end_is_restarted(pair: Pair) -> None:
    """Its switch is killed and comes back on the same port: an alarm, then the line carries calls again."""
    here, there = pair
    there.kill()
    there.end_workers()
    _wait(here, lambda row: row["state"] != "up" and row["spans"][0]["alarms"], 40, "the outage is seen")
    with Phone(here, "1001") as alice:
        assert alice.invite("9601").status == 503, "no call is tried on a dead line"
    there.start()
    _wait(here, lambda row: row["state"] == "up" and not row["spans"][0]["alarms"], 60, "the line is back")
    with Phone(here, "1001") as alice:
        # Right after the data link the far end restarts its channels, and takes no call until that is agreed.
        wait_until(lambda: alice.invite("9601").status == 200, 40, "a call is taken again")
        wait_until(lambda: len(_loud(alice)) > 4000, 40, "the tone is heard")
        assert abs(audio.frequency_hz(_loud(alice)[400:3600]) - 1004) <= 2
        assert alice.bye().status == 200
