"""What an address that cannot be listened on is called in the error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(what: str, host: str, port: int) -> Iterator[None]:
    """Let an OSError of the block say what was to be listened on: `what` is the transport, such as udp."""
    try:
        yield
    except OSError as error:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        text = error.strerror or str(error)
        raise OSError(error.errno, f"{text}: {what} {place} (ss -lnp shows who has it)") from error
