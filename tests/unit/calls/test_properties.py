"""Whatever phones do in whatever order: nothing raises, every call ends, everything is released, all is on record."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from dialplan import HuntGroup, Rule
from dialplan import Target as To
from softswitch.calls.leg import Cause
from softswitch.sip.errors import LocalProtocolError
from tests.unit.calls.phone import Phone, PhoneCall
from tests.unit.calls.world import World, trunk

NUMBERS = ["1001", "1002", "1003", "1004", "9100", "8500", "8600", "600", "602", "700", "701", "*8", "*81002", "4711"]
Step = tuple[str, int, int, int]
_FOR_INCOMING = frozenset({"ring", "early media", "answer", "reject"})
_FOR_TALKING = frozenset({"hold", "resume", "ask", "update", "refer", "attend", "info", "stubborn"})


def build() -> World:
    """Four phones (one of them with two devices), groups, a passthrough trunk with a forced codec behind it."""
    group = {"pickup_group": "desk"}
    world = World(
        subscribers={
            "1001": group,
            "1002": {**group, "forward_busy": "1003", "forward_no_answer": "1004", "no_answer_s": 20.0},
            "1003": {**group, "max_calls": 2},
            "1004": {"forward_all": ""},
        },
        hunt_groups=[
            HuntGroup("all", ("1001", "1002", "1003"), "parallel", 15.0, "8500"),
            HuntGroup("line", ("1003", "1004", "601"), "serial", 15.0, "8600"),
        ],
        trunks=[trunk("peer", "203.0.113.1", media="passthrough", max_calls=3)],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
        session_expires=300,
    )
    world.phones("1001", "1002", "1003", "1004")
    world.phone("1002", codecs=("PCMU",))
    world.peer("peer")
    return world


class Play:
    """Carries out steps; a step that makes no sense now does nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.phones = list(world._phones.values())
        self.acts: dict[str, Callable[[Phone, PhoneCall | None, int], None]] = {
            "call": lambda phone, call, x: self.dial(phone, x, phone.sdp()),
            "call without offer": lambda phone, call, x: self.dial(phone, x, b""),
            "call reliably": lambda phone, call, x: self.dial(phone, x, phone.sdp(), [("Require", "100rel")]),
            "replace": self.replace,
            "ring": lambda phone, call, x: call and call.session.progress(180, world.now),
            "early media": lambda phone, call, x: call and call.session.progress(183, world.now, phone.sdp()),
            "answer": lambda phone, call, x: call and call.session.accept(phone.sdp(), world.now),
            "reject": lambda phone, call, x: call and call.session.reject((486, 480, 603, 503, 302)[x % 5], world.now),
            "hang up": lambda phone, call, x: call and call.session.end(world.now),
            "hold": lambda phone, call, x: call and call.session.reinvite(phone.sdp(direction="sendonly"), world.now),
            "resume": lambda phone, call, x: call and call.session.reinvite(phone.sdp(version=3), world.now),
            "ask": lambda phone, call, x: call and call.session.reinvite(None, world.now),
            "update": lambda phone, call, x: call and call.session.update(phone.sdp(direction="inactive"), world.now),
            "refer": lambda phone, call, x: call and self.refer(call, f"<sip:{NUMBERS[x % len(NUMBERS)]}@x>"),
            "attend": self.attend,
            "info": lambda phone, call, x: call and call.session.request("INFO", world.now, body=b"x"),
            "stubborn": self.stubborn,
            "wait": lambda phone, call, x: world.advance((0.1, 1, 5, 16, 33, 125)[x % 6]),
            "lose": self.lose,
            "find": lambda phone, call, x: setattr(world, "lost", lambda sent: False),
            "ports": lambda phone, call, x: setattr(world.engine, "capacity", (1, 3, 1000)[x % 3]),
            "silence": self.silence,
            "operator": self.operator,
        }

    def do(self, step: Step) -> None:
        act, who, which, x = step
        phone = self.phones[who % len(self.phones)]
        if act in _FOR_INCOMING:
            alive = [call for call in self.others() if call.session.role == "uas" and not call.talking]
        else:
            alive = [call for call in phone.calls if not call.over]
            alive = [call for call in alive if call.talking] or alive if act in _FOR_TALKING else alive
        call = alive[which % len(alive)] if alive else None
        phone = call.phone if call is not None else phone
        with contextlib.suppress(LocalProtocolError):  # of the phone itself; what the switch raises comes with settle
            self.acts[act](phone, call, x)
        self.world.settle()

    def dial(self, phone: Phone, x: int, body: bytes, fields: list[tuple[str, str]] | None = None) -> None:
        phone.call(NUMBERS[x % len(NUMBERS)], body, fields or ())

    def others(self) -> list[PhoneCall]:
        return [call for phone in self.phones for call in phone.calls if not call.over]

    def replace(self, phone: Phone, call: PhoneCall | None, x: int) -> None:
        others = self.others()
        if others:
            phone.call("1001", fields=[("Replaces", others[x % len(others)].replaces)])

    @staticmethod
    def refer(call: PhoneCall, target: str) -> None:
        call.session.request("REFER", call.now, fields=[("Refer-To", target)], owner=call)

    def attend(self, phone: Phone, call: PhoneCall | None, x: int) -> None:
        others = self.others()
        if call is not None:
            replaces = others[x % len(others)].replaces.replace(";", "%3B").replace("=", "%3D")
            self.refer(call, f"<sip:1001@x?Replaces={replaces}>")

    @staticmethod
    def stubborn(phone: Phone, call: PhoneCall | None, x: int) -> None:
        """Leave offers unanswered from now on, or answer them again, or refuse the one that waits."""
        if call is not None:
            call.answer_offers = bool(x % 2)
            if x % 3 == 0:
                call.session.refuse_offer(488, call.now)

    def lose(self, phone: Phone, call: PhoneCall | None, x: int) -> None:
        host = phone.host
        if x % 2:
            self.world.lost = lambda sent: sent.source.startswith(host + ":")
        else:
            self.world.lost = lambda sent: sent.destination.startswith(host + ":")

    def silence(self, phone: Phone, call: PhoneCall | None, x: int) -> None:
        ports = list(self.world.engine.ports.values())
        if ports:
            port = ports[x % len(ports)]
            engine = self.world.engine
            self.world.exchange.media_event(engine.timeout(port) if x % 2 else engine.played(port))

    def operator(self, phone: Phone, call: PhoneCall | None, x: int) -> None:
        calls = list(self.world.exchange.calls.values())
        if calls:
            calls[x % len(calls)].disconnect(Cause(200, 16, "by an operator", "operator"))

    def end(self) -> None:
        """Everybody hangs up, and so much time passes that session timers find out who vanished (RFC 4028)."""
        self.world.lost = lambda sent: False
        for _ in range(3):
            for call in self.others():
                with contextlib.suppress(LocalProtocolError):
                    call.session.end(self.world.now)
                self.world.settle()
            self.world.advance(350)


ACTS = list(Play(build()).acts)
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 5), st.integers(0, 3), st.integers(0, 29)), min_size=1, max_size=25
)
CALLS = st.tuples(st.sampled_from(ACTS[:3]), st.integers(0, 5), st.integers(0, 3), st.integers(0, 29))


@settings(max_examples=150)
@given(first=CALLS, steps=STEPS)
def test_no_sequence_of_actions_raises_or_leaves_anything_behind(first: Step, steps: list[Step]) -> None:
    play = Play(build())
    for step in (first, *steps):
        play.do(step)
    play.end()
    play.world.check_over()
