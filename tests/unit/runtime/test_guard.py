"""The guard lets honest sources in, slows floods, and bans scanners and guessers."""

from __future__ import annotations

import pytest

from softswitch.runtime.guard import Guard, GuardSettings

STRANGER = "203.0.113.7"


def message(agent: str = "phone", sender: str = "<sip:1001@switch>") -> bytes:
    return (
        f"REGISTER sip:switch SIP/2.0\r\nFrom: {sender};tag=1\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def test_burst_is_allowed_then_rate_holds() -> None:
    guard = Guard(GuardSettings(messages_per_second=10, burst=5))
    allowed = [guard.allow(STRANGER, 0.0) for _ in range(8)]
    assert allowed == [True] * 5 + [False] * 3
    assert guard.counters.rate_limited == 3
    assert guard.allow(STRANGER, 0.1), "a tenth of a second earns one more message at 10/s"
    assert not guard.allow(STRANGER, 0.1)


def test_rate_of_one_source_does_not_touch_another() -> None:
    guard = Guard(GuardSettings(messages_per_second=1, burst=1))
    assert guard.allow(STRANGER, 0.0)
    assert not guard.allow(STRANGER, 0.0)
    assert guard.allow("203.0.113.8", 0.0)


def test_rate_zero_means_unlimited() -> None:
    guard = Guard(GuardSettings(messages_per_second=0, burst=1))
    assert all(guard.allow(STRANGER, 0.0) for _ in range(1000))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "2001:db8::5"])
def test_trusted_sources_are_neither_limited_nor_banned(host: str) -> None:
    settings = GuardSettings(messages_per_second=1, burst=1, failures=1, trusted=("10.1.0.0/16", "2001:db8::/64"))
    guard = Guard(settings)
    assert all(guard.allow_message(message("friendly-scanner"), host, 0.0) for _ in range(5))
    assert not guard.authentication_failed(host, "1001", 0.0)
    assert guard.allow(host, 0.0)


def test_loopback_is_limited_when_not_trusted() -> None:
    guard = Guard(GuardSettings(messages_per_second=1, burst=1, trust_loopback=False))
    assert guard.allow("127.0.0.1", 0.0)
    assert not guard.allow("127.0.0.1", 0.0)


@pytest.mark.parametrize(
    ("data", "scanner"),
    [
        (message("friendly-scanner"), True),
        (message("SIPVicious/0.3"), True),
        (message("sipcli/v1.8"), True),
        (message("VaxSIPUserAgent/3.1"), True),
        (message("pplsip"), True),
        (message("sundayddr"), True),
        (message("phone", '"sipvicious" <sip:100@1.1.1.1>'), True),
        (message("Linphone/5"), False),
        (message("phone", '"Ann" <sip:ann@example.com>') + b"friendly-scanner in the body", False),
        (b"User-Agent without a line end", False),
        (b"", False),
    ],
)
def test_scanners_are_known_by_their_headers(data: bytes, scanner: bool) -> None:
    guard = Guard()
    assert guard.allow_message(data, STRANGER, 0.0) is not scanner
    assert guard.is_banned(STRANGER, 1.0) is scanner
    assert guard.counters.scanners == int(scanner)


def test_without_agents_nobody_is_a_scanner() -> None:
    assert Guard(GuardSettings(scanner_agents=())).allow_message(message("sipcli"), STRANGER, 0.0)


def test_source_that_authenticated_is_not_inspected_again() -> None:
    guard = Guard()
    guard.authentication_succeeded(STRANGER, 0.0)
    assert guard.allow_message(message("sipcli"), STRANGER, 1.0)


def test_failures_within_the_window_ban_until_the_ban_ends() -> None:
    guard = Guard(GuardSettings(failures=3, failure_window=10, ban=100))
    assert not guard.authentication_failed(STRANGER, "1001", 0.0)
    assert not guard.authentication_failed(STRANGER, "1002", 1.0)
    assert guard.authentication_failed(STRANGER, "1003", 2.0)
    assert not guard.allow(STRANGER, 3.0)
    assert not guard.allow(STRANGER, 101.9)
    assert guard.counters.banned_messages == 2
    (ban,) = guard.bans(3.0)
    assert (ban.host, ban.until, ban.reason) == (STRANGER, 102.0, "authentication failed for 1003")
    assert guard.allow(STRANGER, 102.1)
    assert guard.bans(102.1) == []


def test_failures_outside_the_window_or_before_success_are_forgotten() -> None:
    guard = Guard(GuardSettings(failures=2, failure_window=10))
    guard.authentication_failed(STRANGER, "1001", 0.0)
    assert not guard.authentication_failed(STRANGER, "1001", 11.0), "the first failure is out of the window"
    guard.authentication_succeeded(STRANGER, 12.0)
    assert not guard.authentication_failed(STRANGER, "1001", 13.0), "success forgave the earlier one"


def test_failures_zero_never_bans() -> None:
    guard = Guard(GuardSettings(failures=0))
    assert not any(guard.authentication_failed(STRANGER, "1001", 0.0) for _ in range(100))
    assert guard.allow(STRANGER, 0.0)


def test_unban_lifts_and_says_whether_there_was_one() -> None:
    guard = Guard()
    guard.ban(STRANGER, 0.0, 60.0, "by hand")
    assert not guard.allow(STRANGER, 1.0)
    assert guard.unban(STRANGER)
    assert guard.allow(STRANGER, 1.0)
    assert not guard.unban(STRANGER)
    assert not guard.unban("198.51.100.1")


def test_hand_ban_beats_trust_until_lifted() -> None:
    guard = Guard(GuardSettings(trusted=("10.0.0.0/8",)))
    guard.ban("10.0.0.1", 0.0, 60.0, "by hand")
    assert not guard.allow("10.0.0.1", 1.0)
    guard.unban("10.0.0.1")
    assert all(guard.allow("10.0.0.1", 1.0) for _ in range(2000)), "unban gives the trust back"


def test_table_is_bounded_and_keeps_bans() -> None:
    guard = Guard(GuardSettings(table_size=100))
    guard.ban("203.0.113.1", 0.0, 10_000.0, "scanner")
    for index in range(1000):
        guard.allow(f"198.51.{index // 250}.{index % 250}", 1.0 + index)
    assert len(guard._sources) <= 100
    assert guard.is_banned("203.0.113.1", 900.0), "a flood of new sources must not push a ban out"
    assert guard.counters.evicted > 0


def test_new_settings_apply_to_known_sources() -> None:
    guard = Guard(GuardSettings(messages_per_second=1, burst=1))
    guard.allow(STRANGER, 0.0)
    assert not guard.allow(STRANGER, 0.0)
    guard.configure(GuardSettings(trusted=("203.0.113.0/24",)))
    assert guard.allow(STRANGER, 0.0)


def test_bad_network_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Guard(GuardSettings(trusted=("nonsense",)))
