"""Security descriptions (RFC 4568)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sdp import Crypto, InlineKey, SdpError, SessionDescription, choose_crypto

KEY30 = base64.b64encode(bytes(range(30))).decode()
KEY28 = base64.b64encode(bytes(range(28))).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|2^20|1:4",
        f"1 AES_CM_128_HMAC_SHA1_32 inline:{KEY30}|1048576 FEC_ORDER=FEC_SRTP",
        f"2 F8_128_HMAC_SHA1_80 inline:{KEY30}|2^20|1:4;inline:{KEY30}|2^20|2:4",
        f"999999999 AEAD_AES_128_GCM inline:{KEY28}",
        "1 SOMETHING_NEW inline:AAAA",
    ],
)
def test_attributes_come_back_as_they_were(text: str) -> None:
    assert str(Crypto.parse(text)) == text


def test_key_and_salt_are_cut_as_the_suite_says() -> None:
    crypto = Crypto.parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|2^20|1:4")
    assert crypto.master_key == bytes(range(16))
    assert crypto.master_salt == bytes(range(16, 30))
    assert crypto.keys[0].lifetime == "2^20" and crypto.keys[0].mki == (1, 4)


def test_gcm_has_a_salt_of_twelve_octets() -> None:
    assert Crypto.parse(f"1 aead_aes_128_gcm inline:{KEY28}").master_salt == bytes(range(16, 28))


def test_an_unknown_suite_gives_all_of_the_material() -> None:
    crypto = Crypto.parse("1 SOMETHING_NEW inline:AAAA")
    assert (crypto.master_key, crypto.master_salt) == (b"\0\0\0", b"")


def test_missing_base64_padding_is_tolerated() -> None:
    key = base64.b64encode(bytes(range(28))).decode().rstrip("=")
    assert Crypto.parse(f"1 AEAD_AES_128_GCM inline:{key}").keys[0].material == bytes(range(28))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 AES_CM_128_HMAC_SHA1_80",
        f"x AES_CM_128_HMAC_SHA1_80 inline:{KEY30}",
        f"1000000000 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}",
        f"1 AES_CM_128_HMAC_SHA1_80 uri:{KEY30}",
        f"1 AES_CM_128_HMAC_SHA1_80 {KEY30}",
        "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA",
        "1 AES_CM_128_HMAC_SHA1_80 inline:!!!!",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|1:999",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|x",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|1|2",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30};inline:AAAA",
    ],
)
def test_what_cannot_be_used_is_an_error(text: str) -> None:
    with pytest.raises(SdpError) as caught:
        Crypto.parse(text)
    assert KEY30 not in str(caught.value), "a key must not be told in an error"


def test_a_key_is_not_shown() -> None:
    crypto = Crypto.parse(f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}")
    assert KEY30 not in repr(crypto) and repr(bytes(range(16)))[2:-1] not in repr(crypto)


def test_the_first_offered_suite_that_is_known_is_chosen() -> None:
    offered = [
        Crypto.parse("1 SOMETHING_NEW inline:AAAA"),
        Crypto.parse(f"2 AES_CM_128_HMAC_SHA1_32 inline:{KEY30} KDR=4"),
        Crypto.parse(f"3 AES_CM_128_HMAC_SHA1_32 inline:{KEY30} -NEWPARAMETER"),
        Crypto.parse(f"4 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}"),
    ]
    suites = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]
    chosen = choose_crypto(offered, suites)
    assert chosen is not None and chosen.tag == 3
    assert choose_crypto(offered, ["AEAD_AES_256_GCM"]) is None


def test_an_unreadable_attribute_counts_as_not_offered() -> None:
    text = (
        f"v=0\no=- 1 1 IN IP4 a\nm=audio 1 RTP/SAVP 0\na=crypto:x\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}\n"
    )
    assert [crypto.tag for crypto in SessionDescription.parse(text.encode()).media[0].crypto] == [1]


@given(st.text("1 aAES_CM128HSinl:|^;=+/", max_size=60))
def test_any_text_gives_an_attribute_or_an_error(text: str) -> None:
    try:
        crypto = Crypto.parse(text)
    except SdpError:
        return
    assert Crypto.parse(str(crypto)) == crypto


@given(
    st.binary(max_size=40),
    st.sampled_from(["", "2^31", "7"]),
    st.none() | st.tuples(st.integers(0, 99), st.integers(1, 128)),
)
def test_keys_round_trip(material: bytes, lifetime: str, mki: tuple[int, int] | None) -> None:
    key = InlineKey(material, lifetime, mki)
    assert InlineKey.parse(str(key)) == key


@given(st.text(alphabet="0123456789 AESCMinline:|;^=+/_-\x00é", max_size=120))
def test_whatever_stands_in_the_attribute_is_read_or_refused(text):
    try:
        crypto = Crypto.parse(text)
    except SdpError:
        return
    assert Crypto.parse(str(crypto)) == crypto
