"""The lite ICE agent: whom it answers, which way it takes, and when it gives a peer up."""

from __future__ import annotations

import pytest

from softswitch.rtp.errors import RtpError
from softswitch.rtp.ice import Candidate, ConsentLost, IceLite, Selected, host_candidates
from softswitch.rtp.ice.agent import CONSENT_S, answer_keepalive
from softswitch.rtp.ice.stun import (
    BINDING,
    ICE_CONTROLLED,
    ICE_CONTROLLING,
    INDICATION,
    PRIORITY,
    REQUEST,
    SUCCESS,
    USE_CANDIDATE,
    USERNAME,
    StunMessage,
)

WLAN, LTE = ("192.0.2.10", 5000), ("198.51.100.20", 6000)


def check(agent: IceLite, *, theirs: str = "them", nominate: bool = False, role: int = ICE_CONTROLLING) -> bytes:
    """A connectivity check as a full peer sends it."""
    name = f"{agent.ufrag}:{theirs}".encode()
    attributes = [(USERNAME, name), (PRIORITY, bytes(4)), (role, bytes(8))]
    if nominate:
        attributes.append((USE_CANDIDATE, b""))
    return StunMessage(REQUEST, BINDING, b"0123456789ab", attributes).serialize(agent.password)


def answers(agent: IceLite) -> list[StunMessage]:
    return [StunMessage.parse(data) for data, _ in agent.data_to_send()]


@pytest.fixture
def agent() -> IceLite:
    made = IceLite("ours", "our-password-of-22-chars")
    made.meet("them")
    return made


def test_a_check_is_answered_with_where_it_came_from(agent: IceLite) -> None:
    agent.receive_data(check(agent), WLAN, 0.0)
    ((data, to),) = agent.data_to_send()
    answer = StunMessage.parse(data)
    assert to == WLAN
    assert (answer.message_class, answer.mapped_address) == (SUCCESS, WLAN)
    assert answer.has_integrity(agent.password)


def test_the_first_good_check_opens_a_way_and_a_nomination_changes_it(agent: IceLite) -> None:
    agent.receive_data(check(agent), WLAN, 0.0)
    assert agent.next_event() == Selected(WLAN)
    agent.receive_data(check(agent), LTE, 0.1)
    assert agent.next_event() is None, "a check without nomination must not move what is settled"
    agent.receive_data(check(agent, nominate=True), LTE, 0.2)
    assert agent.next_event() == Selected(LTE)


@pytest.mark.parametrize("wrong", ["password", "name", "peer"])
def test_who_does_not_know_the_credentials_is_refused(agent: IceLite, wrong: str) -> None:
    other = IceLite("else" if wrong == "name" else "ours", "wrong" if wrong == "password" else agent.password)
    agent.receive_data(check(other, theirs="mallory" if wrong == "peer" else "them", nominate=True), WLAN, 0.0)
    assert [answer.error_code for answer in answers(agent)] == [401]
    assert agent.selected is None
    assert agent.counters.refused == 1


def test_a_peer_that_wants_to_be_controlled_is_told_of_the_conflict(agent: IceLite) -> None:
    agent.receive_data(check(agent, role=ICE_CONTROLLED), WLAN, 0.0)
    assert [answer.error_code for answer in answers(agent)] == [487]
    assert agent.selected is None


def test_consent_ends_when_the_peer_checks_no_more(agent: IceLite) -> None:
    agent.receive_data(check(agent, nominate=True), WLAN, 0.0)
    agent.receive_data(check(agent), WLAN, 20.0)
    assert agent.next_timer() == 20.0 + CONSENT_S
    agent.handle_timer(49.0)
    assert agent.selected == WLAN
    agent.next_event()
    agent.handle_timer(50.0)
    assert agent.next_event() == ConsentLost(WLAN)
    assert agent.next_timer() is None
    agent.receive_data(check(agent), WLAN, 60.0)
    assert agent.next_event() == Selected(WLAN), "who checks again is heard again"


def test_after_a_restart_the_old_credentials_hold_until_the_new_ones_are_used(agent: IceLite) -> None:
    before = check(agent)
    agent.receive_data(before, WLAN, 0.0)
    agent.restart("fresh", "a-fresh-password-of-24-ch")
    agent.meet("them2")
    agent.receive_data(before, WLAN, 1.0)
    assert [answer.message_class for answer in answers(agent)] == [SUCCESS, SUCCESS]
    agent.receive_data(check(agent, theirs="them2", nominate=True), LTE, 2.0)
    assert agent.selected == LTE
    answers(agent)
    agent.receive_data(before, WLAN, 3.0)
    assert [answer.error_code for answer in answers(agent)] == [401]


def test_indications_and_garbage_get_no_answer(agent: IceLite) -> None:
    agent.receive_data(StunMessage(INDICATION, BINDING, bytes(12)).serialize(), WLAN, 0.0)
    agent.receive_data(b"\x00\x01garbage", WLAN, 0.0)
    assert agent.data_to_send() == []
    assert agent.counters.malformed == 1


def test_a_plain_keepalive_is_answered_and_a_check_is_not(agent: IceLite) -> None:
    answer = answer_keepalive(StunMessage(REQUEST, BINDING, bytes(12)).serialize(), LTE)
    assert answer is not None
    assert StunMessage.parse(answer).mapped_address == LTE
    assert answer_keepalive(check(agent), LTE) is None
    assert answer_keepalive(b"\x00", LTE) is None


def test_candidates_are_written_and_read() -> None:
    first, second = host_candidates(["192.0.2.1", "2001:db8::1", "192.0.2.1"], 30000)
    assert Candidate.parse(str(first)) == first
    assert (first.kind, first.component, first.priority >> 24) == ("host", 1, 126)
    assert first.foundation != second.foundation
    assert Candidate.parse("1 1 UDP 2113937151 5c7e2a2f.local 54321 typ host generation 0").host == "5c7e2a2f.local"


@pytest.mark.parametrize(
    "text",
    ["", "1 1 udp 1 192.0.2.1 1", "1 0 udp 1 192.0.2.1 1 typ host", "1 1 udp x h 1 typ host", "1 1 udp 1 h 1 typ x"],
)
def test_what_is_no_candidate_is_refused(text: str) -> None:
    with pytest.raises(RtpError):
        Candidate.parse(text)
