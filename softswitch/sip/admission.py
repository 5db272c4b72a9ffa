"""What a user agent server looks at before it does anything about a request (RFC 3261 §8.2.1 to §8.2.3).

The order is that of the standard: method, Request-URI, hops, required extensions, content. Malformed requests never
come here (see parser.validate), nor do credentials, which are judged by digest.Authenticator.
"""

from __future__ import annotations

from collections.abc import Collection

from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.message import Request, Response

# Methods registered with IANA: known, so that refusing one is 405 and not 501 (RFC 3261 §8.2.1, §21.5.2).
KNOWN_METHODS = frozenset((
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
    "SUBSCRIBE", "UPDATE",
))  # fmt: skip

_SDP = "application/sdp"


def admit(
    request: Request,
    *,
    methods: Collection[str],
    schemes: Collection[str] = ("sip", "sips", "tel"),
    extensions: Collection[str] = (),
    content_types: Collection[str] = (_SDP,),
    content_encodings: Collection[str] = ("identity",),
    forwarding: bool = False,
) -> Response | None:
    """None when the request may go on, else the response that refuses it (without To tag).

    405 or 501 with Allow; 416; 483 for Max-Forwards 0, but an OPTIONS that reached its last hop is answered by it
    (§11) unless `forwarding`; 420 with Unsupported; 415 with Accept or Accept-Encoding; 406 when the caller of an
    INVITE takes no SDP. Content types are "type/subtype" in lower case; "type/*" stands for all of a type, "*/*" for
    all. Schemes, extensions and encodings are in lower case too.
    """
    method = request.method
    if method == "ACK":
        return None  # never answered
    if method not in methods:
        refusal = Response.to_request(request, 405 if method in KNOWN_METHODS else 501)
        refusal.add("Allow", ", ".join(methods))
        return refusal
    if request.uri.scheme not in schemes:
        return Response.to_request(request, 416)
    if method == "CANCEL":
        return None  # §8.2.2.3: Require does not hold for it, and it has no content
    if request.max_forwards == 0 and (forwarding or method != "OPTIONS"):
        return Response.to_request(request, 483)
    if request.has("Require"):
        missing = [tag for tag in request.require if tag.lower() not in extensions]
        if missing:
            refusal = Response.to_request(request, 420)
            refusal.add("Unsupported", ", ".join(missing))
            return refusal
    if request.body or request.has("Content-Encoding"):
        content_refusal = _check_content(request, content_types, content_encodings)
        if content_refusal is not None:
            return content_refusal
    if method == "INVITE" and request.has("Accept") and not _accepts(request, _SDP):
        return Response.to_request(request, 406)
    return None


def _check_content(
    request: Request, content_types: Collection[str], content_encodings: Collection[str]
) -> Response | None:
    disposition = (request.get("Content-Disposition") or "").lower().replace(" ", "")
    if "handling=optional" in disposition:
        return None  # §8.2.3: what need not be understood is passed over
    encodings = [encoding.lower() for encoding in request.values("Content-Encoding")]
    if any(encoding not in content_encodings and encoding != "identity" for encoding in encodings):
        refusal = Response.to_request(request, 415)
        refusal.add("Accept-Encoding", ", ".join(content_encodings))
        return refusal
    kind = request.content_type
    if kind is None or any(name in content_types for name in (kind.essence, f"{kind.type}/*", "*/*")):
        return None
    refusal = Response.to_request(request, 415)
    refusal.add("Accept", ", ".join(content_types))
    return refusal


def _accepts(request: Request, essence: str) -> bool:
    for text in request.values("Accept"):
        try:
            if MediaType.parse(text).accepts(essence):
                return True
        except ProtocolError:
            continue
    return False
