"""When a worker that was lost is started again: at once, later when it keeps ending, in the end hardly ever."""

from __future__ import annotations

from dataclasses import dataclass

_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GOOD_LIFE_S = 0.5, 30.0, 60.0
#: After so many short lives a worker is given up: somebody has to look. It is tried again now and then.
_MOST_SHORT_LIVES = 6
_GIVEN_UP_PAUSE_S = 300.0


@dataclass(slots=True)
class Patience:
    """What one worker has left of our patience."""

    short_lives: int = 0
    pause_s: float = 0.0

    @property
    def given_up(self) -> bool:
        """Whether it has ended too often too soon."""
        return self.short_lives >= _MOST_SHORT_LIVES

    def lost(self, lasted_s: float) -> float:
        """It has ended after so long, or could not be started (0); returns how long to wait before the next try."""
        if lasted_s > _GOOD_LIFE_S:
            self.short_lives, self.pause_s = 0, 0.0
        self.short_lives += 1
        if self.given_up:
            return _GIVEN_UP_PAUSE_S
        pause = self.pause_s
        self.pause_s = min(max(2 * pause, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        return pause
