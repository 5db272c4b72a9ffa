"""What the media engine tells, carried to whom it concerns: calls, playbacks, the recorder, and who watches workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from softswitch.calls.exchange import Exchange
from softswitch.media import MediaEngine, MediaEvent
from softswitch.observing.media_watch import MediaWatch
from softswitch.recordings.playback import Playbacks
from softswitch.recordings.remote import RemoteRecorder
from softswitch.recordings.service import Recordings
from softswitch.runtime.driver import SipDriver
from softswitch.sip.events import Event

#: How long a start waits for the recorder, how long that may need to complete what is recorded, how often we look.
_RECORDER_S, _RECORDINGS_S, _LOOK_S = 60.0, 10.0, 0.02


class MediaEvents:
    """Every event becomes a mutation of the calls."""

    def __init__(
        self,
        engine: MediaEngine,
        driver: SipDriver[Event],
        exchange: Exchange,
        watch: MediaWatch,
        playbacks: Playbacks,
        recorder: RemoteRecorder,
        recordings: Recordings,
    ) -> None:
        self._engine = engine
        self._driver = driver
        self._exchange = exchange
        self._watch = watch
        self._playbacks = playbacks
        self._recorder = recorder
        self._recordings = recordings

    def poll(self) -> None:
        """Fetch what has happened."""
        events = self._engine.poll()
        if events:
            self._driver.post(lambda now: self._tell(events))

    def _tell(self, events: Sequence[MediaEvent]) -> None:
        for event in events:
            self._watch.handle(event)
            if not (self._recorder.media_event(event) or self._playbacks.media_event(event)):
                self._exchange.media_event(event)

    async def begin_recording(self) -> None:
        """See that the recorder is there before the first call is."""
        self._recorder.begin()
        deadline = time.monotonic() + _RECORDER_S
        while not self._recorder.ready and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
            self.poll()

    async def complete_recordings(self) -> None:
        """Wait until the recorder has completed what was ended, and the index knows. The driver does not run."""
        deadline = time.monotonic() + _RECORDINGS_S
        while not self._recordings.settled and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
            for event in self._engine.poll():
                self._recorder.media_event(event)
        await asyncio.sleep(0)
