"""What libraries have allocated for the coders of a voice, given back by the packet thread that has used them."""

from __future__ import annotations

from typing import Any

from mediacodecs.frames import release_stream
from softswitch.media.kernels.compiler import part
from softswitch.media.layouts.voice import DECODER_WORDS, DECODERS


@part
def release_voice(voice: Any) -> None:
    """Give back what the coders hold; the voice may be used on, and they begin anew."""
    for i in range(DECODERS):
        state = voice["decoders"][i * DECODER_WORDS : (i + 1) * DECODER_WORDS]
        release_stream(voice["decoder_codec"][i], state)
    if voice["speaks"] != 0:
        release_stream(voice["send_codec"], voice["encoder"])
