"""The recorder as a service of the media helper: it goes on recording when the switch is gone, or any worker."""

from __future__ import annotations

from softswitch.media.memory import Arena
from softswitch.media.recording.recorder import Recorder
from softswitch.media.workers.services import Message, Tell


class RecorderService:
    """Takes the requests of `softswitch.media.recording.requests`, and tells its notices."""

    def start(self, arena: Arena, worker: int, tell: Tell) -> None:
        """`Service.start`: listen to the taps of all packet threads."""
        self._recorder = Recorder(tell, patient=True)
        self._recorder.start(arena, range(len(arena.workers)))

    def handle(self, request: Message) -> Message:
        """`Service.handle`; what is asked is done within a quarter of a second, as of now."""
        self._recorder.handle(request)
        return {}

    def stop(self) -> None:
        """`Service.stop`: complete every recording."""
        self._recorder.stop()
