"""Commands that are the switch itself: serve, demo, warmup."""

from __future__ import annotations

import gc
import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from softswitch.cli.greeting import greeting
from softswitch.cli.output import OK, CommandError, complain, write, write_json
from softswitch.cli.sources import data_directory, settings_of

if TYPE_CHECKING:
    from softswitch.config import Settings
    from softswitch.media import MediaEngine
    from softswitch.runtime.supervision import Service


def serve(arguments: Namespace, *, simulate: bool = False) -> int:
    """Run the switch until it is told to stop; `simulate`: with the simulators of the demonstration."""
    gc.disable()  # thousands of objects that stay: looking through them again and again is an eighth of the start
    settings = settings_of(arguments)
    if simulate:
        from softswitch.demonstration import simulated

        settings = simulated(settings)
    data = data_directory(arguments)
    path = arguments.config or os.environ.get("SOFTSWITCH_CONFIG")
    engine = _begin_media(settings, data)
    # The media workers come up while the rest is loaded.
    from softswitch.media import MediaError
    from softswitch.runtime.supervision import ServiceFailed
    from softswitch.serve import run
    from softswitch.store import StoreError

    try:
        run(
            settings,
            data,
            engine,
            configuration=Path(path) if path else None,
            ready=lambda application: _greet(greeting(settings, data, embedded=not path, simulated=simulate)),
            services=_simulators(settings) if simulate else (),
        )
    except* (OSError, StoreError, MediaError) as group:
        raise CommandError(f"the switch cannot start: {group.exceptions[0]}") from None
    except* ServiceFailed as group:
        raise CommandError(f"the switch stopped: {group.exceptions[0]}") from None
    return OK


def _begin_media(settings: Settings, data: Path) -> MediaEngine:
    """The media engine, its workers on their way, once the compiled code is on disk."""
    from softswitch.media import MediaEngine
    from softswitch.media.warmup import prepare, warm_up
    from softswitch.runtime.logs import configure_logging
    from softswitch.wiring.media_values import media_options

    data.mkdir(parents=True, exist_ok=True)
    configure_logging(settings.logging.level, "json" if settings.logging.format == "json" else "auto")
    (prepare if settings.rtp.isolated else warm_up)(_Patience())
    engine = MediaEngine(**media_options(settings.rtp, data))
    engine.begin()
    return engine


def _simulators(settings: Settings) -> Sequence[Service]:
    from softswitch.demonstration import services

    return services(settings)


def _greet(text: str) -> None:
    write(text)
    sys.stdout.flush()  # whoever started us through a pipe waits for these lines


def demo(arguments: Namespace) -> int:
    """Run the switch on the embedded defaults, whatever the environment says, with simulators that use it."""
    arguments.config = None
    os.environ.pop("SOFTSWITCH_CONFIG", None)
    return serve(arguments, simulate=True)


class _Patience:
    """Shows the progress of the first compilation, and nothing of the quick loading at every later start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        if time.monotonic() - self._began > 1.5:
            complain(line)


def warmup(arguments: Namespace) -> int:
    """Compile the media engine now, so that the first start is quick."""
    from softswitch.media.warmup import warm_up

    seconds = warm_up((lambda line: None) if arguments.json else write)
    if arguments.json:
        write_json({"seconds": round(seconds, 3)})
    return OK
