"""Where commands find the configuration and the data of a switch."""

from __future__ import annotations

import os
import sqlite3
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from softswitch.cli.output import FAILED, CommandError

if TYPE_CHECKING:
    from softswitch.config import Settings
    from softswitch.store import SubscriberRecord

DEFAULT_DATA = "data"


def settings_of(arguments: Namespace) -> Settings:
    """The file of --config or SOFTSWITCH_CONFIG, else the embedded defaults. Raises CommandError with every problem.

    From then on the libraries that it allows may be loaded.
    """
    from mediacodecs import library
    from softswitch.config import ConfigError, embedded_defaults, load

    path = arguments.config or os.environ.get("SOFTSWITCH_CONFIG")
    try:
        settings = load(path) if path else embedded_defaults()
    except ConfigError as error:
        raise CommandError(str(error), FAILED) from None
    library.allow_gpl(allowed=settings.rtp.gpl_codecs)
    return settings


def data_directory(arguments: Namespace) -> Path:
    """The folder of --data or SOFTSWITCH_DATA, else `data` where the command runs."""
    return Path(arguments.data or os.environ.get("SOFTSWITCH_DATA") or DEFAULT_DATA)


def stored_subscribers(arguments: Namespace, settings: Settings) -> list[SubscriberRecord]:
    """Subscribers of the database, read without touching it; none when there is no database yet."""
    path = data_directory(arguments) / settings.storage.path
    if not path.is_file():
        return []
    from softswitch.store import StoreError
    from softswitch.store.opening import open_reader
    from softswitch.store.queries import list_subscribers

    try:
        reader = open_reader(path)
        try:
            return list_subscribers(reader)
        finally:
            reader.conn.close()
    except (StoreError, sqlite3.Error) as error:
        raise CommandError(f"the database {path} cannot be read: {error}") from None
