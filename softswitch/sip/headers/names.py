"""Header field names: canonical spelling, compact forms, and which fields are lists (RFC 3261 §7.3, §20).

Names this switch knows are told apart by identity of spelling, so every table of the hot path is keyed by the
canonical name. Unknown names keep the spelling they came with.
"""

from __future__ import annotations

from functools import lru_cache

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import is_token

_CANONICAL = (
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events",
    "Answer-Mode", "Authentication-Info", "Authorization", "Call-ID", "Call-Info", "Contact", "Content-Disposition",
    "Content-Encoding", "Content-ID", "Content-Language", "Content-Length", "Content-Transfer-Encoding",
    "Content-Type", "CSeq", "Date", "Diversion", "Error-Info", "Event", "Expires", "Feature-Caps", "Flow-Timer",
    "From", "Geolocation", "Geolocation-Error", "Geolocation-Routing", "History-Info", "Identity", "In-Reply-To",
    "Info-Package", "Join", "Max-Forwards", "MIME-Version", "Min-Expires", "Min-SE", "Organization",
    "P-Access-Network-Info", "P-Asserted-Identity", "P-Asserted-Service", "P-Associated-URI", "P-Called-Party-ID",
    "P-Charging-Vector", "P-Early-Media", "P-Preferred-Identity", "P-Preferred-Service", "Path", "Priority",
    "Priv-Answer-Mode", "Privacy", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
    "Proxy-Require", "RAck", "Reason", "Record-Route", "Recv-Info", "Refer-Events-At", "Refer-Sub", "Refer-To",
    "Referred-By", "Reject-Contact", "Remote-Party-ID", "Replaces", "Reply-To", "Request-Disposition", "Require",
    "Resource-Priority", "Retry-After", "Route", "RSeq", "Security-Client", "Security-Server", "Security-Verify",
    "Server", "Service-Route", "Session-Expires", "Session-ID", "SIP-ETag", "SIP-If-Match", "Subject",
    "Subscription-State", "Supported", "Suppress-If-Match", "Target-Dialog", "Timestamp", "To", "Unsupported",
    "User-Agent", "User-to-User", "Via", "Warning", "WWW-Authenticate",
)  # fmt: skip

_COMPACT = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition",
    "e": "Content-Encoding", "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported",
    "l": "Content-Length", "m": "Contact", "n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject",
    "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires", "y": "Identity",
}  # fmt: skip

CANONICAL_NAMES = frozenset(_CANONICAL) | frozenset(_COMPACT.values())
_BY_LOWER = {name.lower(): name for name in CANONICAL_NAMES} | _COMPACT

# The spellings met in practice, for one dictionary probe per header line.
SPELLINGS: dict[str, str] = {}
for _name in CANONICAL_NAMES:
    SPELLINGS[_name] = SPELLINGS[_name.lower()] = SPELLINGS[_name.upper()] = SPELLINGS[_name.title()] = _name
for _letter, _name in _COMPACT.items():
    SPELLINGS[_letter] = SPELLINGS[_letter.upper()] = _name

# Fields whose commas are their own business: a value of theirs is never split (RFC 3261 §7.3.1, §20).
UNSPLIT = frozenset((
    "WWW-Authenticate", "Authorization", "Proxy-Authenticate", "Proxy-Authorization", "Authentication-Info",
    "Proxy-Authentication-Info", "Call-ID", "Content-Length", "Content-Type", "Content-Disposition", "CSeq", "Date",
    "Event", "Expires", "From", "Identity", "Max-Forwards", "Organization", "Priority", "Retry-After", "Server",
    "Session-Expires", "Session-ID", "SIP-ETag", "SIP-If-Match", "Subject", "Subscription-State", "Timestamp", "To",
    "User-Agent", "Warning",
))  # fmt: skip

# Fields that may appear once at most; two of them make a request ambiguous (RFC 4475 §3.3.8, §3.3.9).
SINGLE = frozenset((
    "Call-ID", "Content-Length", "Content-Type", "CSeq", "Event", "Expires", "From", "Max-Forwards", "Min-Expires",
    "Min-SE", "RAck", "Refer-To", "Replaces", "RSeq", "Session-Expires", "SIP-If-Match", "Subscription-State", "To",
))  # fmt: skip


@lru_cache(maxsize=1024)
def _spell(name: str) -> str:
    canonical = _BY_LOWER.get(name.lower())
    if canonical is not None:
        return canonical
    if not is_token(name):
        raise ProtocolError("a header name is no token", section="RFC 3261 §7.3.1")
    return name


def canonical_name(name: str) -> str:
    """The canonical spelling of a header name; unknown names come back as they are.

    White space round the name is dropped (RFC 3261 §7.3.1 allows it before the colon). Raises ProtocolError for what
    is no token.
    """
    known = SPELLINGS.get(name)
    if known is not None:
        return known
    name = name.strip(" \t")
    if len(name) > 64:
        if not is_token(name):
            raise ProtocolError("a header name is no token", section="RFC 3261 §7.3.1")
        return name
    return _spell(name)
