"""Every cause that has a status of its own, every status that has a cause, numbers and texts, both ways."""

from __future__ import annotations

import pytest

from gateways.e1.mapping import (
    CauseTable,
    Numbering,
    call_cause,
    called_number,
    calling_number,
    connected_number,
    history_of,
    isdn_cause,
    party_of,
    redirecting_number,
)
from gateways.e1.q931 import Cause, Location, NumberingPlan, NumberType, PartyNumber
from softswitch.calls.hunting import Diverted
from softswitch.calls.leg import Cause as CallCause
from softswitch.calls.leg import Party

# RFC 3398 §7.2.4.1, and what it leaves to the class of a cause.
STATUSES = {
    404: (1, 2, 3, 26),
    486: (17,),
    408: (18,),
    480: (16, 19, 20, 31, 24, 9, 30),
    403: (21, 55, 57, 87),
    410: (22, 23),
    502: (27, 25),
    484: (28, 5),
    501: (29, 79, 63, 66, 69),
    503: (34, 38, 41, 42, 47, 44, 58, 88, 6, 8, 33, 35, 46),
    488: (65, 70),
    500: (81, 95, 96, 97, 98, 99, 100, 101, 103, 111, 127, 49, 50, 62),
    504: (102,),
}
# RFC 3398 §8.2.6.1, and the rest by class.
CAUSES = {
    1: (404, 604),
    16: (487,),
    17: (486, 600),
    18: (480,),
    21: (401, 402, 403, 407, 603, 607, 608, 699),
    22: (410,),
    25: (482, 483),
    28: (484,),
    31: (488, 606, 440, 499),
    38: (502,),
    41: (400, 481, 500, 503, 599),
    63: (405,),
    79: (406, 415, 501),
    102: (408, 504),
    127: (413, 414, 416, 420, 421, 423, 505, 513),
}


@pytest.mark.parametrize(
    ("cause", "status"), [(cause, status) for status, causes in STATUSES.items() for cause in causes]
)
def test_a_cause_becomes_a_status_and_stays_in_the_reason(cause: int, status: int) -> None:
    told = call_cause(Cause(cause, Location.PUBLIC_LOCAL))
    assert (told.status, told.q850) == (status, cause)
    assert told.text, "a Reason without words"


def test_a_user_who_rejects_declines() -> None:
    assert call_cause(Cause(21, Location.USER)).status == 603


@pytest.mark.parametrize(
    ("cause", "status"), [(2, 500), (3, 500), (18, 480), (21, 480), (34, 480), (41, 500), (102, 480)]
)
def test_the_profile_of_q_1912_5(cause: int, status: int) -> None:
    assert call_cause(Cause(cause), CauseTable.Q1912_5).status == status
    assert call_cause(Cause(17), CauseTable.Q1912_5).status == 486, "what it does not change is that of RFC 3398"


@pytest.mark.parametrize(
    ("status", "cause"), [(status, cause) for cause, statuses in CAUSES.items() for status in statuses]
)
def test_a_status_becomes_a_cause(status: int, cause: int) -> None:
    assert isdn_cause(CallCause(status, 0, "")).value == cause


def test_a_cause_that_is_known_goes_as_it_is() -> None:
    assert isdn_cause(CallCause(503, 34, "")).value == 34
    assert isdn_cause(CallCause(486, 16, "")).value == 17, "normal clearing is no reason for a refusal"
    assert isdn_cause(CallCause(200, 16, "", "caller")) == Cause(16, Location.USER)
    assert isdn_cause(CallCause(503, 41, "", "switch")).location == Location.PRIVATE_LOCAL


def test_numbers_by_their_type() -> None:
    assert called_number("+861012345") == PartyNumber("861012345", NumberType.INTERNATIONAL, 1)
    private = Numbering(NumberType.SUBSCRIBER, NumberType.NATIONAL, NumberingPlan.PRIVATE)
    assert called_number("8110", private) == PartyNumber("8110", NumberType.SUBSCRIBER, 9)
    assert called_number("+8611", private) == PartyNumber("8611", NumberType.INTERNATIONAL, 1), "whatever others are"
    assert calling_number(Party("1001"), private) == PartyNumber("1001", NumberType.NATIONAL, 9, 0, 0)
    assert connected_number(Party("1001"), private) == calling_number(Party("1001"), private)
    redirecting = redirecting_number((Diverted("1005", "user-busy"),), private)
    assert redirecting is not None and (redirecting.type, redirecting.plan) == (NumberType.NATIONAL, 9)
    calling = calling_number(Party("1001", asserted="+861055"))
    assert calling is not None and (calling.digits, calling.type, calling.screening) == ("861055", 1, 1)
    assert party_of(calling).asserted == "+861055", "and back"
    assert calling_number(Party("alice")) is None, "a name is no number"


def test_privacy() -> None:
    party = Party("1001", privacy=frozenset({"id"}))
    assert calling_number(party) == PartyNumber("", presentation=1)
    sent = calling_number(party, send_restricted=True)
    assert sent is not None and (sent.digits, sent.restricted) == ("1001", True)
    back = party_of(sent)
    assert back.privacy == frozenset({"id"}), "whoever shows numbers knows that this one is private"
    assert connected_number(Party("")) is None


def test_diversions() -> None:
    told = redirecting_number((Diverted("1005", "user-busy"),))
    assert told is not None and (told.digits, told.reason) == ("1005", 1)
    assert history_of(told, "1002") == (Diverted("1005", "user-busy"),)
    assert history_of(told, "1005") == (), "a circle says nothing"
    assert redirecting_number((Diverted("reception", "unknown"),)) is None
