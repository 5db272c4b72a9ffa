"""A bare SIP and RTP party on sockets, for what the real peers hide: exact messages, exact samples."""

from __future__ import annotations

import itertools
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from tests.interop import digest
from tests.interop.ports import brief_port

#: As `switch.PATIENCE_S`.
PATIENCE_S = 40.0

_serial = itertools.count(1)


class Answer:
    """One received message, taken apart no further than the tests need."""

    def __init__(self, text: str) -> None:
        head, _, self.body = text.partition("\r\n\r\n")
        self.start, *lines = head.split("\r\n")
        self.fields = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    @property
    def status(self) -> int:
        """The status code, 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def get(self, name: str) -> str:
        """The first value of a header, empty when there is none."""
        return next(iter(self.all(name)), "")


def build(start: str, fields: list[tuple[str, str]], body: str = "") -> bytes:
    """A message with its Content-Length."""
    lines = [start, *(f"{name}: {value}" for name, value in fields), f"Content-Length: {len(body.encode())}", "", body]
    return "\r\n".join(lines).encode()


class RawPhone:
    """A phone on one UDP socket; `number` None calls without digest."""

    def __init__(self, switch: tuple[str, int], number: str | None = None, password: str = "") -> None:
        self.switch = switch
        self.number = number or "raw"
        self.password = password
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.rtp_port = brief_port()
        self.call_id = f"{secrets.token_hex(8)}@127.0.0.1"
        self.tag = secrets.token_hex(4)
        self.cseq = 0
        self._asked = ""
        self.to_tag = ""
        self.target = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    @property
    def local(self) -> str:
        """The From value without its tag."""
        return f"<sip:{self.number}@{self.switch[0]}:{self.switch[1]}>"

    def sdp(self, payload_types: str = "0 8") -> str:
        """An offer of G.711 at this phone's RTP port."""
        return (
            f"v=0\r\no=raw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP {payload_types}\r\na=sendrecv\r\n"
        )

    def request(
        self,
        method: str,
        uri: str,
        to: str,
        *,
        body: str = "",
        content_type: str = "application/sdp",
        more: tuple[tuple[str, str], ...] = (),
        branch: str = "",
        cseq: int | None = None,
    ) -> bytes:
        """A request of this phone's one dialog; CSeq counts up unless given."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or f"z9hG4bK{secrets.token_hex(6)}"
        if method != "ACK":
            self._asked = f"{cseq} {method}"
        fields = [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", f"{self.local};tag={self.tag}"),
            ("To", to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>"),
            *more,
        ]
        if body:
            fields.append(("Content-Type", content_type))
        return build(f"{method} {uri} SIP/2.0", fields, body)

    def send(self, data: bytes) -> None:
        """Send as it is."""
        self.socket.sendto(data, self.switch)

    def receive(self, timeout_s: float = PATIENCE_S) -> Answer:
        """The next message; raises TimeoutError."""
        self.socket.settimeout(timeout_s)
        return Answer(self.socket.recv(65536).decode("utf-8", "replace"))

    def final(self, timeout_s: float = PATIENCE_S) -> Answer:
        """The final response to what was asked last, others passed over; raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.receive(max(deadline - time.monotonic(), 0.01))
            if answer.status >= 200 and answer.get("CSeq") == self._asked:
                return answer

    def transact(self, method: str, uri: str, to: str, **options: object) -> Answer:
        """A request and its final answer, a challenge answered on the way (first algorithm offered)."""
        self.send(self.request(method, uri, to, **options))  # type: ignore[arg-type]
        answer = self.final()
        if answer.status in (401, 407) and self.password:
            proxy = answer.status == 407
            challenge = answer.get("Proxy-Authenticate" if proxy else "WWW-Authenticate")
            value = digest.answer(challenge, method, uri, self.number, self.password)
            if method == "INVITE":
                self._ack_failure(answer, uri)
            more = (*options.pop("more", ()), ("Proxy-Authorization" if proxy else "Authorization", value))  # type: ignore[misc]
            self.send(self.request(method, uri, to, more=more, **options))  # type: ignore[arg-type]
            answer = self.final()
        return answer

    def _ack_failure(self, answer: Answer, uri: str) -> None:
        branch = re.search(r"branch=([^;,\s]+)", answer.get("Via"))
        assert branch, f"no branch in {answer.get('Via')!r}"
        self.send(self.request("ACK", uri, answer.get("To"), branch=branch[1], cseq=self.cseq))

    def register(self, expires: int = 600, contact: str = "") -> Answer:
        """Bind this phone's address, or `contact`."""
        uri = f"sip:{self.switch[0]}:{self.switch[1]}"
        more = (("Expires", str(expires)),) + ((("Contact", contact),) if contact else ())
        return self.transact("REGISTER", uri, self.local, more=more)

    def invite(self, called: str, payload_types: str = "0 8") -> Answer:
        """Call and acknowledge; returns the final answer."""
        uri = f"sip:{called}@{self.switch[0]}:{self.switch[1]}"
        answer = self.transact("INVITE", uri, f"<{uri}>", body=self.sdp(payload_types))
        if answer.status >= 300:
            self._ack_failure(answer, uri)
            return answer
        target = re.search(r"<([^>]*)>", answer.get("Contact"))
        assert target, f"a 200 without Contact: {answer.fields}"
        self.target, self.to_tag = target[1], answer.get("To")
        self.send(self.request("ACK", self.target, self.to_tag, cseq=self.cseq))
        return answer

    def change(self, direction: str) -> Answer:
        """Offer the same sound in a direction anew, and acknowledge; returns the final answer."""
        body = self.sdp().replace("raw 1 1", f"raw 1 {self.cseq + 1}").replace("a=sendrecv", f"a={direction}")
        answer = self.transact("INVITE", self.target, self.to_tag, body=body)
        if answer.status >= 300:
            self._ack_failure(answer, self.target)
        else:
            self.send(self.request("ACK", self.target, self.to_tag, cseq=self.cseq))
        return answer

    def bye(self) -> Answer:
        """Hang up."""
        return self.transact("BYE", self.target, self.to_tag)


