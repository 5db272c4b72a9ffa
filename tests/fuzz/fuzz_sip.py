"""Coverage-guided fuzzing of the SIP parser: `python tests/fuzz/fuzz_sip.py -max_total_time=30`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import atheris

with atheris.instrument_imports(include=["softswitch"]):
    from tests.fuzz.exercise import exercise_sip, exercise_stream

from tests.fuzz.seeds import sip_seeds


def target(data: bytes) -> None:
    """One input, as a datagram and as a stream."""
    exercise_sip(data)
    exercise_stream(data)


def main() -> None:
    """Fuzz with a fresh corpus of the seeds, or replay the files named."""
    with tempfile.TemporaryDirectory(prefix="fuzz-sip-") as corpus:
        for number, seed in enumerate(sip_seeds()):
            (Path(corpus) / f"seed-{number}").write_bytes(seed)
        named = any(not argument.startswith("-") for argument in sys.argv[1:])
        atheris.Setup(sys.argv if named else [*sys.argv, "-max_len=4096", corpus], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
