"""A hundred calls with sound, and somebody is killed in the middle: the switch itself, or one of its media workers."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.interop.rawsip import Answer, RawPhone, build, media_address
from tests.interop.switch import Plan, Switch, wait_until

CALLS = 100
_PACKET_S = 0.04


def _udp(port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.bind(("127.0.0.1", port))
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made


class Callees:
    """Answers every INVITE at `port`, each with an RTP socket of its own; notes what is hung up."""

    def __init__(self, port: int) -> None:
        self.media: list[socket.socket] = []
        self.byes: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._answers: dict[str, bytes] = {}
        self._port = port
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End answering."""
        self._socket.sendto(b"end", ("127.0.0.1", self._port))
        self._thread.join(40)
        self._socket.close()
        for each in self.media:
            each.close()

    def _run(self) -> None:
        while True:
            data, source = self._socket.recvfrom(65536)
            if data == b"end":
                return
            request = Answer(data.decode("utf-8", "replace"))
            method = request.start.partition(" ")[0]
            if method == "BYE":
                self.byes.add(request.get("Call-ID"))
            if method == "INVITE":
                self._socket.sendto(self._accept(request), source)
            elif method in ("BYE", "OPTIONS", "UPDATE"):
                self._socket.sendto(_reply(request, request.get("To")), source)

    def _accept(self, request: Answer) -> bytes:
        call_id = request.get("Call-ID")
        if call_id not in self._answers:
            media = _udp()
            self.media.append(media)
            sdp = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {media.getsockname()[1]} RTP/AVP 8\r\n"
            )
            to = f"{request.get('To')};tag=callee{len(self.media)}"
            contact = ("Contact", f"<sip:callee@127.0.0.1:{self._port}>")
            self._answers[call_id] = _reply(request, to, (contact, ("Content-Type", "application/sdp")), sdp)
        return self._answers[call_id]


def _reply(request: Answer, to: str, more: tuple[tuple[str, str], ...] = (), body: str = "") -> bytes:
    fields = [("Via", value) for value in request.all("Via")] + [("To", to)]
    fields += [("Record-Route", value) for value in request.all("Record-Route")]
    fields += [(name, request.get(name)) for name in ("From", "Call-ID", "CSeq")]
    return build("SIP/2.0 200 OK", [*fields, *more], body)


class Stream:
    """What one party sends, numbered, to the switch's port; and the numbers that arrive at the other party."""

    def __init__(self, source: socket.socket, to: tuple[str, int]) -> None:
        self.source, self.to = source, to
        self.sent = 0
        self.arrived: list[int] = []

    def send(self) -> None:
        """The next packet."""
        header = struct.pack("!BBHII", 0x80, 8, self.sent & 0xFFFF, self.sent * 320, 99)
        self.source.sendto(header + b"\xd5" * 160, self.to)
        self.sent += 1

    @property
    def missing(self) -> int:
        """How many packets have not arrived; numbers are the switch's own, but move with ours."""
        return self.sent - len(set(self.arrived))


