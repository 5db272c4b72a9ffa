"""A video phone that shows callers to themselves: it answers INVITEs and sends every RTP and RTCP packet back.

So a request for a key frame comes back to whoever is seen, too.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
from types import TracebackType
from typing import Self

from tests.interop.ports import brief_port
from tests.interop.rawsip import Answer, build

_PLAIN = "RTP/AVP"


class MirrorPhone:
    """Plain SIP at `port`, plain RTP: two ports for each media line, no bundle. `kinds` were answered."""

    def __init__(self, port: int, codecs: dict[str, str]) -> None:
        """`codecs` are those it takes, by kind of media: ``{"audio": "PCMU", "video": "VP8"}``."""
        self.kinds: list[str] = []
        self.offer = ""
        self._codecs = codecs
        self._answers: dict[str, bytes] = {}
        self._sip = _udp(port)
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._sip, selectors.EVENT_READ)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            for key, _ in self._selector.select(0.1):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                data, source = sock.recvfrom(65536)
                if sock is not self._sip:
                    sock.sendto(data, source)
                elif answer := self._reply(Answer(data.decode("utf-8", "replace"))):
                    sock.sendto(answer, source)

    def _reply(self, request: Answer) -> bytes:
        method, call = request.start.partition(" ")[0], request.get("Call-ID")
        if method == "INVITE":
            if call not in self._answers:
                self._answers[call] = _accept(
                    request, f"<sip:mirror@127.0.0.1:{self._port}>", self._answer(request.body)
                )
            return self._answers[call]
        return b"" if method == "ACK" else _accept(request, "", "")

    def _open(self) -> int:
        """Sockets for RTP and RTCP; the port of the first."""
        port = brief_port()
        for each in (port, port + 1):
            self._selector.register(_udp(each), selectors.EVENT_READ)
        return port

    def _answer(self, offer: str) -> str:
        """Each line in its turn: the one codec that we take, at a socket of its own."""
        self.offer = offer
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
        for section in offer.split("m=")[1:]:
            kind = section.partition(" ")[0]
            found = re.search(rf"a=rtpmap:(\d+) ({self._codecs.get(kind, '-')}/\d+(?:/\d+)?)", section)
            if found is None or section.split()[1] == "0":
                lines.append(f"m={kind} 0 {_PLAIN} 0")
                continue
            self.kinds.append(kind)
            lines += [f"m={kind} {self._open()} {_PLAIN} {found[1]}", f"a=rtpmap:{found[1]} {found[2]}"]
            if kind == "video":
                lines.append(f"a=rtcp-fb:{found[1]} nack pli")
        return "\r\n".join([*lines, ""])


def _udp(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    return made


def _accept(request: Answer, contact: str, body: str) -> bytes:
    to = request.get("To")
    fields = [("Via", value) for value in request.all("Via")]
    fields += [("Record-Route", value) for value in request.all("Record-Route")]
    fields += [("To", to if "tag=" in to else f"{to};tag=mirror")]
    fields += [(name, request.get(name)) for name in ("From", "Call-ID", "CSeq")]
    if body:
        fields += [("Contact", contact), ("Content-Type", "application/sdp")]
    return build("SIP/2.0 200 OK", fields, body)
