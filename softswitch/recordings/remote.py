"""The recorder, wherever it runs, as the recordings ask it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from softswitch.media import HelperLost, HelperStarted, MediaEngine, MediaError, MediaEvent, ServiceNotice
from softswitch.media.recording import requests
from softswitch.media.recording.requests import Notice, Request
from softswitch.media.workers.services import HELPER, Answer, Message

logger = logging.getLogger(__name__)

_SERVICE = "recorder"


class RemoteRecorder:
    """Service `recorder` of the engine's helper. `minimum_free_mb` of the disk are to stay free.

    `ready` when it has answered once. `on_notice` is given what it tells, `on_change` the process that was lost or
    (`started`) has come instead.
    """

    def __init__(self, engine: MediaEngine, minimum_free_mb: int) -> None:
        self._engine = engine
        self._minimum_free_mb = minimum_free_mb
        self.ready = False
        self.on_notice: Callable[[Notice], None] = lambda notice: None
        self.on_change: Callable[[int, bool], None] = lambda pid, started: None

    def begin(self) -> None:
        """The engine runs."""
        self.ask({"op": requests.SETTINGS, "minimum_free_mb": self._minimum_free_mb}, self._answered_first)

    def ask(self, request: Request, answer: Answer | None = None) -> None:
        """Ask something of `softswitch.media.recording.requests`, which counts from now on; never waits."""
        try:
            self._engine.ask(HELPER, _SERVICE, {**request, "at_ns": time.monotonic_ns()}, answer or _answered)
        except MediaError as error:
            logger.error("the recorder is not there: %s", error)

    def _answered_first(self, reply: Message) -> None:
        self.ready = True
        _answered(reply)

    def media_event(self, event: MediaEvent) -> bool:
        """Whether an event of the engine was about the recorder."""
        if isinstance(event, ServiceNotice) and event.service == _SERVICE:
            self.on_notice(event.notice)
            return True
        if isinstance(event, HelperLost):
            self.on_change(event.pid, False)
            return True
        if isinstance(event, HelperStarted):
            self.begin()
            self.on_change(event.pid, True)
            return True
        return False


def _answered(reply: Message) -> None:
    if "error" in reply:
        logger.error("the recorder: %s", reply["error"])
