"""Published event state: PUBLISH for the presence package, and one document composed of all that a user published.

RFC 3903 §4 and §6. The newest document comes first in the composition (`packages.presence.compose`). Left out: packages
other than presence, and partial publication (RFC 5264).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.expiry import ExpiryWheel
from softswitch.sip.grammar import quote
from softswitch.sip.headers import Event
from softswitch.sip.message import Request, Response
from softswitch.sip.packages import PRESENCE
from softswitch.sip.packages.presence import Presence, PresenceTuple, compose

_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class PublicationSettings:
    """Limits of the event state compositor; times in seconds, the body in octets."""

    default_expires: int = 3600
    min_expires: int = 60
    max_expires: int = 7200
    max_publications: int = 50_000
    max_per_resource: int = 16
    max_body: int = 16_384
    retry_after: int = 30


class PublicationResult(NamedTuple):
    """The response to a PUBLISH, and whether the state of its resource is another now."""

    response: Response
    changed: bool


class Publication:
    """One published document under its entity tag; `expires_at` on the monotonic clock."""

    __slots__ = ("bucket", "document", "etag", "expires_at", "resource")

    def __init__(self, resource: str, etag: str, document: Presence, expires_at: float) -> None:
        self.resource = resource
        self.etag = etag
        self.document = document
        self.expires_at = expires_at
        self.bucket = -1


class _Refused(Exception):
    def __init__(self, status: int, *fields: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.fields = fields


class Publications:
    """The event state compositor of this node: publications by resource (``user@host``) and entity tag."""

    def __init__(self, settings: PublicationSettings, new_id: Callable[[], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        # By resource, then by entity tag; the order within is that of publication, the newest last.
        self._by_resource: dict[str, dict[str, Publication]] = {}
        self._count = 0
        self._wheel: ExpiryWheel[Publication] = ExpiryWheel()

    def __len__(self) -> int:
        """How many publications are held."""
        return self._count

    def process(self, request: Request, resource: str, now: float) -> PublicationResult:
        """Answers a PUBLISH for `resource`: makes, refreshes, modifies or removes a publication (RFC 3903 §6)."""
        try:
            return self._process(request, resource, now)
        except _Refused as refused:
            response = Response.to_request(request, refused.status, None, self._new_id())
            response.fields += refused.fields
        except ProtocolError as error:
            response = Response.to_request(request, error.status or 400, None, self._new_id())
            response.add("Warning", f"399 publications {quote(error.text)}")
        return PublicationResult(response, False)

    def _process(self, request: Request, resource: str, now: float) -> PublicationResult:
        if request.require:
            raise _Refused(420, *(("Unsupported", tag) for tag in request.require))
        text = request.get("Event")
        if text is None or Event.parse(text).package != PRESENCE.name:
            raise _Refused(489, ("Allow-Events", PRESENCE.name))
        old = self._matched(request, resource, now)
        expires = self._expires(request)
        document = self._document(request)
        if old is None and document is None:
            raise ProtocolError("an initial PUBLISH without a body", section="RFC 3903 §6")
        if old is None and expires:
            self._check_room(resource)
        changed = False
        etag = self._new_id()
        if old is not None and document is None and expires:
            self._refresh(old, etag, now + expires)
        else:
            if old is not None:
                self._remove(old)
            if document is not None and expires:
                self._insert(Publication(resource, etag, document, now + expires))
            changed = old is not None or expires > 0
        response = Response.to_request(request, 200, None, self._new_id())
        response.add("SIP-ETag", etag)
        response.add("Expires", str(expires))
        return PublicationResult(response, changed)

    def _matched(self, request: Request, resource: str, now: float) -> Publication | None:
        etags = request.get_all("SIP-If-Match")
        if not etags:
            return None
        if len(etags) > 1:
            raise ProtocolError("more than one SIP-If-Match", section="RFC 3903 §6")
        publication = self._by_resource.get(resource, {}).get(etags[0].strip())
        if publication is None or publication.expires_at <= now:
            raise _Refused(412)
        return publication

    def _expires(self, request: Request) -> int:
        settings, expires = self._settings, request.expires
        if expires is None:
            expires = settings.default_expires
        if 0 < expires < settings.min_expires and expires < _HOUR:
            raise _Refused(423, ("Min-Expires", str(settings.min_expires)))
        return min(expires, settings.max_expires)

    def _document(self, request: Request) -> Presence | None:
        if not request.body:
            return None
        content_type = request.content_type
        if content_type is None or content_type.essence != PRESENCE.content_type or request.has("Content-Encoding"):
            raise _Refused(415, ("Accept", PRESENCE.content_type))
        if len(request.body) > self._settings.max_body:
            raise _Refused(413)
        return Presence.parse(request.body)

    def _check_room(self, resource: str) -> None:
        settings = self._settings
        if self._count >= settings.max_publications:
            raise _Refused(503, ("Retry-After", str(settings.retry_after)))
        if len(self._by_resource.get(resource, {})) >= settings.max_per_resource:
            raise _Refused(403)

    # -- reading

    def presence(self, resource: str, entity: str, now: float) -> Presence | None:
        """The composed document about `entity` (a URI), or None where nothing is published for the resource."""
        live = [item.document for item in self._by_resource.get(resource, {}).values() if item.expires_at > now]
        return compose(entity, reversed(live)) if live else None

    def body(self, resource: str, entity: str, now: float, *, registered: bool | None = None) -> bytes:
        """The presence body of a resource; where nothing is published, what `registered` tells, if it is known."""
        document = self.presence(resource, entity, now)
        if document is None:
            basic = None if registered is None else "open" if registered else "closed"
            document = Presence(entity, () if basic is None else (PresenceTuple("registration", basic),))
        return document.serialize()

    # -- time

    def handle_timer(self, now: float) -> list[str]:
        """Drops what has ended and returns the resources whose state is another now."""
        ended = self._wheel.due(now)
        for publication in ended:
            self._remove(publication)
        return list(dict.fromkeys(publication.resource for publication in ended))

    def next_timer(self) -> float | None:
        """When `handle_timer` has something to do."""
        return self._wheel.next_at()

    # -- within

    def _insert(self, publication: Publication) -> None:
        self._by_resource.setdefault(publication.resource, {})[publication.etag] = publication
        self._count += 1
        self._wheel.add(publication, publication.expires_at)

    def _refresh(self, publication: Publication, etag: str, expires_at: float) -> None:
        """Keeps the place: a refresh says nothing new and must not outdo what another device has said since."""
        held = self._by_resource[publication.resource]
        self._by_resource[publication.resource] = {
            etag if key == publication.etag else key: item for key, item in held.items()
        }
        publication.etag = etag
        publication.expires_at = expires_at
        self._wheel.move(publication, expires_at)

    def _remove(self, publication: Publication) -> None:
        held = self._by_resource[publication.resource]
        del held[publication.etag]
        if not held:
            del self._by_resource[publication.resource]
        self._count -= 1
        self._wheel.discard(publication)
