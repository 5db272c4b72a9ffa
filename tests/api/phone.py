"""A telephone for the tests of the API: registers, rings, answers, keeps what it is told and what it hears."""

from __future__ import annotations

import re
import secrets
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self

from tests.interop import digest
from tests.interop.rawsip import Answer, RtpParty, build, media_address
from tests.interop.switch import PATIENCE_S

_SDP = (
    "v=0\r\no=phone {session} {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
)
#: The line of a telephone that shows and sees H.264.
VIDEO = (
    "m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    "a=rtcp-fb:96 nack pli\r\na=sendrecv\r\n"
)


class Phone:
    """One telephone on a thread of its own. `answer_after` None lets it ring; `status` refuses with that code; with
    `video` it shows and sees H.264."""

    def __init__(
        self,
        switch: tuple[str, int],
        number: str,
        password: str,
        *,
        answer_after: float | None = 0.0,
        status: int = 0,
        video: bool = False,
    ) -> None:
        self.switch, self.number, self.password = switch, number, password
        self.answer_after, self.status = answer_after, status
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.05)
        self.port: int = self.socket.getsockname()[1]
        self.rtp = RtpParty(0)
        self.camera = RtpParty(0, 96) if video else None
        self.requests: list[Answer] = []
        self.responses: list[Answer] = []
        self.remote_media: tuple[str, int] | None = None
        self.in_call = threading.Event()
        self.ended = threading.Event()
        self._end = threading.Event()
        self._due: list[tuple[float, Answer]] = []
        self._last_replies: dict[tuple[str, str], bytes] = {}
        self._tag = secrets.token_hex(4)
        self._dialog: dict[str, str] = {}
        self._cseq = 0
        self._version = 0
        self._discarded = False
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"phone {number}")

    def __enter__(self) -> Self:
        self.rtp.__enter__()
        if self.camera is not None:
            self.camera.__enter__()
        self._thread.start()
        self.register()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._discarded:
                self.register(0)
        finally:
            self._stop()

    def discard(self) -> None:
        """Its number is gone: do not unregister at the end."""
        self._discarded = True

    def _stop(self) -> None:
        self._end.set()
        self._thread.join(5)
        self.rtp.close()
        if self.camera is not None:
            self.camera.close()
        self.socket.close()

    # -- what it does -------------------------------------------------------------------------------------------------

    def register(self, expires: int = 600) -> None:
        """Bind this telephone's address; raises AssertionError unless a 200 comes."""
        uri = f"sip:{self.switch[0]}:{self.switch[1]}"
        call_id, authorization = secrets.token_hex(8), ""
        for _ in range(2):
            self._cseq += 1
            fields = [
                ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:{self.number}@{self.switch[0]}>;tag={self._tag}"),
                ("To", f"<sip:{self.number}@{self.switch[0]}>"),
                ("Call-ID", call_id),
                ("CSeq", f"{self._cseq} REGISTER"),
                ("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>"),
                ("Expires", str(expires)),
            ]
            if authorization:
                fields.append(("Authorization", authorization))
            self.socket.sendto(build(f"REGISTER {uri} SIP/2.0", fields), self.switch)
            answer = self._response(f"{self._cseq} REGISTER", call_id)
            if answer.status == 200:
                return
            authorization = digest.answer(answer.get("WWW-Authenticate"), "REGISTER", uri, self.number, self.password)
        raise AssertionError(f"{self.number} was not registered: {answer.start}")

    def hang_up(self) -> None:
        """End the call by BYE."""
        self._cseq += 1
        dialog = self._dialog
        fields = [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport"),
            ("Max-Forwards", "70"),
            ("From", dialog["local"]),
            ("To", dialog["remote"]),
            ("Call-ID", dialog["call_id"]),
            ("CSeq", f"{self._cseq} BYE"),
        ]
        self.socket.sendto(build(f"BYE {dialog['target']} SIP/2.0", fields), self.switch)

    def pick_up(self) -> None:
        """Answer the call that rings."""
        self._due.append((0.0, self.received("INVITE")[-1]))

    def press(self, digits: str) -> None:
        """Press keys, one after the other, as telephone-events (RFC 4733)."""
        assert self.remote_media is not None, f"{self.number} is in no call"
        ssrc, sequence = secrets.token_bytes(4), secrets.randbelow(1 << 15)
        for place, digit in enumerate(digits):
            event, stamp = "0123456789*#ABCD".index(digit), 8000 + 1600 * place
            for step, (last, units) in enumerate([(0, 160), (0, 480), (0, 800), (1, 960), (1, 960), (1, 960)]):
                sequence += 1
                head = bytes([0x80, (0x80 if step == 0 else 0) | 101])
                body = struct.pack("!HI", sequence, stamp) + ssrc + struct.pack("!BBH", event, last << 7 | 10, units)
                self.rtp.socket.sendto(head + body, self.remote_media)
                time.sleep(0.02)
            time.sleep(0.06)

    def received(self, method: str) -> list[Answer]:
        """The requests of a method that came so far."""
        return [request for request in list(self.requests) if request.start.startswith(method + " ")]

    # -- inside -------------------------------------------------------------------------------------------------------

    def _response(self, cseq: str, call_id: str, timeout_s: float = PATIENCE_S) -> Answer:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for answer in list(self.responses):
                if answer.get("CSeq") == cseq and answer.get("Call-ID") == call_id and answer.status >= 200:
                    self.responses.remove(answer)
                    return answer
            time.sleep(0.005)
        raise AssertionError(f"{self.number}: no answer to {cseq}")

    def _run(self) -> None:
        while not self._end.is_set():
            now = time.monotonic()
            for due in [each for each in self._due if each[0] <= now]:
                self._due.remove(due)
                self._accept(due[1])
            try:
                data, source = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            message = Answer(data.decode("utf-8", "replace"))
            if message.status:
                self.responses.append(message)
            else:
                self._request(message, source)

    def _request(self, request: Answer, source: tuple[str, int]) -> None:
        method = request.start.split()[0]
        repeated = self._last_replies.get((request.get("Via"), method))
        if repeated is not None and method != "ACK":  # we were slow to answer (RFC 3261 §17.2)
            self.socket.sendto(repeated, source)
            return
        self.requests.append(request)
        if method == "INVITE":
            self._invited(request, source)
        elif method == "ACK":
            self._learn(request.body)
            if not self.status:
                self.in_call.set()
        elif method == "CANCEL":
            self._reply(request, "200 OK", source)
            waiting = [each for each in self._due if each[1].get("Call-ID") == request.get("Call-ID")]
            self._due = [each for each in self._due if each not in waiting]
            invite = next(r for r in self.received("INVITE") if r.get("Call-ID") == request.get("Call-ID"))
            self._reply(invite, "487 Request Terminated", source)
            self.ended.set()
        else:
            self._reply(request, "200 OK", source)
            if method == "BYE":
                self.in_call.clear()
                self.ended.set()

    def _invited(self, request: Answer, source: tuple[str, int]) -> None:
        if ";tag=" in request.get("To"):  # inside the dialog: take what is offered
            self._accept(request)
            return
        self.ended.clear()
        self._reply(request, "180 Ringing", source)
        if self.status:
            self._reply(request, f"{self.status} Refused", source)
        elif self.answer_after is not None:
            self._due.append((time.monotonic() + self.answer_after, request))

    def _accept(self, request: Answer) -> None:
        self._learn(request.body)
        contact = re.search(r"<([^>]*)>", request.get("Contact"))
        self._dialog = {
            "call_id": request.get("Call-ID"),
            "remote": request.get("From"),
            "local": self._to(request),
            "target": contact[1] if contact else "",
        }
        self._version += 1
        sdp = _SDP.format(session=self.port, version=self._version, port=self.rtp.socket.getsockname()[1])
        if self.camera is not None:
            sdp += VIDEO.format(port=self.camera.socket.getsockname()[1])
        self._reply(request, "200 OK", self.switch, sdp)

    def _learn(self, sdp: str) -> None:
        """Where the other side wants its streams."""
        if sdp:
            self.remote_media = media_address(sdp)

    def _to(self, request: Answer) -> str:
        to = request.get("To")
        return to if ";tag=" in to else f"{to};tag={self._tag}"

    def _reply(self, request: Answer, status: str, to: tuple[str, int], body: str = "") -> None:
        fields = [("Via", value) for value in request.all("Via")]
        fields += [
            ("From", request.get("From")),
            ("To", self._to(request)),
            ("Call-ID", request.get("Call-ID")),
            ("CSeq", request.get("CSeq")),
            ("Contact", f"<sip:{self.number}@127.0.0.1:{self.port}>"),
        ]
        if body:
            fields.append(("Content-Type", "application/sdp"))
        data = build(f"SIP/2.0 {status}", fields, body)
        self._last_replies[request.get("Via"), request.start.split()[0]] = data
        self.socket.sendto(data, to)
