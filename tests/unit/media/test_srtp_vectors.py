"""Securing of single packets, compiled and as plain Python, against the published examples."""

from __future__ import annotations

import numpy as np
import pytest

from softswitch.media.kernels import cipher, srtcp, srtp, srtp_index
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.srtp import KEY_AT, RECEIVE_RTP, SALT_AT, SEND_RTCP, SEND_RTP
from softswitch.media.records import prepare_port
from softswitch.media.transport.srtp import PROFILES, SrtpKeys, derive, keying_fields
from tests.unit.media.conftest import use_plain_python

MASTER_KEY = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
MASTER_SALT = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")


@pytest.fixture(params=["compiled", "python"])
def run(request, monkeypatch):
    """Call a kernel compiled or as plain Python."""
    if request.param == "compiled":
        return lambda kernel: kernel
    use_plain_python(monkeypatch)
    return lambda kernel: getattr(kernel, "py_func", kernel)


@pytest.fixture
def scratch():
    """What a packet thread works in."""
    record = np.zeros(1, SCRATCH)[0]
    yield record
    cipher.free_ciphers(record)


def new_port(profile):
    """A port's record with a profile and no keys."""
    ports = np.zeros(1, PORT)
    pair = type("Pair", (), {"rtp_fd": -1, "rtcp_fd": -1, "port": 0})
    prepare_port(ports, 0, pair, owner="", worker=0, ipv6=False, latch_silence_s=5)
    ports[0]["srtp_profile"] = PROFILES[profile][0]
    return ports[0]


def keyed_port(profile, key=MASTER_KEY, salt=MASTER_SALT):
    """A port that sends and receives under one master key."""
    port = new_port(profile)
    for name, value in keying_fields(SrtpKeys(profile, key, salt, key, salt)).items():
        port[name] = value
    return port


def place(port, at, key, salt):
    """Put a session key and salt, as the examples give them, where they belong."""
    port["srtp_keys"][at + KEY_AT : at + KEY_AT + len(key)] = np.frombuffer(key, np.uint8)
    port["srtp_keys"][at + SALT_AT : at + SALT_AT + len(salt)] = np.frombuffer(salt, np.uint8)


def packet_of(octets):
    packet = np.zeros(2112, np.uint8)
    packet[: len(octets)] = np.frombuffer(octets, np.uint8)
    return packet


