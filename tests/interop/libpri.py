"""libpri, the PRI stack of Asterisk, as an independent far end of a D channel: one LAPD frame per datagram.

GPL: it is loaded by tests alone. Structures are prefixes of the C ones on 64-bit machines.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from gateways.e1.q921 import DataReceived, Link, LinkEstablished, LinkReleased, Side
from gateways.e1.q931 import Access, AccessParameters
from gateways.e1.q931.events import IsdnEvent

NAMES = {
    1: "DCHAN_UP",
    2: "DCHAN_DOWN",
    3: "RESTART",
    5: "RING",
    6: "HANGUP",
    7: "RINGING",
    8: "ANSWER",
    9: "HANGUP_ACK",
    10: "RESTART_ACK",
    12: "INFO_RECEIVED",
    13: "PROCEEDING",
    14: "SETUP_ACK",
    15: "HANGUP_REQ",
    16: "NOTIFY",
    17: "PROGRESS",
}
_NETWORK, _CPE, _EUROISDN_E1 = 1, 2, 5
_SPEECH, _ALAW = 0, 3
_pointer, _int, _text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_Text256 = ctypes.c_char * 256


class _Ring(ctypes.Structure):
    _fields_ = (
        ("e", _int),
        ("channel", _int),
        ("pres", _int),
        ("planani", _int),
        ("plan", _int),
        ("ani", _Text256),
        ("calling", _Text256),
        ("name", _Text256),
        ("calledplan", _int),
        ("ani2", _int),
        ("called", _Text256),
        ("rnum", _Text256),
        ("rname", _Text256),
        ("rreason", _int),
        ("rplan", _int),
        ("uui", ctypes.c_char * 260),
        ("flexible", _int),
        ("cref", _int),
        ("ctype", _int),
        ("layer1", _int),
        ("complete", _int),
        ("call", _pointer),
    )


class _Hangup(ctypes.Structure):
    _fields_ = (("e", _int), ("channel", _int), ("cause", _int), ("cref", _int), ("call", _pointer))


class _Answer(ctypes.Structure):
    _fields_ = (
        ("e", _int),
        ("channel", _int),
        ("cref", _int),
        ("progress", _int),
        ("mask", _int),
        ("call", _pointer),
    )


class _Time(ctypes.Structure):
    _fields_ = (("s", ctypes.c_long), ("us", ctypes.c_long))


_IO = ctypes.CFUNCTYPE(_int, _pointer, ctypes.POINTER(ctypes.c_ubyte), _int)
_SAY = ctypes.CFUNCTYPE(None, _pointer, _text)
#: Functions by the types of their arguments after the first, which is a controller or a request.
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "pri_schedule_run": (),
    "pri_check_event": (),
    "pri_new_call": (),
    "pri_set_overlapdial": (_int,),
    "pri_set_timer": (_int, _int),
    "pri_reset": (_int,),
    "pri_sr_set_channel": (_int, _int, _int),
    "pri_sr_set_bearer": (_int, _int),
    "pri_sr_set_called": (_text, _int, _int),
    "pri_sr_set_caller": (_text, _text, _int, _int),
    "pri_sr_free": (),
    "pri_setup": (_pointer, _pointer),
    "pri_proceeding": (_pointer, _int, _int),
    "pri_acknowledge": (_pointer, _int, _int),
    "pri_progress": (_pointer, _int, _int),
    "pri_answer": (_pointer, _int, _int),
    "pri_need_more_info": (_pointer, _int, _int),
    "pri_information": (_pointer, ctypes.c_char),
    "pri_hangup": (_pointer, _int),
}
_POINTERS = ("pri_schedule_run", "pri_check_event", "pri_new_call")


def _load() -> Any:
    try:
        library = ctypes.CDLL("libpri.so.1.4")
    except OSError:
        pytest.skip("libpri is not installed (apt-get install libpri1.4)")
    library.pri_new_cb.restype, library.pri_new_cb.argtypes = _pointer, [_int, _int, _int, _IO, _IO, _pointer]
    library.pri_schedule_next.restype = ctypes.POINTER(_Time)
    library.pri_schedule_next.argtypes = [_pointer]
    library.pri_sr_new.restype, library.pri_sr_new.argtypes = _pointer, []
    library.pri_channel_bridge.argtypes = [_pointer, _pointer]
    library.pri_set_message.argtypes = library.pri_set_error.argtypes = [_SAY]
    for name, arguments in _SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes = [_pointer, *arguments]
        function.restype = _pointer if name in _POINTERS else _int
    return library


class Event:
    """One event of libpri, by the name of its kind."""

    def __init__(self, address: int) -> None:
        self.name = NAMES.get(ctypes.cast(address, ctypes.POINTER(_int))[0], "?")
        kinds: dict[str, Any] = {"RING": _Ring, "HANGUP": _Hangup, "HANGUP_REQ": _Hangup, "HANGUP_ACK": _Hangup}
        record = ctypes.cast(address, ctypes.POINTER(kinds.get(self.name, _Answer)))[0]
        self.channel = record.channel & 0xFF
        self.cause = getattr(record, "cause", 0)
        self.called = getattr(record, "called", b"").decode()
        self.calling = getattr(record, "calling", b"").decode()
        self.user_user = getattr(record, "uui", b"").decode()
        self.complete = bool(getattr(record, "complete", 0))
        self.digits = ""
        if self.name == "RING":
            self.call: int | None = record.call
        elif self.name == "INFO_RECEIVED":
            ring = ctypes.cast(address, ctypes.POINTER(_Ring))[0]
            self.call, self.digits = ring.call, ring.called.decode()
        else:
            self.call = record.call

    def __repr__(self) -> str:
        return f"{self.name} ch={self.channel} cause={self.cause}"


class LibPri:
    """One controller of libpri on a datagram socket; `side` is its own."""

    def __init__(self, sock: socket.socket, side: Side) -> None:
        self.library = _load()
        self.sock = sock
        self.said: list[str] = []

        def read(_: Any, buffer: Any, size: int) -> int:
            try:
                data = sock.recv(size - 2, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return 0
            ctypes.memmove(buffer, data + b"\0\0", len(data) + 2)
            return len(data) + 2

        def write(_: Any, buffer: Any, size: int) -> int:
            sock.send(bytes(buffer[: size - 2]))
            return size

        def say(_: Any, text: bytes) -> None:
            self.said.append(text.decode(errors="replace"))

        self._kept = (_IO(read), _IO(write), _SAY(say))
        self.library.pri_set_message(self._kept[2])
        self.library.pri_set_error(self._kept[2])
        node = _NETWORK if side is Side.NETWORK else _CPE
        self.controller = self.library.pri_new_cb(sock.fileno(), node, _EUROISDN_E1, *self._kept[:2], None)

    def __getattr__(self, name: str) -> Callable[..., int]:
        """Functions of the library with the controller as first argument: `peer.answer(call, 1, 0)`."""
        function = getattr(self.library, f"pri_{name}")
        return lambda *arguments: int(function(self.controller, *arguments) or 0)

    def originate(self, number: str, *, channel: int, caller: str = "8110", complete: bool = True) -> int:
        """Call our side; returns the library's handle of the call."""
        library = self.library
        call: int = library.pri_new_call(self.controller)
        request = library.pri_sr_new()
        library.pri_sr_set_channel(request, channel, 0, 0)
        library.pri_sr_set_bearer(request, _SPEECH, _ALAW)
        library.pri_sr_set_called(request, number.encode(), 0, int(complete))
        library.pri_sr_set_caller(request, caller.encode(), b"libpri", 0, 0)
        assert library.pri_setup(self.controller, call, request) == 0, "libpri takes the call"
        library.pri_sr_free(request)
        return call

    def transfer(self, call: int, other: int) -> None:
        """Have two calls joined by our side (explicit call transfer)."""
        assert self.library.pri_channel_bridge(call, other) == 0, f"libpri does not transfer: {self.said[-3:]}"

    def run(self) -> list[Event]:
        """Serve what waits: timers that are due and one frame."""
        events = []
        due = self.library.pri_schedule_next(self.controller)
        now = time.time()
        if due and due[0].s + due[0].us / 1e6 <= now:
            events.append(self.library.pri_schedule_run(self.controller))
        if select.select([self.sock], [], [], 0)[0]:
            events.append(self.library.pri_check_event(self.controller))
        return [Event(address) for address in events if address]


