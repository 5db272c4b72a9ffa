"""Keys in descriptions (RFC 4568) as one party and we agree on them, under each of our terms."""

from __future__ import annotations

import base64
import functools
import secrets

import pytest

from softswitch.calls.media import keyed_side
from softswitch.calls.media.keyed_side import (
    MUST_NOT_BE_SECURED,
    NO_COMMON_SUITE,
    NOT_SECURED,
    PREFERRED,
    UNIVERSAL,
    SecurityRefused,
)
from softswitch.sdp.description import SessionDescription

KeyedSide = functools.partial(keyed_side.KeyedSide, secrets.token_bytes)
KEY = bytes(range(30))
OTHER = bytes(range(100, 130))


def crypto(material=KEY, suite=UNIVERSAL, tag=1, more=""):
    return f"a=crypto:{tag} {suite} inline:{base64.b64encode(material).decode()}{more}\r\n"


def description(*lines, protocol="RTP/AVP", port=4000):
    media = f"m=audio {port} {protocol} 8\r\n" + "".join(lines)
    return SessionDescription.parse(
        f"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}".encode()
    )


def answered(side, offer):
    """The answer that the party is given to its offer, our plain half being the offer's."""
    return side.give(side.take_offer(offer), offer=False).media[0]


@pytest.mark.parametrize("mode", ["best_effort", "required"])
@pytest.mark.parametrize("protocol", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
def test_an_offer_with_keys_is_answered_with_ours(mode, protocol):
    side = KeyedSide(mode)
    line = answered(side, description(crypto(), protocol=protocol))
    assert (line.protocol, line.port) == (protocol, 4000)
    (ours,) = line.crypto
    assert (ours.tag, ours.suite) == (1, UNIVERSAL)
    keys = side.keys(0)
    assert (keys.profile, keys.remote_master_key, keys.remote_master_salt) == (UNIVERSAL, KEY[:16], KEY[16:])
    assert keys.local_master_key + keys.local_master_salt == ours.keys[0].material != KEY


def test_inside_everything_is_plain():
    plain = KeyedSide().take_offer(description(crypto(), protocol="RTP/SAVP"))
    assert plain.media[0].protocol == "RTP/AVP"
    assert not plain.media[0].crypto
    assert KeyedSide().take_offer(description(crypto(), protocol="RTP/SAVPF")).media[0].protocol == "RTP/AVPF"


def test_the_first_suite_that_we_have_is_taken():
    side = KeyedSide(suites=("AEAD_AES_128_GCM", UNIVERSAL))
    offer = description(
        crypto(bytes(30), "F8_128_HMAC_SHA1_80", 1),
        crypto(bytes(46), "AES_256_CM_HMAC_SHA1_80", 2),
        crypto(bytes(30), "NOBODY_KNOWS_THIS", 3),
        crypto(bytes(28), "AEAD_AES_128_GCM", 4),
        crypto(KEY, UNIVERSAL, 5),
    )
    (ours,) = answered(side, offer).crypto
    assert (ours.tag, ours.suite) == (4, "AEAD_AES_128_GCM")
    assert side.keys(0).profile == "AEAD_AES_128_GCM"


@pytest.mark.parametrize(
    "more",
    ["|2^20|1:4", " KDR=2", " UNENCRYPTED_SRTP", f";inline:{base64.b64encode(OTHER).decode()}"],
)
def test_what_would_change_packets_is_passed_over(more):
    offer = description(crypto(OTHER, tag=1, more=more), crypto(KEY, tag=2))
    (ours,) = answered(KeyedSide(), offer).crypto
    assert ours.tag == 2


@pytest.mark.parametrize("more", ["|2^31", "|1048576", " WSH=64", " -ANYTHING"])
def test_what_changes_nothing_is_taken(more):
    (ours,) = answered(KeyedSide(), description(crypto(more=more))).crypto
    assert ours.tag == 1


@pytest.mark.parametrize(
    ("mode", "offer", "cause"),
    [
        ("required", description(), NOT_SECURED),
        ("forbidden", description(crypto(), protocol="RTP/SAVP"), MUST_NOT_BE_SECURED),
        ("best_effort", description(protocol="RTP/SAVP"), NO_COMMON_SUITE),
        ("best_effort", description(crypto(bytes(30), "F8_128_HMAC_SHA1_80"), protocol="RTP/SAVP"), NO_COMMON_SUITE),
        ("required", description("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short\r\n"), NOT_SECURED),
    ],
)
def test_offers_that_are_refused(mode, offer, cause):
    with pytest.raises(SecurityRefused) as refused:
        KeyedSide(mode).take_offer(offer)
    assert refused.value.cause == cause
    assert cause.status == 488
    assert cause.warning == 302


def test_forbidden_takes_the_plain_half_of_best_effort():
    side = KeyedSide("forbidden")
    line = answered(side, description(crypto()))
    assert (line.protocol, line.crypto, side.keys(0)) == ("RTP/AVP", [], None)


def test_a_plain_line_stays_plain_under_best_effort():
    side = KeyedSide()
    assert not answered(side, description()).crypto
    assert side.keys(0) is None


def test_of_a_secured_and_a_plain_line_for_one_stream_the_secured_is_taken():
    offer = SessionDescription.parse(
        description(crypto(), protocol="RTP/SAVP").serialize() + b"m=audio 4002 RTP/AVP 8\r\n"
    )
    assert [media.port for media in KeyedSide().take_offer(offer).media] == [4000, 0]
    assert [media.port for media in KeyedSide("forbidden").take_offer(offer).media] == [0, 4002]


@pytest.mark.parametrize(
    ("mode", "protocol", "suites"),
    [("best_effort", "RTP/AVP", [UNIVERSAL]), ("required", "RTP/SAVP", list(PREFERRED)), ("forbidden", "RTP/AVP", [])],
)
def test_what_a_party_is_offered(mode, protocol, suites):
    line = KeyedSide(mode).give(description(), offer=True).media[0]
    assert line.protocol == protocol
    assert [each.suite for each in line.crypto] == suites
    assert [each.tag for each in line.crypto] == list(range(1, len(suites) + 1))
    assert len({each.keys[0].material for each in line.crypto}) == len(suites), "every attribute has a key of its own"


def test_the_answer_chooses_one_of_our_keys():
    side = KeyedSide("required")
    offered = side.give(description(), offer=True).media[0].crypto
    side.take_answer(description(crypto(bytes(46), "AES_256_CM_HMAC_SHA1_80", 3), protocol="RTP/SAVP"))
    keys = side.keys(0)
    assert keys.profile == "AES_256_CM_HMAC_SHA1_80"
    assert keys.local_master_key + keys.local_master_salt == offered[2].keys[0].material
    assert keys.remote_master_key == bytes(32)


@pytest.mark.parametrize("answer", [description(), description(crypto(tag=9), protocol="RTP/SAVP")])
def test_an_answer_that_does_not_secure_what_must_be(answer):
    side = KeyedSide("required")
    side.give(description(), offer=True)
    with pytest.raises(SecurityRefused):
        side.take_answer(answer)


def test_an_answer_without_keys_to_best_effort_is_plain():
    side = KeyedSide()
    side.give(description(), offer=True)
    side.take_answer(description())
    assert side.keys(0) is None
    assert not side.give(description(), offer=True).media[0].crypto, "later offers leave what was agreed alone"


def test_keys_stay_in_later_offers_of_either_side():
    side = KeyedSide()
    answered(side, description(crypto(), protocol="RTP/SAVP"))
    first = side.keys(0)
    answered(side, description(crypto(), protocol="RTP/SAVP"))
    assert side.keys(0) == first, "the same offer again (hold) changes no key"
    again = side.give(description(), offer=True).media[0]
    assert again.protocol == "RTP/SAVP"
    side.take_answer(description(crypto(), protocol="RTP/SAVP"))
    assert side.keys(0) == first, "our own offer in the middle of the call offers the key that is in use"


def test_a_new_key_of_the_party_calls_for_a_new_one_of_ours():
    side = KeyedSide()
    said = side.give(side.take_offer(description(crypto())), offer=False)
    first, version = side.keys(0), said.origin.version
    said = side.give(side.take_offer(description(crypto(OTHER))), offer=False)
    second = side.keys(0)
    assert second.remote_master_key == OTHER[:16]
    assert second.local_master_key != first.local_master_key
    assert int(said.origin.version) == int(version) + 1, "a changed key is a changed description (RFC 3264 §8)"


def test_keys_are_in_no_text_of_the_side():
    side = KeyedSide()
    answered(side, description(crypto()))
    encoded = base64.b64encode(KEY).decode()
    assert encoded not in repr(side._pairs)
    assert repr(KEY[:16])[2:-1] not in repr(side.keys(0))
