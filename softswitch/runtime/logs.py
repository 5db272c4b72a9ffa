"""Logging of the switch: readable in a terminal, key=value or JSON elsewhere, secrets taken out, floods summed up."""

from __future__ import annotations

import json
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from softswitch.runtime.redact import redact_text

LogFormat = Literal["auto", "terminal", "text", "json"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRET_NAMES = ("password", "secret", "token", "authorization", "crypto", "ha1", "private_key")


class RedactingFilter(logging.Filter):
    """Takes credentials out of the message, its arguments and its extra fields."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = f"{record.msg} {record.args}"
        record.msg, record.args = redact_text(text), None
        for name in set(vars(record)) - _STANDARD:
            if any(secret in name.lower() for secret in _SECRET_NAMES):
                setattr(record, name, "***")
            elif isinstance(value := getattr(record, name), str):
                setattr(record, name, redact_text(value))
        return True


Correlate = Callable[[logging.LogRecord], Mapping[str, str]]


class CorrelatingFilter(logging.Filter):
    """Adds what a line is about, such as the call, where it does not say so itself."""

    #: set by the application; answers extra fields
    correlate: Correlate = staticmethod(lambda record: {})

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in CorrelatingFilter.correlate(record).items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class RepetitionFilter(logging.Filter):
    """Lets at most `most` lines a second through from one place in the code; the next one tells how many were not."""

    def __init__(self, most: int = 20, window_s: float = 1.0) -> None:
        super().__init__()
        self._most = most
        self._window_s = window_s
        self._places: dict[tuple[str, int], list[float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG:
            return True
        begin_and_count = self._places.setdefault((record.pathname, record.lineno), [record.created, 0.0])
        begin, count = begin_and_count
        if record.created - begin >= self._window_s:
            if count > self._most:
                record.left_out = int(count) - self._most
            begin_and_count[:] = [record.created, 1.0]
            return True
        begin_and_count[1] = count + 1
        return count < self._most


class KeyValueFormatter(logging.Formatter):
    """`time level logger message key=value …`, one line an entry but for tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        extras = "".join(f" {name}={_quoted(value)}" for name, value in _extras(record))
        line = f"{_moment(record)} {record.levelname.lower()} {record.name} {record.getMessage()}{extras}"
        return f"{line}\n{redact_text(self.formatException(record.exc_info))}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the extra fields, and `exception` when there is one."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update(_extras(record))
        if record.exc_info:
            entry["exception"] = redact_text(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False, default=str)


def configure_logging(level: str = "info", form: LogFormat = "auto") -> None:
    """Log to standard error: by rich on a terminal, else key=value. Raises ValueError for an unknown level."""
    terminal = form == "terminal" or (form == "auto" and sys.stderr.isatty())
    handler: logging.Handler
    if terminal:
        from rich.console import Console
        from rich.logging import RichHandler

        handler = RichHandler(console=Console(stderr=True), show_path=False, markup=False, rich_tracebacks=False)
        handler.setFormatter(logging.Formatter("%(message)s", datefmt="[%X]"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter() if form == "json" else KeyValueFormatter())
    for each in (RepetitionFilter(), CorrelatingFilter(), RedactingFilter()):
        handler.addFilter(each)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    # Its access log repeats what metrics and audit already hold.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


class FloodLog:
    """Logs at most one line a second for each source, with the number of entries left out in between.

    For malformed input: the network decides how often that happens, so the log must not.
    """

    def __init__(
        self, logger: logging.Logger, clock: Callable[[], float], *, interval: float = 1.0, sources: int = 4096
    ) -> None:
        self.total = 0
        self._logger = logger
        self._clock = clock
        self._interval = interval
        self._limit = sources
        self._last: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def warn(self, source: str, text: str) -> bool:
        """Log `text` about `source`, or only count it; True when a line was written."""
        self.total += 1
        now = self._clock()
        last, left_out = self._last.pop(source, (None, 0))
        if last is not None and now - last < self._interval:
            self._last[source] = (last, left_out + 1)
            return False
        if len(self._last) >= self._limit:
            self._last.popitem(last=False)
        self._last[source] = (now, 0)
        more = f" ({left_out} more since the last line)" if left_out else ""
        self._logger.warning("%s: %s%s", source, text, more)
        return True


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras(record: logging.LogRecord) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in vars(record).items() if name not in _STANDARD]


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(each in text for each in ' "=\n') else text
