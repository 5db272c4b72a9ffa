"""What each frame does to a data link (Q.921 §5.5, §5.6, annex B)."""

from __future__ import annotations

from collections.abc import Callable

from gateways.e1.q921.events import DataReceived, LinkError, LinkEstablished
from gateways.e1.q921.frame import Frame, Kind
from gateways.e1.q921.link_core import LinkCore, LinkState
from gateways.e1.q921.window import MODULUS


def receive(link: LinkCore, frame: Frame, now: float) -> None:
    """A frame arrived; those that a primary rate access has no use for (UI, XID) are passed over."""
    handler = _HANDLERS.get(frame.kind)
    if handler is not None:
        handler(link, frame, now)


def _on_sabme(link: LinkCore, frame: Frame, now: float) -> None:
    if link.state is LinkState.AWAITING_RELEASE:
        link.put(Kind.DM, command=False, poll=frame.poll)
        return
    link.put(Kind.UA, command=False, poll=frame.poll)
    if link.state is LinkState.AWAITING_ESTABLISHMENT:
        return  # both began at once, and our own SABME will be answered too
    was_up, lost = link.is_up, link.window.outstanding > 0
    link.enter(now)
    if not was_up:
        link.events.append(LinkEstablished())
    else:
        link.events.append(LinkError("F", "the peer re-established the link"))
        if lost:
            link.events.append(LinkEstablished(reset=True))


def _on_disc(link: LinkCore, frame: Frame, now: float) -> None:
    answer = Kind.UA if link.state not in (LinkState.RELEASED, LinkState.AWAITING_ESTABLISHMENT) else Kind.DM
    link.put(answer, command=False, poll=frame.poll)
    if link.is_up:
        link.fall("the peer released the link")
        link.retry = now + link.parameters.retry if link.wanted else None


def _on_ua(link: LinkCore, frame: Frame, now: float) -> None:
    if link.state is LinkState.AWAITING_ESTABLISHMENT and frame.poll:
        link.enter(now)
        link.events.append(LinkEstablished())
    elif link.state is LinkState.AWAITING_RELEASE and frame.poll:
        link.fall("released")
    else:
        link.events.append(LinkError("C" if frame.poll else "D", "unsolicited UA"))


def _on_dm(link: LinkCore, frame: Frame, now: float) -> None:
    if link.state is LinkState.AWAITING_ESTABLISHMENT and frame.poll:
        link.fall("the peer is not ready")
        link.retry = now + link.parameters.retry
    elif link.state is LinkState.AWAITING_RELEASE and frame.poll:
        link.fall("released")
    elif link.is_up and not frame.poll:
        link.restart("E", "DM: the peer is disconnected", now)
    elif link.is_up:
        link.events.append(LinkError("B", "unsolicited DM"))


def _on_frmr(link: LinkCore, frame: Frame, now: float) -> None:
    if link.is_up:
        link.restart("K", f"FRMR {frame.information.hex()}", now)


def _on_information(link: LinkCore, frame: Frame, now: float) -> None:
    if not link.is_up:
        _disown(link, frame)
        return
    if frame.sequence == link.received:
        link.received = (link.received + 1) % MODULUS
        link.rejecting = False
        link.events.append(DataReceived(frame.information))
        if frame.poll:
            link.put(Kind.RR, command=False, poll=True)
        else:
            link.acknowledge = True
    elif link.rejecting:
        if frame.poll:
            link.put(Kind.RR, command=False, poll=True)
    else:
        link.rejecting = True
        link.put(Kind.REJ, command=False, poll=frame.poll)
    _take_acknowledgement(link, frame, now)


def _on_supervisory(link: LinkCore, frame: Frame, now: float) -> None:
    if not link.is_up:
        _disown(link, frame)
        return
    if frame.command and frame.poll:
        link.put(Kind.RR, command=False, poll=True)
    link.peer_busy = frame.kind is Kind.RNR
    final = not frame.command and frame.poll
    if final and link.state is LinkState.ESTABLISHED:
        link.events.append(LinkError("A", f"unsolicited {frame.kind.name} with F=1"))
    if not _take_acknowledgement(link, frame, now):
        return
    if link.state is LinkState.TIMER_RECOVERY and final:
        link.state = LinkState.ESTABLISHED
        link.stop_t200(now)
        link.counters["retransmitted"] += link.window.rewind()
    elif frame.kind is Kind.REJ and link.state is LinkState.ESTABLISHED:
        link.stop_t200(now)
        link.counters["retransmitted"] += link.window.rewind()
    if link.peer_busy and link.t200 is None:
        link.t200, link.t203 = now + link.parameters.t200, None


def _disown(link: LinkCore, frame: Frame) -> None:
    """Answer a command that belongs to a link which does not exist (Q.921 §5.6.1)."""
    if link.state is LinkState.RELEASED and frame.command and frame.poll:
        link.put(Kind.DM, command=False, poll=True)


def _take_acknowledgement(link: LinkCore, frame: Frame, now: float) -> bool:
    """V(A) := N(R), if that is possible at all; otherwise the link is established anew (Q.921 §5.8.5)."""
    confirmed = link.window.acknowledge(frame.acknowledged)
    if confirmed is None:
        link.restart("J", f"N(R) {frame.acknowledged} of a frame that was never sent", now)
        return False
    if link.state is LinkState.ESTABLISHED:
        if not link.window.outstanding:
            link.stop_t200(now)
        elif confirmed:
            link.t200 = now + link.parameters.t200
    return True


_HANDLERS: dict[Kind, Callable[[LinkCore, Frame, float], None]] = {
    Kind.SABME: _on_sabme,
    Kind.DISC: _on_disc,
    Kind.UA: _on_ua,
    Kind.DM: _on_dm,
    Kind.FRMR: _on_frmr,
    Kind.I: _on_information,
    Kind.RR: _on_supervisory,
    Kind.RNR: _on_supervisory,
    Kind.REJ: _on_supervisory,
}
