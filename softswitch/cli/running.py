"""Commands that are the switch itself: serve, demo, warmup."""

from __future__ import annotations

import asyncio
import inspect
from argparse import Namespace
from typing import TYPE_CHECKING

from softswitch.cli.output import OK, CommandError, write, write_json
from softswitch.cli.sources import data_directory, settings_of

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from softswitch.config import Settings


def serve(arguments: Namespace) -> int:
    """Run the switch until it is told to stop."""
    settings = settings_of(arguments)
    from softswitch import app

    return _run(app.serve(settings, data_directory(arguments)))


def demo(arguments: Namespace) -> int:
    """Run the switch on the embedded defaults together with the simulators of the gateways."""
    from softswitch import app
    from softswitch.config import embedded_defaults

    settings: Settings = embedded_defaults()
    return _run(app.serve(settings, data_directory(arguments), demo=True))


def _run(outcome: Coroutine[Any, Any, int | None] | int | None) -> int:
    """Wait for the switch to end and take its exit code."""
    if inspect.iscoroutine(outcome):
        import uvloop

        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                outcome = runner.run(outcome)
        except OSError as error:
            raise CommandError(f"the switch cannot start: {error}") from None
        except RuntimeError as error:
            raise CommandError(f"the switch stopped: {error}") from error
    return outcome if isinstance(outcome, int) else OK


def warmup(arguments: Namespace) -> int:
    """Compile the media engine now, so that the first start is quick."""
    from softswitch.media.warmup import warm_up

    seconds = warm_up((lambda line: None) if arguments.json else write)
    if arguments.json:
        write_json({"seconds": round(seconds, 3)})
    return OK
