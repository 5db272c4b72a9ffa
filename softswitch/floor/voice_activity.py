"""Speaking as a request: a plain telephone takes the floor by voice and gives it back by silence."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.floor.adapters import Action, Command
from softswitch.floor.states import FloorError


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """Levels in dBm0, times in seconds."""

    #: what counts as voice at least, and how far above the noise it must be.
    level_dbm0: float = -42.0
    above_noise_db: float = 9.0
    #: voice must last this long in all before it asks for the floor, so that a cough does not.
    onset: float = 0.08
    #: silence must last this long before the floor is given back: longer than pauses between words.
    hang_over: float = 1.2
    #: how fast the estimate of the noise follows a louder surrounding, in dB per second.
    noise_rise_db: float = 1.5

    def __post_init__(self) -> None:
        if self.onset < 0 or self.hang_over <= 0 or self.noise_rise_db < 0:
            raise FloorError("onset, hang-over and noise rise must not be negative, the hang-over not nothing")


class VoiceActivity:
    """The voice of one telephone, fed with the level of each frame; asks once per talk, however it is answered."""

    __slots__ = ("_asked", "_last_frame", "_last_voice", "_loud_s", "_noise", "_refused", "settings")

    def __init__(self, settings: VoiceSettings | None = None) -> None:
        self.settings = settings or VoiceSettings()
        self._noise = -60.0
        self._loud_s = 0.0
        self._last_frame: float | None = None
        self._last_voice: float | None = None
        self._asked = False
        self._refused = False

    @property
    def speaking(self) -> bool:
        """Whether voice has been heard within the hang-over."""
        return self._last_voice is not None

    def frame(self, level_dbm0: float, duration_s: float, now: float) -> Command | None:
        """A frame of audio with its mean level has arrived."""
        settings = self.settings
        ended = self.handle_timer(now)
        passed = duration_s if self._last_frame is None else min(max(now - self._last_frame, duration_s), 1.0)
        self._last_frame = now
        voice = level_dbm0 >= max(settings.level_dbm0, self._noise + settings.above_noise_db)
        self._noise = min(level_dbm0, self._noise + settings.noise_rise_db * passed)
        if not voice:
            if self._last_voice is None:
                self._loud_s = max(0.0, self._loud_s - duration_s)
            return ended
        self._loud_s += duration_s
        if self._last_voice is not None or self._loud_s >= settings.onset:
            self._last_voice = now
            if not self._asked and not self._refused:
                self._asked = True
                return Command(Action.REQUEST)
        return ended

    def stopped(self) -> None:
        """The request was denied or the floor taken away: nothing is asked until the party has fallen silent."""
        self._refused = self._last_voice is not None
        self._asked = False

    def next_timer(self) -> float | None:
        """When the hang-over ends, None while nobody speaks."""
        return None if self._last_voice is None else self._last_voice + self.settings.hang_over

    def handle_timer(self, now: float) -> Command | None:
        """Give the floor back when the hang-over is over, whether silence or nothing at all has arrived since."""
        end = self.next_timer()
        if end is None or now < end:
            return None
        asked = self._asked
        self._last_voice = None
        self._loud_s = 0.0
        self._asked = self._refused = False
        return Command(Action.RELEASE) if asked else None
