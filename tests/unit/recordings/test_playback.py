"""Files are played passage by passage, wherever one begins and however fast."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from softswitch.media import PlaybackEnded
from softswitch.media.playing.sounds import SoundError
from softswitch.media.recording.reader import PcmReader
from softswitch.recordings.playback import Playbacks

RATE = 8000


class Player:
    """An engine that plays; `played` are the samples of every passage."""

    def __init__(self) -> None:
        self.played: list[np.ndarray[Any, Any]] = []
        self.now = 100.0
        self.playbacks = Playbacks(cast(Any, self), lambda: self.now)

    def play(self, port: object, samples: np.ndarray[Any, Any], *, rate_hz: int) -> int:
        self.played.append(samples)
        return len(self.played)

    def stop(self, port: object, number: int) -> None: ...

    def end(self) -> None:
        """The passage that is being played is over."""
        self.now += len(self.played[-1]) / RATE
        self.playbacks.media_event(PlaybackEnded(cast(Any, "port"), len(self.played), self.now))


def ramp(seconds: int) -> PcmReader:
    """A file whose samples tell which second they are of."""
    return PcmReader(np.repeat(np.arange(seconds, dtype=np.int16), RATE).reshape(-1, 1), RATE)


def start(player: Player, seconds: int, **options: Any) -> None:
    player.playbacks.start(
        "c", cast(Any, ["port"]), ramp(seconds), **{"position_s": 0, "speed": 1, "loop": False, **options}
    )


def test_all_of_a_long_file_is_played_once() -> None:
    player = Player()
    start(player, 100)
    while player.playbacks.state("c"):
        player.end()
    assert np.array_equal(np.concatenate(player.played), ramp(100).read(0, 100 * RATE)[:, 0])
    assert len(player.played) == 5, "a short passage, and half a minute at a time"


def test_a_loop_begins_anew() -> None:
    player = Player()
    start(player, 20, loop=True)
    for _ in range(3):
        player.end()
    assert [(int(each[0]), int(each[-1])) for each in player.played] == [(0, 7), (8, 19), (0, 19), (0, 19)]


def test_after_a_seek_nothing_is_played_that_was_made_ready_before() -> None:
    player = Player()
    start(player, 100)
    player.playbacks.seek("c", 50)
    player.end()
    assert [int(each[0]) for each in player.played] == [0, 50, 58]
    player.playbacks.resume("c", speed=2.0)
    assert player.playbacks.state("c") == {"position_s": 58.0, "length_s": 100.0, "speed": 2.0, "paused": False}
    player.end()
    assert abs(len(player.played[-1]) / RATE - 15) < 0.1 and int(player.played[-1][0]) == 66, (
        "half a minute in half of it"
    )


def test_where_it_is_while_it_is_played_and_paused() -> None:
    player = Player()
    start(player, 100, position_s=10, speed=1.5)
    player.now += 2
    player.playbacks.pause("c")
    player.now += 60
    state = player.playbacks.state("c")
    assert state is not None and (state["position_s"], state["paused"]) == (13.0, True)
    assert player.playbacks.stop("c") and not player.playbacks.stop("c")
    with pytest.raises(LookupError, match="nothing is played"):
        player.playbacks.pause("c")


def test_a_file_that_is_gone_ends_what_is_played() -> None:
    player, reader = Player(), ramp(100)
    player.playbacks.start("c", cast(Any, ["port"]), reader, position_s=90, speed=1, loop=True)

    def gone(begin: int, end: int) -> Any:
        raise SoundError("it is gone")

    reader.read = gone  # type: ignore[method-assign]
    player.end()
    player.end()
    assert player.playbacks.state("c") is None