def media_address(sdp: str) -> tuple[str, int]:
    """Where a description wants its first stream sent."""
    address = re.search(r"^c=IN IP[46] (\S+)", sdp, re.M)
    port = re.search(r"^m=audio (\d+)", sdp, re.M)
    assert address and port, f"no address or port in {sdp!r}"
    return address[1], int(port[1])


class RtpParty:
    """An RTP socket that sends a G.711 stream in real time and keeps what it receives."""

    def __init__(self, port: int, payload_type: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.payload_type = payload_type
        self.packets: list[bytes] = []
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End both directions."""
        self._end.set()
        for thread in self._threads:
            thread.join(5)
        self.socket.close()

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True, name=run.__name__)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        self.socket.settimeout(0.1)
        while not self._end.is_set():
            try:
                self.packets.append(self.socket.recv(2048))
            except TimeoutError:
                continue

    def send(self, octets: bytes, to: tuple[str, int]) -> None:
        """Send G.711 octets to `to`, 20 ms a packet, in the background."""
        self.send_packets([octets[at : at + 160] for at in range(0, len(octets) - 159, 160)], to)

    def send_packets(self, payloads: Sequence[bytes], to: tuple[str, int]) -> None:
        """Send payloads of 20 ms, with a clock of 8 kHz, to `to` in the background."""
        self._start(self._pace, payloads, to)

    def said(self) -> None:
        """Wait until all has been sent."""
        for thread in self._threads:
            if thread.name == "_pace":
                thread.join()

    def _pace(self, payloads: Sequence[bytes], to: tuple[str, int]) -> None:
        begin = time.monotonic()
        ssrc = next(_serial) * 1000003
        for number, payload in enumerate(payloads):
            wait = begin + number * 0.02 - time.monotonic()
            if self._end.wait(max(wait, 0)):
                return
            head = struct.pack("!BBHII", 0x80, self.payload_type, number & 0xFFFF, number * 160, ssrc)
            self.socket.sendto(head + payload, to)

    def octets(self) -> npt.NDArray[np.uint8]:
        """Payload received, in the order of the sequence numbers; other payload types left out."""
        rows = {}
        for packet in list(self.packets):
            if len(packet) > 12 and packet[1] & 0x7F == self.payload_type:
                rows[struct.unpack_from("!H", packet, 2)[0]] = packet[12:]
        ordered = sorted(rows)
        if ordered and ordered[-1] - ordered[0] > 32768:  # the numbers went past 65535
            ordered = sorted(rows, key=lambda number: (number + 32768) & 0xFFFF)
        return np.frombuffer(b"".join(rows[number] for number in ordered), np.uint8)
