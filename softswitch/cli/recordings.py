"""`softswitch recordings`: whether they are as they were made. Works beside a running switch and without one."""

from __future__ import annotations

import sqlite3
from argparse import Namespace

from softswitch.cli.output import FAILED, OK, CommandError, write, write_json
from softswitch.cli.sources import data_directory, settings_of


def verify(arguments: Namespace) -> int:
    """Compare every file with the index, and the index with itself; exit code 1 when something was changed."""
    from softswitch.recordings.verification import verify as check
    from softswitch.store import StoreError
    from softswitch.store.opening import open_reader

    settings, data = settings_of(arguments), data_directory(arguments)
    path = data / settings.storage.path
    if not path.is_file():
        raise CommandError(f"there is no database {path}")
    try:
        reader = open_reader(path)
        try:
            report = check(reader.conn, data / settings.recording.directory)
        finally:
            reader.conn.close()
    except (StoreError, sqlite3.Error) as error:
        raise CommandError(f"the database {path} cannot be read: {error}") from None
    if arguments.json:
        write_json({**report._asdict(), "findings": [finding._asdict() for finding in report.findings]})
    else:
        for finding in report.findings:
            write(f"{finding.kind}: {finding.recording}: {finding.detail}")
        write(f"{report.files} files and {report.links} links of the index: {len(report.findings)} findings")
    return FAILED if report.findings else OK
