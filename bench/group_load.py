"""The members of bench/floor.py's group calls: telephones that answer at once, and when each of them hears something.

Started by the bench with the number of its first member and how many there are. Says `port: SIP`; at a line `N` it
waits until N members have heard their first packet, or twenty seconds, and says how long that took since the line came:
`done: {"first_ms": …, "half_ms": …, "all_ms": …, "heard": N, "cpu_ms": …}`, the last its own processor time. The first
member is the talker: it presses `*` by SIP INFO and speaks. Arrivals are the kernel's own time stamps.
All members share one socket for SIP; each has one for media, which is looked
at only until its first packet has come: what comes later the kernel drops, so that the members leave the processors to
the switch.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import select
import socket
import struct
import sys
import time

_STAMP = 35  # SO_TIMESTAMPNS
_PTIME_S = 0.02
_PATIENCE_S = 20.0
_FIELD = re.compile(rb"^(Via|From|To|Call-ID|CSeq|Contact|Record-Route):[ ]*([^\r]*)\r$", re.M)


def bound(buffer: int) -> socket.socket:
    """A socket of loopback with a buffer for reception."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    one.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
    one.bind(("127.0.0.1", 0))
    return one


class Members:
    """All members; `heard` is when each one's first packet came, in seconds of the wall clock, by its descriptor."""

    def __init__(self, first: str, count: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.first = first.encode()
        self.sip = bound(32 << 20)
        self.media = [bound(4096) for _ in range(count)]
        self.by_descriptor = {one.fileno(): one for one in self.media}
        self.poll = select.epoll()
        self.heard: dict[int, float] = {}
        self.talker_port = 0
        self._speaks_at = 0.0
        self._sequence = 0
        self._known = False
        self._answers = [
            b"v=0\r\no=m 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n"
            % one.getsockname()[1]
            for one in self.media
        ]
        self._dialog: dict[bytes, bytes] = {}
        self._source = ("", 0)

    def forget(self) -> None:
        """Before a round: what is left of the last one is thrown away."""
        for one in self.media:
            with contextlib.suppress(BlockingIOError, OSError):
                while True:
                    one.recv(16)
            if one.fileno() in self.heard or not self._known:
                self.poll.register(one.fileno(), select.EPOLLIN)
        self._known = True
        self.heard.clear()
        self.talker_port, self._speaks_at = 0, 0.0

    def take_sip(self) -> None:
        """Answer what came."""
        for _ in range(64):
            try:
                data, source = self.sip.recvfrom(8192)
            except BlockingIOError:
                return
            method = data[: data.index(b" ")]
            if method == b"INVITE":
                self._invited(data, source)
            elif method == b"ACK":
                if b"sip:" + self.first + b"@" in data[:200] and not self._speaks_at:
                    self._press()
            elif not method.startswith(b"SIP/2.0"):
                self.sip.sendto(self._reply(data, b""), source)

    def _reply(self, data: bytes, body: bytes) -> bytes:
        lines = [b"SIP/2.0 200 OK"]
        for name, value in _FIELD.findall(data):
            if name == b"To" and b";tag=" not in value:
                value += b";tag=m"
            if name != b"Contact":
                lines.append(name + b": " + value)
        user = data[data.index(b"sip:") + 4 : data.index(b"@")]
        lines.append(b"Contact: <sip:%s@127.0.0.1:%d>" % (user, self.sip.getsockname()[1]))
        if body:
            lines.append(b"Content-Type: application/sdp")
        lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _invited(self, data: bytes, source: tuple[str, int]) -> None:
        number = data[data.index(b"sip:") + 4 : data.index(b"@")]
        self.sip.sendto(self._reply(data, self._answers[int(number) - int(self.first)]), source)
        if data.startswith(b"INVITE sip:" + self.first + b"@"):
            found = re.search(rb"m=audio (\d+)", data)
            assert found is not None, "the switch offers media"
            self.talker_port = int(found[1])
            self._dialog, self._source = dict(_FIELD.findall(data)), source

    def _press(self) -> None:
        """Ask for the floor by a key, and speak from now on."""
        dialog, port = self._dialog, self.sip.getsockname()[1]
        contact = re.search(rb"<([^>]*)>", dialog[b"Contact"])
        assert contact is not None
        body = b"Signal=*\r\nDuration=160\r\n"
        lines = [
            b"INFO %s SIP/2.0" % contact[1],
            b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%d" % (port, time.time_ns()),
            b"Max-Forwards: 70",
            b"From: " + dialog[b"To"] + b";tag=m",
            b"To: " + dialog[b"From"],
            b"Call-ID: " + dialog[b"Call-ID"],
            b"CSeq: 1 INFO",
            b"Content-Type: application/dtmf-relay",
            b"Content-Length: %d" % len(body),
        ]
        self.sip.sendto(b"\r\n".join(lines) + b"\r\n\r\n" + body, self._source)
        self._speaks_at = time.monotonic()

    def speak(self) -> float:
        """Send the talker's packets that are due; how long until the next one, in seconds."""
        if not self._speaks_at:
            return 1.0
        now = time.monotonic()
        while self._speaks_at <= now:
            self._sequence += 1
            header = struct.pack(">BBHII", 0x80, 0, self._sequence & 0xFFFF, self._sequence * 160, 7)
            self.media[0].sendto(header + bytes(160), ("127.0.0.1", self.talker_port))
            self._speaks_at += _PTIME_S
        return self._speaks_at - now

    def take_media(self, descriptor: int) -> None:
        """A member hears something for the first time; from now on nobody looks."""
        self.poll.unregister(descriptor)
        try:
            _, control, _, _ = self.by_descriptor[descriptor].recvmsg(16, 64)
        except BlockingIOError:
            self.poll.register(descriptor, select.EPOLLIN)
            return
        seconds, nanoseconds = struct.unpack("=qq", control[0][2])
        self.heard[descriptor] = seconds + nanoseconds / 1e9


def main() -> int:
    """Serve rounds until the input ends."""
    members = Members(sys.argv[1], int(sys.argv[2]))
    print("port:", members.sip.getsockname()[1], flush=True)
    for one in (sys.stdin.fileno(), members.sip.fileno()):
        members.poll.register(one, select.EPOLLIN)
    wanted, begun, spent = 0, 0.0, 0.0
    while True:
        ready = [fileno for fileno, _ in members.poll.poll(min(members.speak(), 0.2), 64)]
        members.take_sip()
        for descriptor in ready:
            if descriptor in members.by_descriptor:
                members.take_media(descriptor)
        if sys.stdin.fileno() in ready:
            line = sys.stdin.readline()
            if not line:
                return 0
            members.forget()
            wanted, begun, spent = int(line), time.time(), time.process_time()
            print("go:", flush=True)
        heard = members.heard
        if wanted and (len(heard) >= wanted - 1 or time.time() - begun > _PATIENCE_S):
            times = sorted(heard.values()) or [begun]
            figures = {
                "first_ms": (times[0] - begun) * 1e3,
                "half_ms": (times[len(times) // 2] - begun) * 1e3,
                "all_ms": (times[-1] - begun) * 1e3,
                "heard": len(heard),
                "cpu_ms": (time.process_time() - spent) * 1e3,
            }
            print("done:", json.dumps(figures), flush=True)
            wanted = 0


if __name__ == "__main__":
    raise SystemExit(main())
