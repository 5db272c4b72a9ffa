"""What a call is made to hear, and what of it is recorded, as the API wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem
from softswitch.app import Application
from softswitch.calls.call import Call
from softswitch.calls.dispatching.operator import NotPossible, Operator, Refused
from softswitch.calls.leg import Cause
from softswitch.media import MediaError
from softswitch.media.playing import tones
from softswitch.media.playing.sounds import SoundError
from softswitch.media.recording.reader import PcmReader, Reader, load_decoders, open_file
from softswitch.recordings.scene import CALLEE, CALLER
from softswitch.recordings.wish import Wish
from softswitch.store import recordings as rows

_RATE_HZ = 8000
_TONE_S, _TONE_DBM0 = 1.0, -10.0


class CallMedia:
    """Playing and recording of calls; runs inside the mutations of `CallControl`."""

    def __init__(self, app: Application, operator: Operator, sound: Callable[[str], NDArray[np.int16] | None]) -> None:
        self._app = app
        self._operator = operator
        self._sound = sound

    # -- recording ----------------------------------------------------------------------------------------------------

    def record(self, call: Call, body: Mapping[str, Any], by: Principal) -> None:
        """Begin, pause, resume, mark or end recordings of a call; raises Problem, LookupError."""
        recordings = self._app.recordings
        if body["action"] == "start":
            recordings.record_call(call, wish(body, by, lane_of(call, body["leg_id"])))
            return
        steer(self._app, recordings.of_call(call.id), body, by)

    # -- playing ------------------------------------------------------------------------------------------------------

    def prepare(self, body: Mapping[str, Any]) -> None:
        """Load what `play` will need of the code that decodes files and changes their speed."""
        if body["file"] or body["recording_id"] or body["speed"]:
            load_decoders()

    def play(self, call: Call, body: Mapping[str, Any]) -> None:
        """Play something, or steer what is played; raises NotPossible, Refused, LookupError."""
        action, playbacks = body["action"], self._app.playbacks
        if action == "start":
            self._start(call, body)
        elif action == "pause":
            playbacks.pause(call.id)
        elif action == "resume":
            playbacks.resume(call.id, speed=body["speed"])
        elif action == "seek":
            playbacks.seek(call.id, body["position_s"])
        else:
            self.stop(call, "")

    def stop(self, call: Call, leg_id: str) -> None:
        """Stop whatever is played; raises NotPossible, LookupError."""
        self._app.playbacks.stop(call.id)
        self._operator.stop_play(call, leg_id)

    def _start(self, call: Call, body: Mapping[str, Any]) -> None:
        ports = self._operator.ports_for("play", call, body["leg_id"], body["to"])
        reader = self._reader(body)
        try:
            self._app.playbacks.start(
                call.id,
                ports,
                reader,
                position_s=body["position_s"],
                speed=body["speed"] or 1.0,
                loop=body["loop"] or body["tone_hz"] is not None,
            )
        except MediaError as error:
            raise NotPossible("play", call, str(error)) from error
        except (SoundError, OSError) as error:
            raise Refused("file", Cause(404, 1, str(error))) from error

    def _reader(self, body: Mapping[str, Any]) -> Reader:
        if body["tone_hz"] is not None:
            samples = np.resize(tones.sine(body["tone_hz"], _TONE_DBM0, _RATE_HZ), int(_TONE_S * _RATE_HZ))
            return PcmReader(samples.reshape(-1, 1), _RATE_HZ)
        if body["source"]:
            sound = self._sound(body["source"])
            if sound is None:
                raise Refused("source", Cause(404, 1, f"there is no sound {body['source']!r}"))
            return PcmReader(sound.reshape(-1, 1), _RATE_HZ)
        field = "recording_id" if body["recording_id"] else "file"
        path = self._recorded(body["recording_id"]) if body["recording_id"] else self._file(body["file"])
        try:
            return open_file(path)
        except (SoundError, OSError) as error:
            raise Refused(field, Cause(404, 1, str(error))) from error

    def _recorded(self, identifier: str) -> Path:
        row = self._app.store.read(lambda database: rows.get(database, identifier))
        if row is None or not row["files"]:
            raise Refused("recording_id", Cause(404, 1, f"there is no recording {identifier!r}"))
        return self._app.recording_index.directory / str(row["files"][0]["path"])

    def _file(self, name: str) -> Path:
        """A file below the folder of sounds, and none elsewhere."""
        folder = (self._app.data_directory / "sounds").resolve()
        path = (folder / name).resolve()
        if "\0" in name or not path.is_relative_to(folder) or not path.is_file():
            raise Refused("file", Cause(404, 1, f"there is no file {name!r} among the sounds"))
        return path


def wish(body: Mapping[str, Any], by: Principal, party: str) -> Wish:
    """How a recording is wanted, of one party or ("") of all."""
    return Wish(body["layout"], body["format"], float(body["include_past_s"]), by.name, party)


def lane_of(call: Call, leg_id: str) -> str:
    """Which side of a call a leg or number is in its recordings, "" for none named; raises LookupError."""
    if not leg_id:
        return ""
    for leg, lane in ((call.caller, CALLER), (call.callee, CALLEE)):
        if leg is not None and leg_id in (leg.id, leg.party.number):
            return lane
    raise LookupError(f"{leg_id!r} is not in the call")


def steer(app: Application, running: list[str], body: Mapping[str, Any], by: Principal) -> None:
    """Do something to recordings in progress: to the one that is named, or to all; raises Problem, LookupError."""
    named = body["recording_id"]
    if named and named not in running:
        raise LookupError(f"recording {named!r} is not running here")
    if not running:
        raise Problem(409, "nothing is being recorded", kind="not-recording")
    for identifier in [named] if named else running:
        if body["action"] == "stop":
            app.recordings.stop(identifier)
        elif body["action"] == "pause":
            app.recordings.pause(identifier, by.name)
        elif body["action"] == "resume":
            app.recordings.resume(identifier, by.name)
        else:
            app.recordings.mark(identifier, body["label"])