E = TypeVar("E", bound=IsdnEvent)


class DChannel:
    """Our link and access at one end, libpri at the other. `cut` stops every frame."""

    def __init__(self, side: Side, parameters: AccessParameters | None = None) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.sockets = (ours, theirs)
        self.link = Link(side)
        self.access = Access(side, parameters or AccessParameters(restart_at_start=False))
        self.peer = LibPri(theirs, side.other)
        self.told: list[IsdnEvent] = []
        self.theirs: list[Event] = []
        self.frames: list[tuple[Side, bytes]] = []
        self.cut = False
        self.link.establish(time.monotonic())

    @property
    def now(self) -> float:
        return time.monotonic()

    def turn(self) -> None:
        """Let each end do what it can do now."""
        now = self.now
        for event in self.peer.run():
            self.theirs.append(event)
            if event.name == "HANGUP":  # the library leaves it to its user to finish the release
                self.peer.hangup(event.call, event.cause)
        while select.select([self.sockets[0]], [], [], 0)[0]:
            frame = self.sockets[0].recv(1024)
            if not self.cut:
                self.frames.append((self.link.side.other, frame))
                self.link.receive_data(frame, now)
        self.link.handle_timer(now)
        while (heard := self.link.next_event()) is not None:
            if isinstance(heard, DataReceived):
                self.access.receive_data(heard.data, now)
            elif isinstance(heard, LinkEstablished):
                self.access.link_up(now, reset=heard.reset)
            elif isinstance(heard, LinkReleased):
                self.access.link_down(now, heard.reason)
        self.access.handle_timer(now)
        for message in self.access.data_to_send():
            self.link.send(message, now)
        for frame in self.link.data_to_send():
            if not self.cut:
                self.frames.append((self.link.side, frame))
                self.sockets[0].send(frame)
        while (told := self.access.next_event()) is not None:
            self.told.append(told)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 40) -> None:
        """Serve both ends until something holds."""
        limit = self.now + seconds
        while not condition():
            assert self.now < limit, f"{what}: ours {self.told}, theirs {self.theirs}, libpri said {self.peer.said}"
            self.turn()
            select.select(list(self.sockets), [], [], 0.005)

    def expect(self, kind: type[E], seconds: float = 40) -> E:
        """The next event of ours of that kind, taken out."""
        self.until(lambda: any(isinstance(e, kind) for e in self.told), f"we are told {kind.__name__}", seconds)
        found = next(e for e in self.told if isinstance(e, kind))
        self.told.remove(found)
        return found

    def their(self, name: str, seconds: float = 40) -> Event:
        """The next event of libpri of that name, taken out."""
        self.until(lambda: any(e.name == name for e in self.theirs), f"libpri tells {name}", seconds)
        found = next(e for e in self.theirs if e.name == name)
        self.theirs.remove(found)
        return found


@contextmanager
def d_channel(side: Side, parameters: AccessParameters | None = None) -> Iterator[DChannel]:
    """A D channel that is up at both ends; `side` is ours."""
    channel = DChannel(side, parameters)
    try:
        channel.until(lambda: channel.access.is_up, "the link comes up")
        channel.their("DCHAN_UP")
        yield channel
    finally:
        for sock in channel.sockets:
            sock.close()
