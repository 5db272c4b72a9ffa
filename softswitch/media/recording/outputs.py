"""The files that a recording is being written into, opened as they are needed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from softswitch.media.recording.matroska import MatroskaWriter
from softswitch.media.recording.picture_track import Picture
from softswitch.media.recording.plan import SEPARATE, STEREO, Part, Plan
from softswitch.media.recording.writers import EXTENSIONS, MKA, MKV, Block, Writer, create

logger = logging.getLogger(__name__)


class Passage(NamedTuple):
    """What comes next: int16[n, width], from position `begin` of what is written; the column of each lane; pictures
    with their lanes, whose places count from the passage's beginning."""

    pcm: Block
    begin: int
    columns: dict[str, int]
    pictures: Sequence[tuple[str, Picture]] = ()


@dataclass(slots=True)
class _Output:
    part: Part
    writer: Writer
    lanes: tuple[str, ...]  # one for each track; ("",) for all together
    channels: int


class Outputs:
    """The files of one recording; `parts` are all there have been."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._outputs: list[_Output] = []
        self.parts: list[Part] = []

    def write(self, passage: Passage) -> None:
        """Put a passage into its files. Raises OSError, CodecUnavailable."""
        self._open_for(passage)
        if passage.pictures:
            self._show(passage)
        seconds = len(passage.pcm) / self._plan.rate_hz
        for output in self._outputs:
            output.writer.write(_blocks(output, passage))
            output.part.seconds += seconds

    def close(self) -> None:
        """Complete the files; what comes then goes into further ones."""
        outputs, self._outputs = self._outputs, []
        for output in outputs:
            try:
                output.writer.close()
            except OSError as error:
                logger.warning("%s could not be completed: %s", output.part.path, error)

    def _open_for(self, passage: Passage) -> None:
        """See that there is a file for everything."""
        if self._plan.layout != SEPARATE:
            if not self._outputs:
                self._open(("",), "", 2 if self._plan.layout == STEREO else 1, passage)
            return
        have = {lane for output in self._outputs for lane in output.lanes}
        missing = tuple(lane for lane in passage.columns if lane not in have)
        if self._plan.container in (MKA, MKV) and missing and not self._outputs:
            self._open(missing, "", 1, passage)
            return
        for lane in missing:
            self._open((lane,), lane, 1, passage)

    def _open(self, lanes: tuple[str, ...], name: str, channels: int, passage: Passage) -> None:
        plan, number = self._plan, len(self.parts)
        suffix = f"-{number + 1}" if number else ""
        path = plan.stem.with_name(f"{plan.stem.name}{suffix}.{EXTENSIONS[plan.container]}")
        writer = create(plan.container, path, plan.rate_hz, [(lane, channels) for lane in lanes])
        part = Part(path, name, passage.begin / plan.rate_hz)
        self.parts.append(part)
        self._outputs.append(_Output(part, writer, lanes, channels))

    def _show(self, passage: Passage) -> None:
        """Pictures go into the first file."""
        if not self._outputs or not isinstance(writer := self._outputs[0].writer, MatroskaWriter):
            return
        begin = passage.begin - round(self._outputs[0].part.offset_s * self._plan.rate_hz)
        for lane, picture in passage.pictures:
            at_ms = max((begin + picture.at) * 1000 // self._plan.rate_hz, 0)
            if writer.show(lane, [(at_ms, picture.coded)]) and picture.coded.key:
                logger.warning("recording %s has no room for the pictures of %s", self._plan.id, lane)


def _blocks(output: _Output, passage: Passage) -> Sequence[Block]:
    if output.lanes == ("",):
        return [passage.pcm]
    return [passage.pcm[:, passage.columns[lane] : passage.columns[lane] + 1] for lane in output.lanes]
