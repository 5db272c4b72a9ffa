"""Every row of every transition table, driven through the transaction layer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from softswitch.sip.address import Address
from softswitch.sip.client_transaction import (
    INVITE_CLIENT,
    NON_INVITE_CLIENT,
    ClientInput,
    ClientState,
    ClientTransaction,
    client_step,
)
from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.events import AckReceived, RequestReceived, ResponseReceived, TransactionFailed
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import parse_message
from softswitch.sip.server_transaction import (
    INVITE_SERVER,
    NON_INVITE_SERVER,
    ServerInput,
    ServerState,
    ServerTransaction,
    server_step,
)
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.transactions import TransactionLayer

PEER = Address("udp", "127.0.0.1", 5090)
STREAM = Address("tcp", "127.0.0.1", 5090)


def layer() -> TransactionLayer:
    numbers = count()
    return TransactionLayer(
        timers=TimerWheel(),
        new_id=lambda: f"id{next(numbers)}",
        sent_by=lambda listener, transport: ("127.0.0.1", 5080),
    )


class Rig:
    """A transaction layer and its clock."""

    def __init__(self) -> None:
        self.layer = layer()
        self.now = 0.0

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while (at := self.layer.next_timer()) is not None and at <= end:
            self.now = at
            self.layer.handle_timer(at)
        self.now = end


class ClientRig(Rig):
    """One client transaction, brought into a state and then given an input."""

    def __init__(self, method: str, address: Address) -> None:
        super().__init__()
        request = Request(
            method,
            "sip:bob@127.0.0.1:5090",
            [("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>"), ("Call-ID", "c"), ("CSeq", f"7 {method}")],
        )
        self.transaction = self.layer.send_request(request, address, self.now)
        self.key = self.transaction.key
        self.address = address
        self.layer.data_to_send()

    def state(self) -> ClientState:
        entry = self.layer.clients.entries.get(self.key)
        return ClientState.TERMINATED if entry is None else entry.state

    def respond(self, status: int, tag: str = "t") -> None:
        response = Response.to_request(self.transaction.request, status, to_tag=tag)
        self.layer.receive_data(response.serialize(), self.address, self.now)

    def bring(self, state: ClientState) -> None:
        if state is ClientState.PROCEEDING:
            self.respond(180)
        elif state is ClientState.ACCEPTED:
            self.respond(200)
        elif state is ClientState.COMPLETED:
            self.respond(486)
        assert self.state() is state
        self.layer.data_to_send()
        self.layer.events.clear()

    def apply(self, happened: ClientInput) -> None:
        if happened is ClientInput.PROVISIONAL:
            self.respond(180)
        elif happened is ClientInput.SUCCESS:
            self.respond(200)
        elif happened is ClientInput.FAILURE:
            self.respond(486)
        elif happened is ClientInput.RETRANSMIT:
            self.advance(4.1)
        elif happened is ClientInput.TIMEOUT:
            if self.transaction.method == "INVITE" and self.state() is ClientState.PROCEEDING:
                self.layer.cancel(self.transaction, self.now)
            self.advance(32.1)
        elif happened is ClientInput.LINGERED:
            self.advance(32.1)
        else:
            self.layer.transport_failed(self.address, self.now)
            self.layer.handle_timer(self.now + 0.02)


CLIENT_ROWS = [("INVITE", row) for row in INVITE_CLIENT] + [("OPTIONS", row) for row in NON_INVITE_CLIENT]


@pytest.mark.parametrize(("method", "row"), CLIENT_ROWS, ids=lambda value: "-".join(value) if value else None)
def test_client_row(method: str, row: tuple[ClientState, ClientInput]) -> None:
    table = INVITE_CLIENT if method == "INVITE" else NON_INVITE_CLIENT
    state, happened = row
    expected, action = table[row]
    rig = ClientRig(method, PEER)
    rig.bring(state)
    rig.apply(happened)
    assert rig.state() is expected, f"{state} on {happened} led to {rig.state()}, the table says {expected}"
    sent = [data.split(b" ", 1)[0] for data, _ in rig.layer.data_to_send()]
    told = list(rig.layer.events)
    wanted: dict[str, Callable[[], bool]] = {
        "nothing": lambda: not told and not sent,
        "send again": lambda: not told and set(sent) == {method.encode()},
        "pass up": lambda: isinstance(told[0], ResponseReceived) and not sent,
        "send ACK, pass up": lambda: isinstance(told[0], ResponseReceived) and sent == [b"ACK"],
        "send ACK again": lambda: not told and sent == [b"ACK"],
        "send the ACK of this 2xx again": lambda: not told,
        "tell of failure": lambda: isinstance(told[-1], TransactionFailed),
    }
    assert wanted[action](), f"{state} on {happened}: {action}, yet sent {sent} and told {told}"


@pytest.mark.parametrize("table", [INVITE_CLIENT, NON_INVITE_CLIENT], ids=["invite", "other"])
def test_unlisted_client_pair_raises(table: dict[tuple[ClientState, ClientInput], object]) -> None:
    unlisted = [(s, i) for s in ClientState for i in ClientInput if (s, i) not in table]
    assert unlisted
    for state, happened in unlisted:
        with pytest.raises(LocalProtocolError):
            client_step(table, state, happened)  # type: ignore[arg-type]


class ServerRig(Rig):
    """One server transaction, brought into a state and then given an input."""

    def __init__(self, method: str, address: Address) -> None:
        super().__init__()
        self.address = address
        self.method = method
        self.receive(method)
        event = self.layer.next_event()
        assert isinstance(event, RequestReceived)
        self.transaction = event.transaction
        self.key = self.transaction.key
        self.layer.data_to_send()

    def receive(self, method: str) -> None:
        data = (
            f"{method} sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{self.address.transport.upper()} 127.0.0.1:5090;"
            f"branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 7 {method}\r\n"
            "Max-Forwards: 70\r\nContact: <sip:a@127.0.0.1:5090>\r\n\r\n"
        )
        self.layer.receive_data(data.encode(), self.address, self.now)

    def state(self) -> ServerState:
        entry = self.layer.servers.entries.get(self.key)
        return ServerState.TERMINATED if entry is None else entry.state

    def send(self, status: int) -> None:
        self.layer.respond(self.transaction, Response.to_request(self.transaction.request, status), self.now)

    def bring(self, state: ServerState) -> None:
        if state is ServerState.PROCEEDING:
            self.send(180)
        elif state is ServerState.ACCEPTED:
            self.send(200)
        elif state in (ServerState.COMPLETED, ServerState.CONFIRMED):
            self.send(486)
        if state is ServerState.CONFIRMED:
            self.receive("ACK")
        assert self.state() is state
        self.layer.data_to_send()
        self.layer.events.clear()

    def apply(self, happened: ServerInput) -> None:
        if happened is ServerInput.RETRANSMITTED:
            self.receive(self.method)
        elif happened is ServerInput.ACK:
            self.receive("ACK")
        elif happened in (ServerInput.SEND_PROVISIONAL, ServerInput.SEND_SUCCESS, ServerInput.SEND_FAILURE):
            self.send({"send 1xx": 183, "send 2xx": 200, "send 3xx-6xx": 603}[happened])
        elif happened is ServerInput.RETRANSMIT:
            self.advance(4.1)
        elif happened in (ServerInput.TIMEOUT, ServerInput.LINGERED):
            self.advance(32.1)
        else:
            self.layer.transport_failed(self.address, self.now)


def needs_stream(happened: ServerInput) -> bool:
    return happened is ServerInput.TRANSPORT_ERROR


SERVER_ROWS = [("INVITE", row) for row in INVITE_SERVER] + [("OPTIONS", row) for row in NON_INVITE_SERVER]


@pytest.mark.parametrize(("method", "row"), SERVER_ROWS, ids=lambda value: "-".join(value) if value else None)
def test_server_row(method: str, row: tuple[ServerState, ServerInput]) -> None:
    table = INVITE_SERVER if method == "INVITE" else NON_INVITE_SERVER
    state, happened = row
    expected, action = table[row]
    if needs_stream(happened) and (state is ServerState.CONFIRMED or (method, state) == ("OPTIONS", "completed")):
        # Over a stream these states last no time at all (timers I and J are 0): the table alone speaks for them.
        assert server_step(table, state, happened) == (expected, action)
        return
    rig = ServerRig(method, STREAM if needs_stream(happened) else PEER)
    rig.bring(state)
    rig.apply(happened)
    assert rig.state() is expected, f"{state} on {happened} led to {rig.state()}, the table says {expected}"
    sent = rig.layer.data_to_send()
    told = list(rig.layer.events)
    if action == "nothing":
        retransmitted = happened in (ServerInput.TIMEOUT,)
        assert not told and (retransmitted or not sent), f"{state} on {happened}: sent {sent}, told {told}"
    elif action == "send":
        assert len(sent) == 1
    elif action == "send the latest response again":
        assert sent and len({data for data, _ in sent}) == 1
    elif action == "pass the ACK up":
        assert isinstance(told[0], AckReceived)
    else:
        assert action == "send the latest response by another way"
        assert all(address.connection == 0 for _, address in sent)


@pytest.mark.parametrize("table", [INVITE_SERVER, NON_INVITE_SERVER], ids=["invite", "other"])
def test_unlisted_server_pair_raises(table: dict[tuple[ServerState, ServerInput], object]) -> None:
    unlisted = [(s, i) for s in ServerState for i in ServerInput if (s, i) not in table]
    assert unlisted
    for state, happened in unlisted:
        with pytest.raises(LocalProtocolError):
            server_step(table, state, happened)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "status", "stays"),
    [("INVITE", 486, 32.0), ("INVITE", 200, 32.0), ("OPTIONS", 200, 5.0), ("OPTIONS", 404, 5.0)],
)
def test_client_remnants_stay_for_timers_d_m_and_k(method: str, status: int, stays: float) -> None:
    rig = ClientRig(method, PEER)
    rig.respond(status)
    rig.advance(stays - 0.1)
    assert len(rig.layer.clients.entries) == 1
    rig.advance(0.2)
    assert not rig.layer.clients.entries


@pytest.mark.parametrize(
    ("method", "status", "stays"), [("INVITE", 486, 32.0), ("INVITE", 200, 32.0), ("OPTIONS", 200, 32.0)]
)
def test_server_remnants_stay_for_timers_h_l_and_j(method: str, status: int, stays: float) -> None:
    rig = ServerRig(method, PEER)
    rig.advance(1)
    rig.send(status)
    rig.advance(stays - 0.1)
    assert len(rig.layer.servers.entries) == 1
    rig.advance(0.2)
    assert not rig.layer.servers.entries


def test_timer_i_ends_a_confirmed_invite_after_t4() -> None:
    rig = ServerRig("INVITE", PEER)
    rig.send(486)
    rig.receive("ACK")
    rig.advance(4.9)
    assert rig.state() is ServerState.CONFIRMED
    rig.advance(0.2)
    assert rig.state() is ServerState.TERMINATED


def test_timer_g_doubles_up_to_t2() -> None:
    rig = ServerRig("INVITE", PEER)
    rig.send(486)
    rig.layer.data_to_send()
    times = []
    while (at := rig.layer.next_timer()) is not None and at < 32:
        rig.now = at
        rig.layer.handle_timer(at)
        times += [at] * len(rig.layer.data_to_send())
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_timer_e_doubles_up_to_t2_and_is_t2_after_a_provisional() -> None:
    rig = ClientRig("OPTIONS", PEER)
    times = []
    while (at := rig.layer.next_timer()) is not None and at < 32:
        rig.now = at
        rig.layer.handle_timer(at)
        times += [at] * len(rig.layer.data_to_send())
        if at == 3.5:
            rig.respond(100)
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_unanswered_request_is_forgotten() -> None:
    rig = ServerRig("OPTIONS", PEER)
    rig.advance(33)
    assert not rig.layer.servers.entries
    assert rig.layer.counters["requests_unanswered"] == 1


def test_response_tags_are_alike_within_a_transaction() -> None:
    rig = ServerRig("INVITE", PEER)
    rig.send(180)
    rig.send(183)
    tags = {parse_message(data).to.tag for data, _ in rig.layer.data_to_send()}
    assert tags == {rig.transaction.to_tag}


def test_settings_scale_every_timer() -> None:
    from softswitch.sip.timers import TimerSettings

    numbers = count()
    fast = TransactionLayer(
        timers=TimerWheel(),
        new_id=lambda: f"id{next(numbers)}",
        sent_by=lambda listener, transport: ("127.0.0.1", 5080),
        settings=UserAgentSettings(timers=TimerSettings(t1=0.125)),
    )
    request = Request(
        "OPTIONS",
        "sip:b@x",
        [("From", "<sip:a@x>;tag=1"), ("To", "<sip:b@x>"), ("Call-ID", "c"), ("CSeq", "1 OPTIONS")],
    )
    transaction = fast.send_request(request, PEER, 0.0)
    assert isinstance(transaction, ClientTransaction)
    while (at := fast.next_timer()) is not None:
        fast.handle_timer(at)
        last = at
    assert last == 8.0 and isinstance(fast.next_event(), TransactionFailed)


def test_transaction_owner_may_answer_late_without_harm() -> None:
    rig = ServerRig("OPTIONS", PEER)
    rig.send(200)
    rig.send(404)
    assert isinstance(rig.transaction, ServerTransaction)
    statuses = [parse_message(data).status for data, _ in rig.layer.data_to_send()]  # type: ignore[union-attr]
    assert statuses == [200], "a second final response is discarded"
