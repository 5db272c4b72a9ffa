"""Secrets leave neither in exported messages nor in log lines."""

from __future__ import annotations

import pytest

from softswitch.runtime.redact import redact_message, redact_text


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b'Authorization: Digest username="u", response="0123"', b"Authorization: Digest "),
        (b'proxy-authorization:Digest response="0123"', b"proxy-authorization:Digest "),
        (b'Authorization: Digest username="u",\r\n response="0123"', b"Authorization: Digest "),
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:0123456789|2^31", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"),
        (b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:0123456789", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:"),
        (b"k=clear:0123", b"k="),
    ],
)
def test_secret_lines_are_blanked_at_equal_length(line: bytes, kept: bytes) -> None:
    message = b"INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n"
    redacted = redact_message(message)
    assert len(redacted) == len(message)
    assert b"0123" not in redacted
    assert kept in redacted
    assert redacted.endswith(b"\r\nContent-Length: 0\r\n\r\n"), "the lines around it stay"


def test_message_without_secrets_is_untouched() -> None:
    message = b"SIP/2.0 200 OK\r\nWWW-Authenticate: Digest nonce=1\r\n\r\nv=0\r\n"
    assert redact_message(message) == message


@pytest.mark.parametrize(
    "text",
    [
        'password="hunter2"',
        "password: hunter2",
        "{'password': 'hunter2'}",
        "Authorization: hunter2",
        "Bearer hunter2",
        "token=hunter2",
        "token_sha256=hunter2",
        "a=crypto:1 AES inline:hunter2",
        "ha1_md5: hunter2",
        'response="hunter2"',
    ],
)
def test_log_lines_lose_credentials(text: str) -> None:
    assert "hunter2" not in redact_text(f"before {text} after")
    assert redact_text(f"before {text} after").startswith("before ")


def test_ordinary_log_line_is_untouched() -> None:
    text = "call 17 from 1001 to 1002 ended: 200 OK, response in 3 ms"
    assert redact_text(text) == text
