"""Secured ports, compiled and as plain Python, against libsrtp: what we send it opens, what it secures we open."""

from __future__ import annotations

import struct

import numpy as np
import pylibsrtp
import pytest
from pylibsrtp import Policy, Session

from softswitch.media import PCMA, KeysAwaited, PortSettings, SrtpKeys

pytestmark = pytest.mark.usefixtures("mode")

#: Those that libsrtp's Python binding knows.
PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 16, 14),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
}
TODAY = "AES_CM_128_HMAC_SHA1_80"
TRUST = {"argvalues": list(PROFILES), "argnames": "profile"}


class Peer:
    """A phone that talks SRTP through libsrtp."""

    def __init__(self, leg, profile, seed=1):
        self.phone, self.port, self.profile = leg.phone, leg.port, profile
        self.rekey(seed)

    def rekey(self, seed, **settings):
        number, key, salt = PROFILES[self.profile]
        ours = bytes((seed + i) & 0xFF for i in range(key + salt))
        theirs = bytes((seed + 77 + i) & 0xFF for i in range(key + salt))
        inbound, outbound = Policy.SSRC_ANY_INBOUND, Policy.SSRC_ANY_OUTBOUND
        self.taking = Session(Policy(ours, inbound, srtp_profile=number))
        self.giving = Session(Policy(theirs, outbound, srtp_profile=number))
        self.keys = SrtpKeys(self.profile, ours[:key], ours[key:], theirs[:key], theirs[key:])
        self.configure(srtp=self.keys, **settings)

    def configure(self, **settings):
        wanted = {"remote": self.phone.address, "formats": (PCMA,), **settings}
        self.port.configure(PortSettings(**wanted))

    def packet(self, sequence, payload=b"\xd5" * 160, ssrc=0x11223344):
        plain = struct.pack(">BBHII", 0x80, 8, sequence & 0xFFFF, sequence * 160, ssrc) + payload
        return self.giving.protect(plain)

    def send(self, sequence, payload=b"\xd5" * 160, ssrc=0x11223344):
        self.send_raw(self.packet(sequence, payload, ssrc))

    def send_raw(self, data):
        self.phone.rtp.sendto(data, self.port.local)

    def receive(self):
        return self.taking.unprotect(self.phone.receive_raw())


@pytest.fixture
def make_peer(make_leg):
    return lambda engine, profile=TODAY, **options: Peer(make_leg(engine), profile, **options)


@pytest.mark.parametrize(**TRUST)
def test_from_secured_to_plain_and_back(engine, make_peer, make_leg, profile):
    peer, plain = make_peer(engine, profile), make_leg(engine)
    engine.connect(peer.port, plain.port)
    for number in range(5):
        peer.send(100 + number, bytes([number]) * 160)
        assert plain.phone.receive().payload == bytes([number]) * 160
        plain.phone.send(plain.port, bytes([number + 9]) * 160)
        assert peer.receive()[12:] == bytes([number + 9]) * 160
    counters = peer.port.counters()
    assert (counters.packets_received, counters.srtp_auth_failures, counters.srtp_replayed) == (5, 0, 0)


@pytest.mark.parametrize(**TRUST)
def test_reports_are_secured(make_engine, make_peer, wait_for, profile):
    engine = make_engine(report_interval_s=0.2)
    peer = make_peer(engine, profile)
    engine.echo(peer.port)
    peer.send(1)
    peer.receive()
    first = peer.taking.unprotect_rtcp(peer.phone.receive_rtcp())
    assert first[1] == 200, "a sender report comes out of what was secured"
    assert first != peer.taking.unprotect_rtcp(peer.phone.receive_rtcp())
    receiver_report = struct.pack(">BBHIIIIIII", 0x81, 201, 7, 0x11223344, peer.port.ssrc, 0x40000002, 7, 80, 0, 0)
    secured = peer.giving.protect_rtcp(receiver_report)
    for _ in range(2):
        peer.phone.send_rtcp(peer.port, secured)
    wait_for(lambda: peer.port.counters().srtp_replayed == 1, "the report sent twice is refused once")
    assert peer.port.counters().rtcp_received == 1
    assert peer.port.counters().remote_fraction_lost == 0.25
    damaged = secured[:-1] + bytes([secured[-1] ^ 1])
    peer.phone.send_rtcp(peer.port, damaged)
    wait_for(lambda: sum(_refused(peer)) == 2, "a damaged report is refused")


