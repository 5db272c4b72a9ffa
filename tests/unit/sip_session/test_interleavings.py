"""Random operations of both owners over a network that loses, delays and repeats: each session ends exactly once."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import IncomingInvite, OfferReceived
from softswitch.sip.session import Session
from softswitch.sip.settings import UserAgentSettings
from tests.unit.sip_session.netem import ANSWER, OFFER, SECOND_OFFER, Net, Phone, ignore_invite, ignore_offer

SPANS = st.sampled_from([0.0, 0.05, 0.3, 1.0, 4.0, 20.0])
SIDES = st.sampled_from(["alice", "bob"])


class Calls(RuleBasedStateMachine):
    """Two phones whose owners do anything at any time."""

    net: Net
    alice: Phone
    bob: Phone

    @initialize(
        seed=st.integers(0, 10_000),
        loss=st.sampled_from([0.0, 0.1, 0.4]),
        delay=st.sampled_from([0.0, 0.05]),
        jitter=st.sampled_from([0.0, 0.2]),
        duplicate=st.sampled_from([0.0, 0.2]),
        transport=st.sampled_from(["udp", "udp", "tcp"]),
        reliable=st.sampled_from(["supported", "always", "off"]),
        expires=st.sampled_from([0, 90]),
    )
    def begin(
        self,
        seed: int,
        loss: float,
        delay: float,
        jitter: float,
        duplicate: float,
        transport: str,
        reliable: str,
        expires: int,
    ) -> None:
        self.net = Net(seed, loss, delay, jitter, duplicate)
        chosen = UserAgentSettings(session_expires=expires, reliable=reliable)
        self.alice = self.net.phone("alice", 5080, chosen, transport)
        self.bob = self.net.phone("bob", 5090, chosen, transport)
        for phone in (self.alice, self.bob):
            phone.on_invite = ignore_invite
            phone.on_offer = ignore_offer
        self.begun: list[Session] = []

    def sessions(self, side: str) -> list[Session]:
        phone = self.alice if side == "alice" else self.bob
        return list(phone.agent.sessions.values())

    def do(self, side: str, operation: str, *arguments: object) -> None:
        for session in self.sessions(side):
            try:
                getattr(session, operation)(*arguments, now=self.net.now)
            except LocalProtocolError:
                continue  # not in this state: said to the owner, never to the network
        self.net.settle()

    @precondition(lambda self: len(self.begun) < 4)
    @rule(body=st.sampled_from([OFFER, b""]), side=SIDES)
    def call(self, body: bytes, side: str) -> None:
        caller, called = (self.alice, self.bob) if side == "alice" else (self.bob, self.alice)
        self.begun.append(caller.call(called, body))
        self.net.settle()

    @rule(span=SPANS)
    def wait(self, span: float) -> None:
        self.net.run(span)

    @rule(side=SIDES, status=st.sampled_from([180, 183]), sdp=st.sampled_from([None, ANSWER]), wish=st.booleans())
    def progress(self, side: str, status: int, sdp: bytes | None, wish: bool) -> None:
        for session in self.sessions(side):
            try:
                session.progress(status, self.net.now, sdp, wish)
            except LocalProtocolError:
                continue
        self.net.settle()

    @rule(side=SIDES)
    def accept(self, side: str) -> None:
        self.do(side, "accept", ANSWER)

    @rule(side=SIDES, status=st.sampled_from([302, 486, 603]))
    def reject(self, side: str, status: int) -> None:
        self.do(side, "reject", status)

    @rule(side=SIDES)
    def answer(self, side: str) -> None:
        self.do(side, "answer", ANSWER)

    @rule(side=SIDES)
    def refuse_offer(self, side: str) -> None:
        self.do(side, "refuse_offer", 488)

    @rule(side=SIDES, sdp=st.sampled_from([SECOND_OFFER, None]), how=st.sampled_from(["reinvite", "update"]))
    def offer(self, side: str, sdp: bytes | None, how: str) -> None:
        self.do(side, how, sdp)

    @rule(side=SIDES, how=st.sampled_from(["bye", "cancel", "end"]))
    def finish(self, side: str, how: str) -> None:
        self.do(side, how)

    @rule(side=SIDES)
    def info(self, side: str) -> None:
        self.do(side, "request", "INFO")

    def teardown(self) -> None:
        if not hasattr(self, "net"):
            return
        self.net.run(1)
        for side in ("alice", "bob"):
            self.do(side, "end")
        self.net.run(400)
        for phone in (self.alice, self.bob):
            for session in list(phone.agent.sessions.values()):
                session.end(self.net.now)
        self.net.run(400)
        for phone in (self.alice, self.bob):
            begun = {session.id for session in self.begun if session.ua is phone.agent}
            begun |= {event.session.id for event in phone.take(IncomingInvite)}
            ended = [event.session.id for event in phone.endings()]
            assert sorted(ended) == sorted(begun), f"{phone.name}: begun {begun}, ended {ended}"
            assert not any(phone.agent.gauges().values()), f"{phone.name} keeps {phone.agent.gauges()}"
            assert not len(phone.agent.timers), f"{phone.name} has timers for nothing"
            offers = {id(event.session): 0 for event in phone.take(OfferReceived)}
            assert all(session_id in {id(e.session) for e in phone.endings()} for session_id in offers)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=80, stateful_step_count=25, suppress_health_check=list(HealthCheck))
