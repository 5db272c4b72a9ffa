"""Session timers: the heartbeat of an answered session (RFC 4028).

Who refreshes does so at half the interval, by UPDATE where the peer takes it, else by re-INVITE with the description
that stands. Who does not, ends the session shortly before the interval is over.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from softswitch.sip import midcall
from softswitch.sip.bodies import lists_option
from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers import SessionExpires

if TYPE_CHECKING:
    from softswitch.sip.message import Message, Request, Response
    from softswitch.sip.session import Session
    from softswitch.sip.timerwheel import Timer

_LOWEST_MINIMUM = 90
_LARGEST_INTERVAL = 86_400


class Refresh:
    """The session interval in seconds, whether we refresh, and the timer of what comes next."""

    __slots__ = ("expires_at", "interval", "ours", "timer")

    def __init__(self, session: Session, interval: int, ours: bool, now: float) -> None:
        self.interval = interval
        self.ours = ours
        self.expires_at = now + interval - min(32.0, interval / 3)
        due = now + interval / 2 if ours else self.expires_at
        self.timer: Timer = session.ua.timers.schedule(due, partial(_due, session))

    def stop(self) -> None:
        """Let the timer rest."""
        self.timer.cancel()


def request_fields(session: Session) -> list[tuple[str, str]]:
    """What a re-INVITE or UPDATE of ours says of the session timer (§7.4)."""
    active = session.refresh
    if active is None:
        wish = session.ua.settings.session_expires
        if not wish:
            return []
        fields = [("Session-Expires", str(max(wish, session.min_se)))]
    else:
        interval = max(active.interval, session.min_se)
        fields = [("Session-Expires", f"{interval};refresher={'uac' if active.ours else 'uas'}")]
    minimum = max(session.min_se, session.ua.settings.min_se)
    if minimum > _LOWEST_MINIMUM:
        fields.append(("Min-SE", str(minimum)))
    return fields


def too_short(session: Session, request: Request) -> bool:
    """Whether the peer asks for an interval below our minimum and understands a 422 (§9)."""
    text = request.get("Session-Expires")
    return (
        text is not None
        and SessionExpires.parse(text).delta < session.ua.settings.min_se
        and lists_option(request, "Supported", "timer")
    )


def _minimum(message: Message) -> int:
    text = message.get("Min-SE")
    return max(_LOWEST_MINIMUM, SessionExpires.parse(text).delta) if text is not None else _LOWEST_MINIMUM


def response_lines(session: Session, request: Request, now: float) -> str:
    """Header lines of our 2xx, having set the timer they promise (§9)."""
    settings = session.ua.settings
    text = request.get("Session-Expires")
    ours = settings.session_expires
    if text is None and not ours:
        _set(session, None, now)
        return ""
    able = lists_option(request, "Supported", "timer") or lists_option(request, "Require", "timer")
    refresher: str | None = None
    if text is not None:
        asked = SessionExpires.parse(text)
        refresher = asked.refresher
        interval = asked.delta
        floor = max(_minimum(request), settings.min_se)
        if ours and floor <= ours < interval:
            interval = ours
        interval = max(interval, floor)
    elif ours and able:
        interval = max(ours, _minimum(request), settings.min_se)
    else:
        _set(session, None, now)
        return ""
    if not able:
        refresher = "uas"
    elif refresher is None:
        refresher = "uac"
    interval = min(interval, _LARGEST_INTERVAL)
    _set(session, (interval, refresher == "uas"), now)
    lines = f"Session-Expires: {interval};refresher={refresher}\r\n"
    return lines + "Require: timer\r\n" if able else lines


def renewed(session: Session, response: Response, now: float) -> None:
    """A 2xx to our INVITE or UPDATE: the timer runs as it says, or not at all (§7.2)."""
    text = response.get("Session-Expires")
    if text is None:
        _set(session, None, now)
        return
    try:
        agreed = SessionExpires.parse(text)
    except ProtocolError:
        _set(session, None, now)
        return
    interval = min(max(agreed.delta, _LOWEST_MINIMUM), _LARGEST_INTERVAL)
    _set(session, (interval, agreed.refresher != "uas"), now)


def _set(session: Session, agreed: tuple[int, bool] | None, now: float) -> None:
    if session.refresh is not None:
        session.refresh.stop()
    session.refresh = None if agreed is None else Refresh(session, agreed[0], agreed[1], now)


def raise_minimum(session: Session, response: Response) -> bool:
    """Whether a 422 names a minimum above what we asked for, which is then ours too (§7.3)."""
    asked = session.refresh.interval if session.refresh is not None else session.ua.settings.session_expires
    try:
        minimum = _minimum(response)
    except ProtocolError:
        return False
    if minimum <= max(asked, session.min_se) or minimum > _LARGEST_INTERVAL:
        return False
    session.min_se = minimum
    return True


def refused(session: Session, now: float) -> None:
    """A refresh failed without ending the dialog: try once more before the interval is over (§10)."""
    active = session.refresh
    if active is not None and active.ours:
        active.timer.cancel()
        due = now + (active.expires_at - now) / 2 if active.expires_at - now > 4 else active.expires_at
        active.timer = session.ua.timers.schedule(max(due, now), partial(_due, session))


def _due(session: Session, now: float) -> None:
    active = session.refresh
    if active is None or session.ended:
        return
    if now >= active.expires_at:
        session.ua.count("sessions_expired")
        session.hang_up(now, 408, "Session Expired", "session-timer")
        return
    active.timer = session.ua.timers.schedule(active.expires_at, partial(_due, session))
    if not midcall.is_idle(session):
        return  # the exchange under way refreshes as well
    if session.peer_updates or not session.local_sdp:
        midcall.update(session, None, now, silent=True)
    else:
        midcall.reinvite(session, session.local_sdp, now, silent=True)
