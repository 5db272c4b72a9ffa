"""WebSocket messages made once and sent to many (RFC 6455 §5.2: what a server sends is not masked)."""

from __future__ import annotations

import struct

_FINAL_TEXT = 0x81


def text_frame(text: str) -> bytes:
    """An unfragmented text message."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((_FINAL_TEXT, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", _FINAL_TEXT, 126, size) + payload
    return struct.pack("!BBQ", _FINAL_TEXT, 127, size) + payload
