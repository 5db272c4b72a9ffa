"""What a recorder is asked and what it tells: plain values, so that it may live in another process.

A request is a mapping with `op`, and may have `at_ns`, the time at which it was asked; a notice is one with `notice`.
Times are nanoseconds of CLOCK_MONOTONIC, which is the same in every process of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from softswitch.media.formats import StreamFormat
from softswitch.media.recording.plan import SourceKey

Request = Mapping[str, Any]
Notice = dict[str, Any]

#: Requests: a source is there (`source`, `formats`, `keep_s` for a recording that begins in the past); it is gone; a
#: recording begins (`plan`, `past_s`), hears a source as a lane or no more, pauses, goes on, gets a mark, ends. About
#: all recordings: how much of the disk is to stay free, tell what there is, forget a complete one that was told of.
LISTEN, FORGET, START, BIND, UNBIND, PAUSE, RESUME, MARK, STOP, SETTINGS, REPORT, KNOWN = (
    "listen",
    "forget",
    "start",
    "bind",
    "unbind",
    "pause",
    "resume",
    "mark",
    "stop",
    "settings",
    "report",
    "known",
)
#: Notices: a recording has begun, is complete (with its files and their hashes), cannot be written now, can again; a
#: `source` is to be asked for a picture that needs none before it. To REPORT: one is being made, and (after all that
#: are, and those complete that nobody has said to know) that was all, with why nothing can be written ("": it can).
STARTED, FINISHED, FULL, ROOM, WANTED, RUNNING, REPORTED = (
    "started",
    "finished",
    "full",
    "room",
    "wanted",
    "running",
    "reported",
)


def format_values(formats: Iterable[StreamFormat]) -> list[list[Any]]:
    """Formats as plain values."""
    return [[f.payload_type, f.encoding, f.clock_rate, f.channels, f.fmtp, f.ptime_ms] for f in formats]


def formats_of(values: Iterable[Iterable[Any]]) -> tuple[StreamFormat, ...]:
    """The formats that `format_values` wrote."""
    return tuple(StreamFormat(*value) for value in values)


def source_of(values: Iterable[int]) -> SourceKey:
    """A source's key from plain values."""
    return SourceKey(*values)