class Traffic:
    """All streams, sent in real time and received by two threads of this process."""

    def __init__(self, streams: dict[socket.socket, Stream]) -> None:
        self.streams = streams  # by the socket at which each arrives
        self._sending = threading.Event()
        self._sending.set()
        self._receiving = threading.Event()
        self._receiving.set()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End sending, and receiving when all has arrived; raises AssertionError when it does not."""
        self._sending.clear()
        self._threads[0].join(40)
        try:
            wait_until(lambda: not self.missing(), 40, lambda: f"all packets arrive; missing by call: {self.missing()}")
        finally:
            self._receiving.clear()
            self._threads[1].join(40)

    def missing(self) -> dict[int, int]:
        """How many packets have not arrived, of those calls of which some have not."""
        return {index: stream.missing for index, stream in enumerate(self.streams.values()) if stream.missing}

    def _send(self) -> None:
        due = time.monotonic()
        while self._sending.is_set():
            for stream in self.streams.values():
                stream.send()
            due += _PACKET_S
            time.sleep(max(due - time.monotonic(), 0))

    def _receive(self) -> None:
        with selectors.DefaultSelector() as selector:
            for where, stream in self.streams.items():
                selector.register(where, selectors.EVENT_READ, stream)
            while self._receiving.is_set():
                for key, _ in selector.select(0.1):
                    packet = key.fileobj.recv(2048)  # type: ignore[union-attr]
                    if packet[1] & 0x7F == 8:
                        key.data.arrived.append(struct.unpack_from("!H", packet, 2)[0])


class World:
    """A switch with a hundred calls between phones of ours."""

    def __init__(self, switch: Switch, stack: ExitStack) -> None:
        self.switch = switch
        self.callees = Callees(switch.plan.callee)
        stack.callback(self.callees.close)
        self.phones = []
        streams = {}
        for _ in range(CALLS):
            phone = stack.enter_context(RawPhone(("127.0.0.1", switch.plan.trunk)))
            self.phones.append(phone)
            sound = _udp(phone.rtp_port)
            stack.callback(sound.close)
            answer = phone.invite("5502", "8")
            assert answer.status == 200, f"the call was refused: {answer.start}"
            streams[self.callees.media[-1]] = Stream(sound, media_address(answer.body))
        self.traffic = Traffic(streams)
        wait_until(lambda: all(len(each.arrived) > 10 for each in streams.values()), 40, "all calls carry sound")


@contextmanager
def mortal_switch(folder: Path, unclaimed_s: int, extra: str = "") -> Iterator[Switch]:
    """A switch with two workers that tests kill and start again; whatever is left of it is killed in the end."""
    switch = Switch(Plan(extra=extra, workers=2), folder)
    switch.config.write_text(switch.config.read_text().replace("[rtp]", f"[rtp]\nunclaimed_s = {unclaimed_s}"))
    try:
        switch.start()
        yield switch
    finally:
        switch.kill()
        switch.end_workers()


@pytest.fixture(scope="module")
def _mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with mortal_switch(tmp_path_factory.mktemp("switch"), 2) as switch:
        yield switch


def taken_ports(switch: Switch) -> int:
    """How many ports cannot be given to a call, because others have them or had them a moment ago."""
    media = switch.get("/system/media")
    return int(media["ports_open"]) + int(media["ports_quarantined"])


@pytest.fixture
def world(_mortal: Switch) -> Iterator[World]:
    """The switch of these tests, with calls."""
    # Ports of finished calls are not used again for some seconds: the calls of two tests together would find too few.
    wait_until(lambda: not taken_ports(_mortal), 60, "the ports of the test before are free")
    with ExitStack() as stack:
        yield World(_mortal, stack)


def test_a_killed_switch_silences_nobody(world: World) -> None:
    """Packets flow on without the switch; the next one attaches, and gives back what no call claims."""
    workers = world.switch.worker_pids()
    assert len(workers) == 2
    os.kill(world.switch.pid, signal.SIGKILL)
    time.sleep(2)
    world.traffic.stop()
    world.switch.kill()
    world.switch.start()
    assert world.switch.worker_pids() == workers, "the same workers go on"
    told = f"{2 * CALLS} media ports of {CALLS} calls go on from before"
    wait_until(lambda: told in world.switch.log_text(), 40, lambda: f"it finds them all; {world.switch.log_tail()}")
    wait_until(lambda: world.switch.ports_in_use() == 0, 40, "unclaimed ports are given back")
    told = f"{2 * CALLS} media ports of {CALLS} calls that are gone were closed"
    wait_until(lambda: told in world.switch.log_text(), 40, "and it says so")


def test_a_killed_worker_silences_nobody(world: World) -> None:
    """Another worker takes its calls over, with the same sockets; the event says so, and it is replaced."""
    victim = sorted(world.switch.worker_pids())[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: "has ended; it had" in world.switch.log_text(), 40, "the loss is noticed")
    time.sleep(1)
    world.traffic.stop()
    rows = world.switch.get("/system/media")["workers"]
    assert sum(row["ports"] for row in rows) == 2 * CALLS
    wait_until(lambda: "runs again" in world.switch.log_text(), 60, "another worker is started")
    assert all(row["alive"] for row in world.switch.get("/system/media")["workers"])
    statuses = {phone.bye().status for phone in world.phones}
    assert statuses == {200}, f"every call can be hung up as ever: {statuses}"
    wait_until(lambda: len(world.callees.byes) == CALLS, 40, "the callees are hung up on")
