"""The client's answer to a 401 or 407: the same request again with credentials (RFC 3261 §22.2, §22.3)."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.sip.digest import answer_challenge
from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request, Response
from softswitch.sip.settings import Login

_ASKED_AND_ANSWERED = (
    (401, "WWW-Authenticate", "Authorization"),
    (407, "Proxy-Authenticate", "Proxy-Authorization"),
)


def authorized(
    request: Request, response: Response, login: Login | None, number: int, new_id: Callable[[], str]
) -> Request | None:
    """A copy of the request with credentials and this CSeq number, or None when the challenge cannot be answered.

    A request that already carried credentials for this challenge is repeated only when the server calls them stale.
    """
    if login is None or response.status not in (401, 407):
        return None
    retry = request.copy()
    answered = False
    for status, asked, answer in _ASKED_AND_ANSWERED:
        challenges = response.get_all(asked)
        if not challenges or (status != response.status and retry.has(answer)):
            continue
        if retry.has(answer) and not any("stale=true" in text.lower().replace(" ", "") for text in challenges):
            return None
        try:
            value = answer_challenge(
                challenges,
                request.method,
                request.request_uri,
                login.username,
                login.secret,
                cnonce=new_id(),
                body=request.body,
            )
        except ProtocolError:
            return None
        retry.set(answer, value)
        answered = True
    if not answered:
        return None
    retry.set("CSeq", f"{number} {request.method}")
    return retry


def credential_fields(request: Request) -> list[tuple[str, str]]:
    """The credentials a request carries, which the ACK of its 2xx repeats (RFC 3261 §13.2.2.4)."""
    return [item for item in request.fields if item[0] in ("Authorization", "Proxy-Authorization")]
