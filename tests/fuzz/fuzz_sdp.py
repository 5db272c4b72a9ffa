"""Coverage-guided fuzzing of the SDP parser: `python tests/fuzz/fuzz_sdp.py -max_total_time=30`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import atheris

with atheris.instrument_imports(include=["softswitch"]):
    from tests.fuzz.exercise_sdp import exercise_sdp

from tests.fuzz.seeds import sdp_seeds


def target(data: bytes) -> None:
    """One body."""
    exercise_sdp(data)


def main() -> None:
    """Fuzz with a fresh corpus of the seeds, or replay the files named."""
    with tempfile.TemporaryDirectory(prefix="fuzz-sdp-") as corpus:
        for number, seed in enumerate(sdp_seeds()):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        named = any(not argument.startswith("-") for argument in sys.argv[1:])
        atheris.Setup(sys.argv if named else [*sys.argv, "-max_len=4096", corpus], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