def test_session_keys_of_rfc_3711_appendix_b3():
    assert derive(MASTER_KEY, MASTER_SALT, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive(MASTER_KEY, MASTER_SALT, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derive(MASTER_KEY, MASTER_SALT, 1, 94).hex().upper().startswith("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")


def test_session_keys_of_rfc_6188_section_7():
    key = bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
    salt = bytes.fromhex("3b04803de51ee7c96423ab5b78d2")
    assert derive(key, salt, 0, 32).hex() == "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
    assert derive(key, salt, 2, 14).hex() == "fa31791685ca444a9e07c6c64e93"
    assert derive(key, salt, 1, 20).hex() == "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"


@pytest.mark.parametrize(
    ("number", "key", "stream"),
    [
        (
            0,
            "2B7E151628AED2A6ABF7158809CF4F3C",
            "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0",
        ),
        (
            1,
            "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98",
            "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac63c4868b7096d88421b563b8c94c9a31",
        ),
    ],
)
def test_key_stream_of_rfc_3711_appendix_b2_and_rfc_6188_section_7(run, scratch, number, key, stream):
    scratch["iv"] = np.frombuffer(bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), np.uint8)
    keys = np.frombuffer(bytes.fromhex(key), np.uint8)
    zeros, out = np.zeros(48, np.uint8), np.zeros(48, np.uint8)
    assert run(cipher.run_counter_mode)(scratch, number, keys.ctypes.data, zeros.ctypes.data, 48, out.ctypes.data)
    assert out.tobytes() == bytes.fromhex(stream)


def test_a_packet_of_libsrtp(run, scratch):
    """The reference packet of libsrtp's own driver, AES_CM_128_HMAC_SHA1_80."""
    plain = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
    secured = "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    port = keyed_port("AES_CM_128_HMAC_SHA1_80")
    size = run(srtp.protect)(port, packet_of(plain), len(plain), scratch)
    assert scratch["sealed"][:size].tobytes().hex() == secured
    back = packet_of(bytes.fromhex(secured))
    assert run(srtp.unprotect)(port, back, size, scratch) == len(plain)
    assert back[: len(plain)].tobytes() == plain


_GALLIA = bytes.fromhex("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
_QUID = b"Quid pro quo"


@pytest.mark.parametrize(
    ("profile", "key_octets", "secured"),
    [
        (
            "AEAD_AES_128_GCM",
            16,
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
            "899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            "AEAD_AES_256_GCM",
            32,
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
            "7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ],
)
def test_packets_of_rfc_7714_section_16(run, scratch, profile, key_octets, secured):
    port = new_port(profile)
    for at in (SEND_RTP, RECEIVE_RTP):
        place(port, at, bytes(range(key_octets)), _QUID)
    size = run(srtp.protect)(port, packet_of(_GALLIA), len(_GALLIA), scratch)
    assert scratch["sealed"][:size].tobytes().hex() == secured
    back = packet_of(bytes.fromhex(secured))
    assert run(srtp.unprotect)(port, back, size, scratch) == len(_GALLIA)
    assert back[: len(_GALLIA)].tobytes() == _GALLIA


def test_a_report_of_rfc_7714_section_17(run, scratch):
    plain = bytes.fromhex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
    )
    secured = (
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b"
        "c84aa45896cf4d2fc5abf87245d9eade800005d4"
    )
    port = new_port("AEAD_AES_128_GCM")
    place(port, SEND_RTCP, bytes(range(16)), _QUID)
    port["srtcp_sent_index"] = 0x5D3
    size = run(srtcp.protect_rtcp)(port, packet_of(plain), len(plain), scratch)
    assert scratch["sealed"][:size].tobytes().hex() == secured


@pytest.mark.parametrize(
    ("highest", "sequence", "index"),
    [
        (-1, 65000, 65000),
        (65000, 65001, 65001),
        (65530, 3, 0x10003),
        (0x10003, 65530, 65530),
        (0x1FFFF, 0, 0x20000),
        (5, 65530, -6),  # before the beginning
    ],
)
def test_the_rollover_counter(run, highest, sequence, index):
    assert run(srtp_index.estimate_index)(np.int64(highest), np.int64(sequence)) == index


def test_the_replay_list_knows_what_has_come(run):
    seen = np.zeros(8 * 9, np.uint32)
    random = np.random.default_rng(3711)
    highest, base, come = np.int64(-1), 0, set()
    for _ in range(3000):
        base += int(random.integers(0, 40))
        index = np.int64(max(base - int(random.integers(0, 300)), 0))
        expected = int(index) not in come and (index > highest or highest - index < 224)
        assert run(srtp_index.is_new)(seen, 2, highest, index) == expected, f"index {index}, highest {highest}"
        if expected:
            highest = run(srtp_index.mark)(seen, 2, highest, index)
            come.add(int(index))
        assert highest == max(come)


@pytest.mark.parametrize("profile", ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"])
def test_what_is_repeated_is_sealed_as_before_and_nothing_else_is(run, scratch, profile):
    salt = MASTER_SALT[:12] if profile.startswith("AEAD") else MASTER_SALT
    port, plain = keyed_port(profile, salt=salt), bytes.fromhex("800060010000000100000001") + bytes(40)
    later = plain[:3] + b"\x02" + plain[4:]
    assert run(srtp.protect_again)(port, packet_of(plain), len(plain), scratch) == srtp.REFUSED, "it was never sent"
    size = run(srtp.protect)(port, packet_of(plain), len(plain), scratch)
    first = scratch["sealed"][:size].tobytes()
    run(srtp.protect)(port, packet_of(later), len(later), scratch)
    assert run(srtp.protect)(port, packet_of(plain), len(plain), scratch) == srtp.REFUSED
    assert run(srtp.protect_again)(port, packet_of(plain), len(plain), scratch) == size
    assert scratch["sealed"][:size].tobytes() == first, "the same key stream for the same text"
