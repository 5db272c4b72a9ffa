"""Browsers for the API: requests become mutations of the gateway, and wait here for what comes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateways.webrtc import BadDescription, BrowserSession
from gateways.webrtc.gateway import check_description
from softswitch.api.auth import Principal
from softswitch.api.problems import Problem
from softswitch.api.services import BrowserServices, Row
from softswitch.app import Application
from softswitch.calls.leg import Cause, LegState
from softswitch.control.reach import refusal


class Browsers:
    """The sessions of one gateway as the API sees and commands them."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._gateway = app.webrtc
        self.services = BrowserServices(
            sessions=self._rows,
            session=self._row_of,
            open=self._open,
            answer=self._answer,
            offer=self._offer,
            close=self._close,
            register=self._register,
            unregister=self._unregister,
        )

    def _rows(self) -> Iterable[Row]:
        return [self._row(session) for session in self._gateway.sessions.values()]

    def _row_of(self, identifier: str) -> Row | None:
        session = self._gateway.sessions.get(identifier)
        return None if session is None else self._row(session)

    async def _open(self, body: Mapping[str, Any], principal: Principal) -> Row:
        sdp = _description(body)
        opened = self._app.driver.call(
            lambda now: self._gateway.call(body["caller"], body["callee"], sdp, principal.name)
        )
        if isinstance(opened, Cause):
            raise refusal(opened, "caller")
        await self._settle(opened, float(body["timeout_s"]))
        if opened.leg.cause is not None:
            raise refusal(opened.leg.cause, "callee")
        return self._row(opened)

    async def _settle(self, session: BrowserSession, timeout_s: float) -> None:
        """Wait until the browser can be told something; a session that nobody waits for any longer is ended."""

        def ready() -> bool:
            return bool(session.sdp) or session.leg.cause is not None

        settled = False
        try:
            settled = await session.wait(ready, timeout_s) or timeout_s == 0
        finally:
            if not settled:
                self._app.driver.call(lambda now: self._gateway.hang_up(session))

    async def _answer(self, identifier: str, body: Mapping[str, Any]) -> Row:
        session, sdp = self._existing(identifier), _description(body)
        if not self._app.driver.call(lambda now: self._gateway.take(session, sdp)):
            raise _wrong_moment(session)
        if session.leg.cause is not None:
            raise refusal(session.leg.cause, "sdp")
        return self._row(session)

    async def _offer(self, identifier: str, body: Mapping[str, Any]) -> Row:
        session, sdp = self._existing(identifier), _description(body)
        if not self._app.driver.call(lambda now: self._gateway.change(session, sdp)):
            raise _wrong_moment(session)
        leg = session.leg
        await session.wait(lambda: bool(session.sdp or leg.refused or leg.cause), float(body["timeout_s"]))
        if leg.refused:
            raise Problem(409, "the change was refused; what was agreed before stays", kind="offer-refused",
                          members={"sip_code": leg.refused})  # fmt: skip
        return self._row(session)

    def _close(self, identifier: str) -> None:
        session = self._existing(identifier)
        self._app.driver.call(lambda now: self._gateway.hang_up(session))

    def _register(self, body: Mapping[str, Any]) -> Row:
        number, device = body["number"], body["device"]
        if self._app.directory.get(number) is None:
            raise refusal(Cause(404, 1, f"there is no subscriber {number}"), "number")
        expires_s = float(body["expires_s"])
        self._app.driver.call(lambda now: self._gateway.register(number, device, expires_s))
        return {"number": number, "device": device, "expires_at": self._app.wall() + expires_s}

    def _unregister(self, number: str, device: str) -> None:
        if not self._app.driver.call(lambda now: self._gateway.unregister(number, device)):
            raise LookupError(f"no browser {device!r} is registered for {number}")

    def _row(self, session: BrowserSession) -> Row:
        self._gateway.note_call(session)
        return _row(session)

    def _existing(self, identifier: str) -> BrowserSession:
        session = self._gateway.sessions.get(identifier)
        if session is None:
            raise LookupError(f"there is no session {identifier!r}")
        return session


def _row(session: BrowserSession) -> Row:
    cause = session.leg.cause
    state = session.leg.state
    offered = session.direction == "out" and state is not LegState.ANSWERED
    sdp = session.sdp if state is not LegState.ENDED else ""
    return {
        "session_id": session.id,
        "call_id": session.call_id,
        "number": session.number,
        "peer": session.peer,
        "direction": session.direction,
        "state": state.value,
        "sdp": sdp,
        "type": ("offer" if offered else "answer") if sdp else "",
        "sip_code": cause.status if cause is not None else 0,
        "reason": cause.text if cause is not None else "",
    }


def _description(body: Mapping[str, Any]) -> bytes:
    try:
        return check_description(body["sdp"])
    except BadDescription as error:
        raise Problem(400, str(error), kind="bad-description", members={
            "errors": [{"field": "sdp", "in": "body", "detail": str(error)}]}) from error  # fmt: skip


def _wrong_moment(session: BrowserSession) -> Problem:
    state = session.leg.state.value
    return Problem(409, f"the session is {state}", kind="illegal-transition", members={"state": state})
