"""Streams of a party that are secured by keys in its description (SRTP by security descriptions, RFC 4568).

The rest of the media path sees plain descriptions only: what a party says has its keys taken out on the way in, what
it is told has ours put in on the way out, and its ports are given both. `best_effort` is what phones call by that
name: keys offered in a line of plain ``RTP/AVP``, which whoever does not know them passes over. Left out: more than
one master key, master key identifiers and session parameters that change packets; such an attribute is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, get_args

from softswitch.calls.leg import Cause
from softswitch.media import SrtpKeys
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.media import MediaDescription
from softswitch.sdp.offer_answer import next_version, refuse
from softswitch.sdp.security import SUITES, Crypto, InlineKey, choose_crypto

Mode = Literal["forbidden", "best_effort", "required"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)

#: Suites in our order of preference: the strongest first, the shortened tags last.
PREFERRED: Final = (
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_CM_128_HMAC_SHA1_32",
)
#: The suite that everybody has (RFC 4568 §6.2) is all that best effort offers: an INVITE must stay below 1300 octets to
#: go by UDP (RFC 3261 §18.1.1).
UNIVERSAL: Final = "AES_CM_128_HMAC_SHA1_80"

_INCOMPATIBLE_TRANSPORT: Final = 302  # RFC 3261 §20.43
NOT_SECURED = Cause(488, 88, "media must be secured here (SRTP)", warning=_INCOMPATIBLE_TRANSPORT)
MUST_NOT_BE_SECURED = Cause(488, 88, "secured media (SRTP) is not taken here", warning=_INCOMPATIBLE_TRANSPORT)
NO_COMMON_SUITE = Cause(488, 88, "no SRTP crypto suite in common", warning=_INCOMPATIBLE_TRANSPORT)

_PLAIN_OF: Final = {"RTP/SAVP": "RTP/AVP", "RTP/SAVPF": "RTP/AVPF"}
_SECURED_OF: Final = {plain: secured for secured, plain in _PLAIN_OF.items()}


class SecurityRefused(Exception):
    """What a party said of the security of its media cannot be; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


class _Pair(NamedTuple):
    """The two halves of a secured line."""

    theirs: Crypto
    ours: Crypto


