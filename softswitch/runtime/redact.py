"""Takes secrets out of SIP messages and log lines before anyone else sees them.

The length is kept, so that Content-Length and offsets stay true.
"""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(
    rb"(?im)^((?:proxy-)?authorization[ \t]*:[ \t]*[a-z]*[ \t]*)([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)"
)
_CRYPTO = re.compile(rb"(?im)^(a=crypto:[^\r\n]*?inline:)([^\r\n]+)")
_KEY_LINE = re.compile(rb"(?m)^(k=)([^\r\n]+)")
_NOT_LINE_END = re.compile(rb"[^\r\n]")
_LOG_SECRETS = re.compile(
    r"(?i)((?:proxy-)?authorization[\"']?\s*[:=]\s*|password[\"']?\s*[:=]\s*|bearer\s+|inline:|"
    r"\b(?:token|secret|ha1)(?:_\w+)?[\"']?\s*[:=]\s*|response=)(\"[^\"]*\"|'[^']*'|[^\s,;]+)"
)


def redact_message(data: bytes) -> bytes:
    """A SIP message with credentials (RFC 3261 §22) and SRTP keys (RFC 4568) overwritten by `x`, octet for octet."""
    lowered = data.lower()
    if b"authorization" in lowered:
        data = _CREDENTIALS.sub(_blank, data)
    if b"inline:" in lowered:
        data = _CRYPTO.sub(_blank, data)
    if b"\nk=" in data:
        data = _KEY_LINE.sub(_blank, data)
    return data


def redact_text(text: str) -> str:
    """A log line with what looks like a credential replaced by `***`."""
    return _LOG_SECRETS.sub(r"\1***", text)


def _blank(match: re.Match[bytes]) -> bytes:
    return match.group(1) + _NOT_LINE_END.sub(b"x", match.group(2))
