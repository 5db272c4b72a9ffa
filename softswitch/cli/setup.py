"""Commands about the configuration file: init, check, config-doc, version."""

from __future__ import annotations

import platform
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softswitch.cli.output import FAILED, OK, USAGE, CommandError, complain, write, write_json
from softswitch.cli.sources import settings_of

if TYPE_CHECKING:
    from softswitch.config import Settings
    from softswitch.config.initialise import Initialised

DEFAULT_FILE = "softswitch.toml"
DOCUMENT = "docs/configuration.md"


def version(arguments: Namespace) -> int:
    """The version of the switch and of Python."""
    try:
        number = package_version("softswitch")
    except PackageNotFoundError:
        number = "unknown"
    if arguments.json:
        write_json({"version": number, "python": platform.python_version()})
    else:
        write(f"softswitch {number} (Python {platform.python_version()})")
    return OK


def init(arguments: Namespace) -> int:
    """Write a first configuration and show its credentials this one time."""
    from softswitch.config.initialise import initialise

    path = Path(arguments.path)
    try:
        made = initialise(path, force=arguments.force, address=arguments.address, realm=arguments.realm)
    except FileExistsError:
        raise CommandError(f"{path} exists already; --force replaces it, and with it all passwords") from None
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or error}") from None
    if arguments.json:
        write_json({**made._asdict(), "path": str(made.path)})
    else:
        _show_credentials(made)
    return OK


def _show_credentials(made: Initialised) -> None:
    write(f"Wrote {made.path} for address {made.address}, realm {made.realm}.")
    write("These credentials are shown once; the file holds only their hashes.\n")
    width = max(map(len, [*made.passwords, *made.tokens]))
    for number, password in made.passwords.items():
        write(f"  subscriber {number:<{width}}  {password}")
    for role, token in made.tokens.items():
        write(f"  token      {role:<{width}}  {token}")
    write(f"\nNext:  softswitch check --config {made.path}")
    write(f"       softswitch serve --config {made.path}")


def check(arguments: Namespace) -> int:
    """Validate a configuration: OK and a summary, or every problem with its line."""
    try:
        settings = settings_of(arguments)
    except CommandError as error:
        if arguments.json:
            _write_problems(error)
        else:
            complain(str(error))
        return error.status
    if arguments.json:
        write_json(
            {"ok": True, "problems": [], "warnings": list(_codec_warnings(settings)), "summary": _counts(settings)}
        )
    else:
        write("OK")
        _summarise(settings)
        for warning in _codec_warnings(settings):
            write(f"  warning        {warning}")
    return OK


def _codec_warnings(settings: Settings) -> Iterator[str]:
    """A sentence for every codec that a trunk or route names and this machine cannot use."""
    from mediacodecs import registry

    named: dict[str, list[str]] = {}
    for kind in ("trunk", "route"):
        for entry in getattr(settings, kind):
            for codec in entry.codecs:
                named.setdefault(codec, []).append(f"{kind} {entry.name}")
    for codec, places in named.items():
        reason = registry.why_not(codec)
        if reason:
            yield f"{', '.join(places)}: {codec} is only relayed, never transcoded: {reason}"


def _write_problems(error: CommandError) -> None:
    from softswitch.config import ConfigError
    from softswitch.config.errors import render_path

    refusal = error.__context__
    problems: list[dict[str, Any]] = []
    if isinstance(refusal, ConfigError):
        problems = [{**problem._asdict(), "path": render_path(problem.path)} for problem in refusal.problems]
    write_json({"ok": False, "problems": problems})


def _counts(settings: Settings) -> dict[str, int]:
    names = ("subscriber", "trunk", "route", "hunt_group", "service", "conference", "talkgroup")
    return {name: len(getattr(settings, name)) for name in names}


def _summarise(settings: Settings) -> None:
    write(f"  configuration  {settings.file or 'embedded defaults'}")
    for listen in settings.sip.listen:
        trusted = ", trusted" if listen.trusted else ""
        write(f"  SIP {listen.transport:<10} {listen.address}:{listen.port} ({listen.name}{trusted})")
    write(f"  RTP            {settings.rtp.address}:{settings.rtp.first_port}–{settings.rtp.last_port}")
    http = f"{settings.http.address}:{settings.http.port}" if settings.http.enabled else "off"
    write(f"  HTTP           {http}")
    write("  " + ", ".join(f"{count} {name.replace('_', ' ')}s" for name, count in _counts(settings).items()))


def config_doc(arguments: Namespace) -> int:
    """Print or write docs/configuration.md; with --check say whether the file is current."""
    from softswitch.config.document import document

    text = document()
    path = Path(arguments.path)
    if arguments.check:
        current = path.is_file() and path.read_text(encoding="utf-8") == text
        if arguments.json:
            write_json({"path": str(path), "current": current})
        elif not current:
            complain(f"{path} is not current; run: softswitch config-doc --write")
        return OK if current else FAILED
    if arguments.write:
        path.write_text(text, encoding="utf-8")
        return OK
    if arguments.json:
        write_json({"path": str(path), "text": text})
    else:
        write(text.rstrip("\n"))
    return OK