class KeyedSide:
    """What one party and we agreed about keys, line by line.

    `random` makes so many octets that nobody can guess; `mode` and `suites` (best first) are our terms.
    """

    __slots__ = ("_offered", "_pairs", "_protocols", "_random", "_said", "mode", "suites")

    def __init__(
        self, random: Callable[[int], bytes], mode: Mode = "best_effort", suites: Sequence[str] = PREFERRED
    ) -> None:
        self._random = random
        self.mode: Mode = mode
        self.suites = tuple(suites)
        self._pairs: list[_Pair | None] = []
        self._offered: list[tuple[Crypto, ...]] = []
        self._protocols: list[str] = []
        self._said: SessionDescription | None = None

    def take_offer(self, offer: SessionDescription) -> SessionDescription:
        """The party's offer as plain RTP, lines refused that we cannot take; raises SecurityRefused for the last."""
        plain = offer.copy()
        pairs: list[_Pair | None] = []
        cause = None
        for index, media in enumerate(plain.media):
            crypto = self._choose(media)
            pairs.append(self._pair(index, crypto) if crypto is not None else None)
            refused = self._refusal(media, crypto)
            if refused is not None:
                cause = refused
                plain.media[index] = refuse(media)
            _strip(plain.media[index])
        self._refuse_alternatives(plain, pairs)
        if cause is not None and not any(media.port for media in plain.media):
            raise SecurityRefused(cause)
        self._pairs, self._protocols = pairs, [media.protocol for media in offer.media]
        return plain

    def take_answer(self, answer: SessionDescription) -> SessionDescription:
        """The party's answer as plain RTP; raises SecurityRefused when it does not secure what must be secured."""
        plain = answer.copy()
        pairs: list[_Pair | None] = []
        for index, media in enumerate(plain.media):
            offered = self._offered[index] if index < len(self._offered) else ()
            pair = _match(offered, media) if media.port and _is_rtp(media) else None
            if pair is None and media.port and _is_rtp(media) and (self._asked_secured(index) or _is_secured(media)):
                raise SecurityRefused(NOT_SECURED if not media.crypto else NO_COMMON_SUITE)
            pairs.append(pair)
            _strip(media)
        self._pairs = pairs
        return plain

    def give(self, plain: SessionDescription, *, offer: bool) -> SessionDescription:
        """What the party is told: `plain` with our keys, as an offer or as the answer to its own."""
        if self.mode == "forbidden":
            return plain
        dressed = plain.copy()
        for index, media in enumerate(dressed.media):
            if offer:
                self._offer_line(index, media)
            else:
                self._answer_line(index, media)
        if self._said is not None:
            next_version(self._said, dressed)
        self._said = dressed
        return dressed

    def keys(self, index: int) -> SrtpKeys | None:
        """What the port of a line is given; None for plain RTP."""
        pair = self._pairs[index] if index < len(self._pairs) else None
        if pair is None:
            return None
        ours, theirs = pair.ours, pair.theirs
        name = ours.suite.upper()
        return SrtpKeys(name, ours.master_key, ours.master_salt, theirs.master_key, theirs.master_salt)

    # -- what the party said ----------------------------------------------------------------------------------------

    def _choose(self, media: MediaDescription) -> Crypto | None:
        if self.mode == "forbidden" or not media.port or not _is_rtp(media):
            return None
        return choose_crypto(media.crypto, self.suites)

    def _refusal(self, media: MediaDescription, chosen: Crypto | None) -> Cause | None:
        if chosen is not None or not media.port or not _is_rtp(media):
            return None
        if _is_secured(media):
            return MUST_NOT_BE_SECURED if self.mode == "forbidden" else NO_COMMON_SUITE
        return NOT_SECURED if self.mode == "required" else None

    def _refuse_alternatives(self, plain: SessionDescription, pairs: Sequence[_Pair | None]) -> None:
        """Of a secured and a plain line for one and the same stream, an old way of best effort, take the secured."""
        secured = {media.kind for media, pair in zip(plain.media, pairs, strict=True) if pair is not None}
        for index, (media, pair) in enumerate(zip(plain.media, pairs, strict=True)):
            if pair is None and media.port and media.kind in secured and _is_rtp(media):
                plain.media[index] = refuse(media)

    def _pair(self, index: int, theirs: Crypto) -> _Pair:
        """Our half: the one we had as long as the party's stays; a new key of its own calls for a new one of ours."""
        before = self._pairs[index] if index < len(self._pairs) else None
        if before is not None and (before.theirs.suite, before.theirs.keys) == (theirs.suite, theirs.keys):
            return _Pair(theirs, Crypto(theirs.tag, theirs.suite, before.ours.keys))
        return _Pair(theirs, self._new_crypto(theirs.tag, theirs.suite))

    def _asked_secured(self, index: int) -> bool:
        return index < len(self._protocols) and self._protocols[index] in _PLAIN_OF

    # -- what it is told --------------------------------------------------------------------------------------------

    def _offer_line(self, index: int, media: MediaDescription) -> None:
        while len(self._offered) <= index:
            self._offered.append(())
            self._protocols.append(media.protocol)
        self._offered[index] = ()
        if not media.port or media.protocol not in _SECURED_OF:
            return
        before = self._pairs[index] if index < len(self._pairs) else None
        if before is not None:
            self._offered[index] = (before.ours,)
            if self._asked_secured(index):
                media.protocol = _SECURED_OF[media.protocol]
        elif self.mode == "required":
            self._offered[index] = tuple(self._new_crypto(tag, suite) for tag, suite in enumerate(self.suites, 1))
            media.protocol = _SECURED_OF[media.protocol]
        elif self._said is None or index >= len(self._said.media):
            # A line that was agreed on in the plain stays so.
            suite = UNIVERSAL if UNIVERSAL in self.suites else self.suites[0]
            self._offered[index] = (self._new_crypto(1, suite),)
        media.attributes.extend(("crypto", str(crypto)) for crypto in self._offered[index])
        self._protocols[index] = media.protocol

    def _answer_line(self, index: int, media: MediaDescription) -> None:
        asked = self._protocols[index] if index < len(self._protocols) else media.protocol
        if media.protocol in _SECURED_OF:
            media.protocol = asked
        pair = self._pairs[index] if index < len(self._pairs) else None
        if pair is not None and media.port:
            media.attributes.append(("crypto", str(pair.ours)))

    def _new_crypto(self, tag: int, suite: str) -> Crypto:
        return Crypto(tag, suite, (InlineKey(self._random(sum(SUITES[suite.upper()]))),))


def _is_rtp(media: MediaDescription) -> bool:
    return media.protocol in _PLAIN_OF or media.protocol in _SECURED_OF


def _is_secured(media: MediaDescription) -> bool:
    return media.protocol in _PLAIN_OF


def _strip(media: MediaDescription) -> None:
    """Make a line plain."""
    if not _is_rtp(media):
        return
    media.protocol = _PLAIN_OF.get(media.protocol, media.protocol)
    media.remove_attribute("crypto")


def _match(offered: Sequence[Crypto], media: MediaDescription) -> _Pair | None:
    """The attribute we offered that the party accepted: the same tag and suite, with a key of its own (§5.1.3)."""
    for theirs in media.crypto:
        for ours in offered:
            if (ours.tag, ours.suite) == (theirs.tag, theirs.suite) and choose_crypto([theirs], [ours.suite]):
                return _Pair(theirs, ours)
    return None
