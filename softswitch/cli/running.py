"""Commands that are the switch itself: serve, demo, warmup."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from softswitch.cli.greeting import greeting
from softswitch.cli.output import OK, CommandError, complain, write, write_json
from softswitch.cli.sources import data_directory, settings_of


def serve(arguments: Namespace, *, simulate: bool = False) -> int:
    """Run the switch until it is told to stop; `simulate`: with the simulators of the demonstration."""
    settings = settings_of(arguments)
    data = data_directory(arguments)
    path = arguments.config or os.environ.get("SOFTSWITCH_CONFIG")
    from softswitch.media import MediaError
    from softswitch.media.warmup import warm_up
    from softswitch.runtime.supervision import Service, ServiceFailed
    from softswitch.serve import run
    from softswitch.store import StoreError

    services: Sequence[Service] = ()
    if simulate:
        from softswitch import demonstration

        settings = demonstration.simulated(settings)
        services = demonstration.services(settings)
    warm_up(_Patience())
    try:
        run(
            settings,
            data,
            configuration=Path(path) if path else None,
            ready=lambda application: _greet(greeting(settings, data, embedded=not path, simulated=simulate)),
            services=services,
        )
    except* (OSError, StoreError, MediaError) as group:
        raise CommandError(f"the switch cannot start: {group.exceptions[0]}") from None
    except* ServiceFailed as group:
        raise CommandError(f"the switch stopped: {group.exceptions[0]}") from None
    return OK


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
