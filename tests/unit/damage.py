"""Octets of chance that get past the first look of a parser: good ones with a few of them changed."""

from __future__ import annotations

from hypothesis import strategies as st


def damaged(*good: bytes, most: int = 3) -> st.SearchStrategy[bytes]:
    """One of the `good` examples with at most `most` octets replaced."""

    @st.composite
    def draw_damaged(draw: st.DrawFn) -> bytes:
        data = bytearray(draw(st.sampled_from(good)))
        for _ in range(draw(st.integers(0, most)) if data else 0):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        return bytes(data)

    return draw_damaged()
