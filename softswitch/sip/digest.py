"""Digest authentication (RFC 7616, RFC 8760; RFC 3261 §22): both the asking and the answering side.

An unknown user costs the same work as a wrong password and gets the same answer. Comparison takes the same time
wherever the values differ. Left out: auth-int when asking, the -sess algorithms when asking, user name hashing when
asking (all three are answered).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import NamedTuple

from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.headers.auth import Challenge, Credentials
from softswitch.sip.message import Message
from softswitch.sip.nonces import Nonces

__all__ = [
    "MD5",
    "SHA256",
    "SHA512_256",
    "Authenticator",
    "HA1s",
    "Nonces",
    "Rejected",
    "Verified",
    "answer_challenge",
    "digest_hash",
    "digest_response",
    "ha1",
]

MD5 = "MD5"
SHA256 = "SHA-256"
SHA512_256 = "SHA-512-256"

_ALGORITHMS = (MD5, SHA256, SHA512_256)
_LARGEST_COUNT = 0xFFFFFFFF


class HA1s(NamedTuple):
    """H(user:realm:password) in lower-case hex for each algorithm that is known, None for the others."""

    md5: str | None = None
    sha256: str | None = None
    sha512_256: str | None = None

    @classmethod
    def of(cls, user: str, realm: str, password: str) -> HA1s:
        """All of them from a clear password."""
        return cls(*(ha1(user, realm, password, algorithm) for algorithm in (MD5, SHA256, SHA512_256)))

    def get(self, algorithm: str) -> str | None:
        """The one for an algorithm name of RFC 8760."""
        if algorithm == MD5:
            return self.md5
        return self.sha256 if algorithm == SHA256 else self.sha512_256


class Verified(NamedTuple):
    """The credentials are right: who it is."""

    user: str


class Rejected(NamedTuple):
    """The credentials are not accepted. `stale` says only the nonce was at fault and a new one will do.

    `reason` is one of "missing", "malformed", "realm", "algorithm", "qop", "response", "nonce", "expired", "replayed".
    """

    stale: bool
    reason: str
    user: str = ""


def digest_hash(algorithm: str, text: str | bytes) -> str:
    """Lower-case hex hash; text is taken as UTF-8 (RFC 7616 §4)."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    if algorithm == MD5:
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    if algorithm == SHA256:
        return hashlib.sha256(data).hexdigest()
    return hashlib.new("sha512_256", data).hexdigest()


def ha1(user: str, realm: str, password: str, algorithm: str = MD5) -> str:
    """H(user:realm:password), what a server stores in place of the password (RFC 7616 §3.4.2)."""
    return digest_hash(algorithm, f"{user}:{realm}:{password}")


def digest_response(
    algorithm: str,
    secret: str,
    method: str,
    uri: str,
    nonce: str,
    *,
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
    body: bytes = b"",
    session: bool = False,
) -> str:
    """The response value (RFC 7616 §3.4.1): `secret` is the HA1, `qop` "", "auth" or "auth-int".

    `session` says the -sess variant of the algorithm, whose A1 takes in nonce and cnonce.
    """
    if session:
        secret = digest_hash(algorithm, f"{secret}:{nonce}:{cnonce}")
    a2 = f"{method}:{uri}:{digest_hash(algorithm, body)}" if qop == "auth-int" else f"{method}:{uri}"
    ha2 = digest_hash(algorithm, a2)
    if qop:
        return digest_hash(algorithm, f"{secret}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")
    return digest_hash(algorithm, f"{secret}:{nonce}:{ha2}")


