"""A second, independent digest calculation (RFC 7616), so that the switch's own is not its judge."""

from __future__ import annotations

import hashlib
import re
import secrets

_PART = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def parts(challenge: str) -> dict[str, str]:
    """The parameters of a challenge header value."""
    return {name.lower(): quoted or bare for name, quoted, bare in _PART.findall(challenge)}


def answer(challenge: str, method: str, uri: str, user: str, password: str, *, count: int = 1) -> str:
    """The Authorization value that answers one challenge with qop=auth; raises KeyError for an unknown algorithm."""
    asked = parts(challenge)
    algorithm = asked.get("algorithm", "MD5")
    make = _HASHES[algorithm.upper()]

    def digest(text: str) -> str:
        return make(text.encode()).hexdigest()

    cnonce, nc = secrets.token_hex(8), f"{count:08x}"
    ha1 = digest(f"{user}:{asked['realm']}:{password}")
    ha2 = digest(f"{method}:{uri}")
    response = digest(f"{ha1}:{asked['nonce']}:{nc}:{cnonce}:auth:{ha2}")
    text = (
        f'Digest username="{user}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}, qop=auth, nc={nc}, cnonce="{cnonce}"'
    )
    return text + (f', opaque="{asked["opaque"]}"' if "opaque" in asked else "")
