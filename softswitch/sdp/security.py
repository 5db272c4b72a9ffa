"""Security descriptions for media: the ``a=crypto`` attribute (RFC 4568), SRTP keys inline in the session description.

Left out: more than one master key per attribute and master key identifiers are read, but not taken (§6.1).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from softswitch.sdp.errors import SdpError

#: Crypto suite → octets of master key and master salt (RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.2).
SUITES: dict[str, tuple[int, int]] = {
    "AES_CM_128_HMAC_SHA1_80": (16, 14),
    "AES_CM_128_HMAC_SHA1_32": (16, 14),
    "F8_128_HMAC_SHA1_80": (16, 14),
    "AES_192_CM_HMAC_SHA1_80": (24, 14),
    "AES_192_CM_HMAC_SHA1_32": (24, 14),
    "AES_256_CM_HMAC_SHA1_80": (32, 14),
    "AES_256_CM_HMAC_SHA1_32": (32, 14),
    "AEAD_AES_128_GCM": (16, 12),
    "AEAD_AES_256_GCM": (32, 12),
}

_MAXIMUM_TAG_DIGITS = 9


@dataclass(frozen=True, slots=True)
class InlineKey:
    """One ``inline:`` key parameter (RFC 4568 §6.1): `material` is master key followed by master salt.

    `lifetime` is written as found (``2^20`` or a number), `mki` is (value, length in octets) or None.
    The key is left out of `repr`, so that it cannot reach a log by accident.
    """

    material: bytes
    lifetime: str = ""
    mki: tuple[int, int] | None = None

    @classmethod
    def parse(cls, text: str) -> InlineKey:
        """Read what follows ``inline:``; raises `SdpError`."""
        encoded, *rest = text.split("|")
        try:
            material = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise SdpError("the key of a=crypto is not base64") from error
        lifetime, mki = "", None
        for part in rest:
            value, colon, length = part.partition(":")
            if colon:
                if not (_is_number(value) and _is_number(length) and 1 <= int(length) <= 128):
                    raise SdpError("the MKI of a=crypto is not number:length")
                mki = (int(value), int(length))
            elif lifetime or mki is not None or not _is_number(part.removeprefix("2^")):
                raise SdpError("the key lifetime of a=crypto is not a number")
            else:
                lifetime = part
        return cls(material, lifetime, mki)

    def __str__(self) -> str:
        text = base64.b64encode(self.material).decode("ascii")
        if self.lifetime:
            text += f"|{self.lifetime}"
        if self.mki is not None:
            text += f"|{self.mki[0]}:{self.mki[1]}"
        return text

    def __repr__(self) -> str:
        return f"InlineKey(<{len(self.material)} octets>, lifetime={self.lifetime!r}, mki={self.mki!r})"


@dataclass(frozen=True, slots=True)
class Crypto:
    """One ``a=crypto`` attribute: `tag` 0–999999999, `suite` name, keys, session parameters (RFC 4568 §4)."""

    tag: int
    suite: str
    keys: tuple[InlineKey, ...]
    parameters: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Crypto:
        """Read the attribute's value; raises `SdpError`, also when the key length does not fit a known suite."""
        parts = text.split()
        if len(parts) < 3:
            raise SdpError("a=crypto needs tag, suite and key")
        tag, suite, key_text = parts[:3]
        if not _is_number(tag) or len(tag) > _MAXIMUM_TAG_DIGITS:
            raise SdpError("the tag of a=crypto is not a number of at most nine digits")
        keys = []
        for part in key_text.split(";"):
            method, colon, info = part.partition(":")
            if method.lower() != "inline" or not colon:
                raise SdpError("the key method of a=crypto is not inline")
            keys.append(InlineKey.parse(info))
        expected = SUITES.get(suite.upper())
        if expected is not None and any(len(key.material) != sum(expected) for key in keys):
            raise SdpError(f"a=crypto: {suite} needs {sum(expected)} octets of key and salt")
        return cls(int(tag), suite, tuple(keys), tuple(parts[3:]))

    @property
    def master_key(self) -> bytes:
        """The master key of the first key parameter; all of the material when the suite is not known."""
        return self.keys[0].material[: SUITES.get(self.suite.upper(), (None, 0))[0]]

    @property
    def master_salt(self) -> bytes:
        """The master salt of the first key parameter; empty when the suite is not known."""
        length = SUITES.get(self.suite.upper())
        return self.keys[0].material[length[0] :] if length else b""

    def __str__(self) -> str:
        keys = ";".join(f"inline:{key}" for key in self.keys)
        return " ".join((str(self.tag), self.suite, keys, *self.parameters))


def choose_crypto(offered: Sequence[Crypto], suites: Sequence[str]) -> Crypto | None:
    """The offered attribute an answerer takes: the first one whose suite is in `suites` (RFC 4568 §5.1.2).

    Attributes with session parameters that we would have to obey are passed over, as §5.1.2 demands of parameters
    that are not supported; so are those with several keys or a master key identifier, which packets would carry.
    """
    accepted = {suite.upper() for suite in suites}
    for crypto in offered:
        plain = len(crypto.keys) == 1 and crypto.keys[0].mki is None
        if crypto.suite.upper() in accepted and plain and all(map(_may_be_ignored, crypto.parameters)):
            return crypto
    return None


def _may_be_ignored(parameter: str) -> bool:
    """Whether a session parameter asks nothing of us: one marked so, or advice about our replay list (§6.3.7)."""
    return parameter.startswith(("-", "WSH="))


def _is_number(text: str) -> bool:
    return text.isdigit() and text.isascii() and len(text) <= 40