class Authenticator:
    """Asks for credentials of one realm and judges them.

    `algorithms` are offered in this order, strongest first (RFC 8760 §2.4). `allow_without_qop` admits clients of
    RFC 2069, one use per nonce.
    """

    def __init__(
        self,
        realm: str,
        nonces: Nonces,
        *,
        algorithms: Sequence[str] = (SHA256, MD5),
        allow_without_qop: bool = False,
        opaque: str = "",
    ) -> None:
        unknown = [algorithm for algorithm in algorithms if algorithm not in _ALGORITHMS]
        if unknown or not algorithms:
            raise LocalProtocolError(f"no such digest algorithm: {unknown}")
        self.realm = realm
        self._nonces = nonces
        self._algorithms = tuple(algorithms)
        self._by_name = {algorithm.upper(): algorithm for algorithm in algorithms}
        self._allow_without_qop = allow_without_qop
        self._opaque = opaque
        self._dummy = HA1s.of("", realm, "no such user")

    def challenge(self, now: float, stale: bool = False) -> list[str]:
        """Values for WWW-Authenticate or Proxy-Authenticate, one header field each, in order of preference."""
        nonce = self._nonces.issue(now)
        values = []
        for algorithm in self._algorithms:
            params = [("realm", self.realm), ("nonce", nonce), ("algorithm", algorithm), ("qop", "auth")]
            if self._opaque:
                params.append(("opaque", self._opaque))
            if stale:
                params.append(("stale", "true"))
            values.append(str(Challenge("Digest", tuple(params))))
        return values

    def verify_message(
        self, request_method: str, message: Message, lookup: Callable[[str], HA1s | None], now: float
    ) -> Verified | Rejected:
        """Judge the credentials of this realm among those a request carries, in Authorization or its Proxy- twin."""
        verdict: Verified | Rejected = Rejected(False, "missing")
        for name in ("Authorization", "Proxy-Authorization"):
            for value in message.get_all(name)[:8]:
                verdict = self.verify(request_method, value, lookup, now, message.body)
                if not isinstance(verdict, Rejected) or verdict.reason not in ("realm", "malformed", "missing"):
                    return verdict
        return verdict

    def verify(
        self,
        request_method: str,
        credentials: str | None,
        lookup: Callable[[str], HA1s | None],
        now: float,
        body: bytes = b"",
    ) -> Verified | Rejected:
        """Judge one credentials value; `lookup` gives the HA1s of a user name of this realm, None for nobody."""
        if credentials is None:
            return Rejected(False, "missing")
        try:
            given = Credentials.parse(credentials)
        except ProtocolError:
            return Rejected(False, "malformed")
        if given.scheme.lower() != "digest":
            return Rejected(False, "missing")
        fields = dict(given.params)
        user = fields.get("username", "")
        if fields.get("realm") != self.realm:
            return Rejected(False, "realm", user)
        algorithm = self._by_name.get(fields.get("algorithm", MD5).upper())
        if algorithm is None:
            return Rejected(False, "algorithm", user)
        qop = fields.get("qop", "").lower()
        count = _count(fields.get("nc", ""))
        if qop not in ("auth", "") or (qop and (count is None or "cnonce" not in fields)):
            return Rejected(False, "qop", user)
        if not qop and not self._allow_without_qop:
            return Rejected(False, "qop", user)
        if not user or "uri" not in fields or "nonce" not in fields:
            return Rejected(False, "malformed", user)
        return self._judge(request_method, fields, algorithm, count if qop and count else 0, lookup, now)

    def _judge(
        self,
        method: str,
        fields: dict[str, str],
        algorithm: str,
        count: int,
        lookup: Callable[[str], HA1s | None],
        now: float,
    ) -> Verified | Rejected:
        user, nonce = fields["username"], fields["nonce"]
        known = lookup(user)
        secret = None if known is None else known.get(algorithm)
        # The same hashes are computed for a user that does not exist, against a secret that nobody has.
        expected = digest_response(
            algorithm,
            secret or self._dummy.get(algorithm) or "",
            method,
            fields["uri"],
            nonce,
            qop="auth" if count else "",
            nc=fields.get("nc", ""),
            cnonce=fields.get("cnonce", ""),
        )
        given = fields.get("response", "").lower().encode("utf-8", "surrogateescape")
        right = hmac.compare_digest(given, expected.encode())
        if not right or not secret:
            return Rejected(False, "response", user)
        fault = self._nonces.use(nonce, count, now)
        return Rejected(True, fault, user) if fault else Verified(user)


def _count(text: str) -> int | None:
    """The nonce count: eight hex digits, of which some phones leave out leading ones."""
    if not 1 <= len(text) <= 8 or not text.isascii() or not text.isalnum():
        return None
    try:
        count = int(text, 16)
    except ValueError:
        return None
    return count if 1 <= count <= _LARGEST_COUNT else None


def answer_challenge(
    challenges: Sequence[str],
    method: str,
    uri: str,
    username: str,
    secret: str | HA1s,
    *,
    cnonce: str,
    nc: int = 1,
    body: bytes = b"",
) -> str:
    """The Authorization (or Proxy-Authorization) value that answers the first challenge we can (RFC 8760 §2.4).

    `secret` is the clear password or HA1s; `nc` counts the uses of this nonce from 1. Raises ProtocolError when no
    challenge can be answered.
    """
    for text in challenges:
        try:
            challenge = Challenge.parse(text)
        except ProtocolError:
            continue
        answer = _answer(challenge, method, uri, username, secret, cnonce, nc, body)
        if answer is not None:
            return answer
    raise ProtocolError("no challenge that can be answered", section="RFC 8760 §2.4", status=401)


def _answer(
    challenge: Challenge,
    method: str,
    uri: str,
    username: str,
    secret: str | HA1s,
    cnonce: str,
    nc: int,
    body: bytes,
) -> str | None:
    fields = dict(challenge.params)
    algorithm_text = fields.get("algorithm", MD5)
    algorithm = algorithm_text.upper()
    session = algorithm.endswith("-SESS")
    algorithm = algorithm.removesuffix("-SESS")
    realm, nonce = fields.get("realm"), fields.get("nonce")
    if challenge.scheme.lower() != "digest" or algorithm not in _ALGORITHMS or realm is None or not nonce:
        return None
    offered = [item.strip().lower() for item in fields.get("qop", "").split(",") if item.strip()]
    qop = "auth" if "auth" in offered else "auth-int" if "auth-int" in offered else ""
    if offered and not qop:
        return None
    stored = ha1(username, realm, secret, algorithm) if isinstance(secret, str) else secret.get(algorithm)
    if stored is None:
        return None
    count = f"{nc:08x}"
    response = digest_response(
        algorithm, stored, method, uri, nonce, qop=qop, nc=count, cnonce=cnonce, body=body, session=session
    )
    userhash = fields.get("userhash", "").lower() == "true"
    name = digest_hash(algorithm, f"{username}:{realm}") if userhash else username
    params = [("username", name), ("realm", realm), ("nonce", nonce), ("uri", uri), ("response", response)]
    if "algorithm" in fields:
        params.append(("algorithm", algorithm_text))
    if qop or session:
        params.append(("cnonce", cnonce))
    if qop:
        params += [("qop", qop), ("nc", count)]
    if "opaque" in fields:
        params.append(("opaque", fields["opaque"]))
    if userhash:
        params.append(("userhash", "true"))
    return str(Credentials("Digest", tuple(params)))
