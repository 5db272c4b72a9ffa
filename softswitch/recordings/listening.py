"""Which ports are listened to, for whom: one tap serves everybody who wants the same port."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from softswitch.media import MediaEngine, MediaError, Port, StreamFormat
from softswitch.media.layouts.tap import TAP_RECEIVED, TAP_SENT
from softswitch.media.recording import requests
from softswitch.media.recording.plan import SourceKey
from softswitch.media.recording.requests import Request


@dataclass(slots=True)
class _Heard:
    port: Port
    formats: tuple[StreamFormat, ...]
    owners: dict[str, float] = field(default_factory=dict)  # and how much of the past each wants, in seconds

    @property
    def keep_s(self) -> float:
        return max(self.owners.values(), default=0.0)


class Listening:
    """The ports that the recorder hears."""

    def __init__(self, engine: MediaEngine, ask: Callable[[Request], None]) -> None:
        self._engine = engine
        self._ask = ask
        self._heard: dict[SourceKey, _Heard] = {}

    def __len__(self) -> int:
        return len(self._heard)

    def want(self, owner: str, port: Port, direction: int, keep_s: float) -> SourceKey:
        """Hear a port's peer (TAP_RECEIVED), or what the switch says to it (TAP_SENT). Raises PortClosed."""
        key = SourceKey(port.slot, port.generation, direction)
        heard = self._heard.get(key)
        if heard is None:
            heard = self._heard[key] = _Heard(port, _formats(port, direction), {owner: keep_s})
            self._listen(key, heard)
            self._tap(port)
        elif heard.owners.get(owner) != keep_s:
            heard.owners[owner] = keep_s
            self._listen(key, heard)
        return key

    def release(self, owner: str, key: SourceKey) -> None:
        """Somebody need not hear a source any more."""
        heard = self._heard.get(key)
        if heard is None or heard.owners.pop(owner, None) is None:
            return
        if not heard.owners:
            del self._heard[key]
            self._ask({"op": requests.FORGET, "source": list(key)})
            with contextlib.suppress(MediaError):  # the port may be closed
                self._tap(heard.port)

    def follow(self) -> None:
        """See which ports have agreed on other formats since the last call."""
        for key, heard in self._heard.items():
            formats = _formats(heard.port, key.direction)
            if formats != heard.formats:
                heard.formats = formats
                self._listen(key, heard)

    def want_picture(self, key: SourceKey) -> None:
        """Ask the peer of a port for a picture that needs none before it."""
        heard = self._heard.get(key)
        if heard is not None:
            with contextlib.suppress(MediaError):
                heard.port.request_key_frame()

    def tell_again(self) -> None:
        """Another recorder has come: tell it of every source."""
        for key, heard in self._heard.items():
            self._listen(key, heard)

    def _listen(self, key: SourceKey, heard: _Heard) -> None:
        formats = requests.format_values(heard.formats)
        self._ask({"op": requests.LISTEN, "source": list(key), "formats": formats, "keep_s": heard.keep_s})

    def _tap(self, port: Port) -> None:
        wanted = {
            direction: SourceKey(port.slot, port.generation, direction) in self._heard
            for direction in (TAP_RECEIVED, TAP_SENT)
        }
        self._engine.tap(port, received=wanted[TAP_RECEIVED], sent=wanted[TAP_SENT])


def _formats(port: Port, direction: int) -> tuple[StreamFormat, ...]:
    return port.settings.receivable if direction == TAP_RECEIVED else port.settings.sendable