def _refused(peer):
    counters = peer.port.counters()
    return counters.srtp_auth_failures, counters.srtp_replayed


@pytest.mark.parametrize(**TRUST)
def test_what_is_damaged_repeated_or_plain_goes_nowhere(engine, make_peer, make_leg, wait_for, profile):
    peer, plain = make_peer(engine, profile), make_leg(engine)
    engine.connect(peer.port, plain.port)
    good = peer.packet(100)
    for at in (1, 12, len(good) - 1):  # header, payload, tag
        peer.send_raw(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    wait_for(lambda: _refused(peer) == (3, 0), "three damaged packets are refused")
    assert not peer.port.counters().latched, "nobody is believed before a packet of his was authentic"
    peer.send_raw(good)
    peer.send_raw(good)
    wait_for(lambda: _refused(peer) == (3, 1), "a repeated packet is refused")
    peer.phone.send(peer.port, sequence=101, ssrc=0x11223344)
    wait_for(lambda: _refused(peer) == (4, 1), "a plain packet is refused")
    assert plain.phone.receive().payload == b"\xd5" * 160
    assert plain.phone.silent()


@pytest.mark.parametrize(**TRUST)
def test_both_rollover_counters_pass_the_wrap(engine, make_peer, profile):
    peer = make_peer(engine, profile)
    engine.echo(peer.port)
    second, third = 65536, 2 * 65536
    for sequence in (40000, 65000, 65530, 65534, second + 2, second + 5, 65535, second + 30000, second + 60000, third):
        peer.send(sequence)
        assert peer.receive()[12:] == b"\xd5" * 160, f"sequence {sequence}"
    assert _refused(peer) == (0, 0)


def test_a_stream_whose_packets_before_the_wrap_were_lost(engine, make_peer):
    peer = make_peer(engine)
    engine.echo(peer.port)
    peer.packet(65535)  # is lost
    peer.send(65536 + 3)
    assert peer.receive()[12:] == b"\xd5" * 160


def test_several_streams_have_counters_of_their_own(engine, make_peer):
    peer = make_peer(engine)
    engine.echo(peer.port)
    for ssrc in range(1, 12):
        for sequence in (65535, 65536):
            peer.send(sequence, ssrc=ssrc)
            peer.receive()
    assert _refused(peer) == (0, 0)


def test_new_keys_in_the_middle(engine, make_peer, wait_for):
    peer = make_peer(engine)
    engine.echo(peer.port)
    peer.send(70)
    peer.receive()
    old = peer.giving
    peer.rekey(9)
    peer.send(71)
    assert peer.receive()[12:] == b"\xd5" * 160
    peer.send_raw(old.protect(struct.pack(">BBHII", 0x80, 8, 72, 72, 0x11223344) + bytes(160)))
    wait_for(lambda: _refused(peer) == (1, 0), "the old key opens nothing any more")


def test_a_peer_that_keeps_its_counter_under_a_new_key(engine, make_peer):
    peer = make_peer(engine)
    engine.echo(peer.port)
    for sequence in (65535, 65536 + 1):
        peer.send(sequence)
        peer.receive()
    peer.rekey(9)
    for sequence in range(40000, 65536 + 10, 10000):  # libsrtp counts, unheard, up to the wrap
        peer.packet(sequence)
    peer.send(65536 + 11)
    assert peer.receive()[12:] == b"\xd5" * 160


def test_the_same_keys_again_change_nothing(engine, make_peer, wait_for):
    peer = make_peer(engine)
    engine.echo(peer.port)
    for sequence in (65534, 65536):
        peer.send(sequence)
        peer.receive()
    peer.configure(srtp=peer.keys)
    peer.send(65536 + 1)
    peer.receive()
    peer.configure(srtp=peer.keys)
    again = peer.packet(65536 + 2)
    peer.send_raw(again)
    peer.receive()
    peer.send_raw(again)
    wait_for(lambda: _refused(peer) == (0, 1), "the replay list outlives a re-INVITE")


def test_from_plain_to_secured_and_back_to_plain(engine, make_peer):
    peer = make_peer(engine)
    engine.echo(peer.port)
    peer.send(5)
    peer.receive()
    peer.configure()
    peer.phone.send(peer.port, sequence=6)
    assert peer.phone.receive().payload == bytes(160)


def test_a_port_that_waits_for_keys_is_deaf_and_dumb(engine, make_peer, wait_for):
    peer = make_peer(engine)
    peer.configure(srtp=KeysAwaited())
    engine.play(peer.port, np.ones(8000, np.int16), True)
    peer.phone.send(peer.port)
    wait_for(lambda: peer.port.counters().ignored == 1, "what comes is set aside")
    assert peer.phone.silent(), "nothing is sent before there are keys"


def test_every_listener_of_a_room_has_its_own_keys(engine, make_peer, make_leg):
    talker = make_leg(engine)
    listeners = [make_peer(engine, profile, seed=20 + i) for i, profile in enumerate(PROFILES)]
    plain = make_leg(engine)
    room = engine.open_fan_out("group")
    for port in (talker.port, plain.port, *(listener.port for listener in listeners)):
        room.join(port)
    room.talk(talker.port)
    for number in range(3):
        talker.phone.send(talker.port, bytes([number]) * 160)
        for listener in listeners:
            assert listener.receive()[12:] == bytes([number]) * 160, listener.profile
        assert plain.phone.receive().payload == bytes([number]) * 160


def test_played_and_mixed_sound_is_secured(make_engine, make_peer):
    engine = make_engine()
    peer, other = make_peer(engine), make_peer(engine, seed=5)
    engine.tone(peer.port, 1004, -16)
    assert len(peer.receive()) == 172
    engine.stop(peer.port)
    room = engine.open_conference("room")
    room.join(peer.port)
    room.join(other.port)
    assert len(other.receive()) == 172


def test_keys_that_do_not_fit():
    with pytest.raises(ValueError, match="16 octets of key and 14 of salt"):
        SrtpKeys(TODAY, bytes(16), bytes(14), bytes(16), bytes(12))
    with pytest.raises(ValueError, match="no SRTP profile"):
        SrtpKeys("ROT13", b"", b"", b"", b"")
    assert "\\x" not in repr(SrtpKeys(TODAY, bytes(16), bytes(14), bytes(16), bytes(14)))


def test_keys_are_wiped_when_a_port_closes(make_engine, make_peer, wait_for):
    engine = make_engine()
    peer = make_peer(engine)
    engine.echo(peer.port)
    peer.send(1)
    peer.receive()
    record, ring = engine._arena.ports[peer.port.slot], engine._arena.commands[0]
    assert record["srtp_keys"].any()
    assert not ring["srtp_keys"].any(), "the command's copy is gone as soon as it is carried out"
    peer.port.close()
    wait_for(lambda: not record["srtp_keys"].any(), "no key is left in the record")


def test_the_binding_agrees_about_what_it_refuses(make_engine, make_peer):
    """libsrtp itself checks what we send: a packet opened twice is a replay to it."""
    peer = make_peer(make_engine())
    peer.port._engine.echo(peer.port)
    peer.send(1)
    data = peer.phone.receive_raw()
    peer.taking.unprotect(data)
    with pytest.raises(pylibsrtp.Error):
        peer.taking.unprotect(data)
