"""The command `softswitch`: arguments, dispatch, exit codes. Each verb's module is imported when it is used."""

from __future__ import annotations

import importlib
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import Any

from softswitch.cli.actions import ACTIONS, usage
from softswitch.cli.output import USAGE, CommandError, complain

_EPILOGUE = "exit codes: 0 done, 1 failed, 2 wrong arguments, 3 no switch answers, 4 the switch refused"


def build_parser() -> ArgumentParser:
    """The parser with every verb."""
    parser = ArgumentParser(prog="softswitch", description="SIP switch and media gateway.", epilog=_EPILOGUE)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_running(verbs)
    _add_setup(verbs)
    _add_live(verbs)
    _add_subscribers(verbs)
    _add_recordings(verbs)
    return parser


def _verb(verbs: Any, name: str, run: str, text: str, *, switch: bool = False, files: bool = False) -> ArgumentParser:
    """One verb; `run` is module:function, `switch` adds --url and --token, `files` adds --config and --data."""
    parser: ArgumentParser = verbs.add_parser(name, help=text, description=text, epilog=_EPILOGUE)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="one JSON value instead of text")
    if files:
        parser.add_argument("--config", metavar="FILE", help="configuration (SOFTSWITCH_CONFIG; none: demo defaults)")
        parser.add_argument("--data", metavar="DIR", help="data directory (SOFTSWITCH_DATA; default: ./data)")
    if switch:
        parser.add_argument("--url", help="the switch (SOFTSWITCH_URL; default: http://127.0.0.1:8080)")
        parser.add_argument("--token", help="bearer token (SOFTSWITCH_TOKEN; on loopback: the demo token)")
    return parser


def _add_running(verbs: Any) -> None:
    _verb(verbs, "serve", "running:serve", "Run the switch.", files=True)
    _verb(verbs, "demo", "running:demo", "Run the switch with simulators of every gateway.", files=True)
    _verb(verbs, "warmup", "running:warmup", "Compile the media engine now.")


def _add_setup(verbs: Any) -> None:
    init = _verb(verbs, "init", "setup:init", "Write a configuration for this network, with random credentials.")
    init.add_argument("path", nargs="?", default="softswitch.toml", help="file to write (default: softswitch.toml)")
    init.add_argument("--force", action="store_true", help="replace the file")
    init.add_argument("--address", help="address to listen on (default: found by itself)")
    init.add_argument("--realm", help="digest realm (default: the host name)")
    _verb(verbs, "check", "setup:check", "Validate a configuration.", files=True)
    _verb(verbs, "doctor", "doctor:doctor", "Say what works on this machine and what is missing.", files=True)
    route = _verb(verbs, "route", "dialling:route", "Say where a call would go, and why.", files=True)
    route.add_argument("caller", help="number of the caller")
    route.add_argument("called", help="number dialled")
    route.add_argument("--trunk", help="as if the call came from this trunk")
    route.add_argument("--time", help="as if it were this time, such as 2026-05-01T08:30")
    document = _verb(verbs, "config-doc", "setup:config_doc", "Print the reference of all options.")
    document.add_argument("path", nargs="?", default="docs/configuration.md", help="file for --write and --check")
    document.add_argument("--write", action="store_true", help="write the file")
    document.add_argument("--check", action="store_true", help="exit code 1 when the file is not current")
    _verb(verbs, "version", "setup:version", "Show the version.")
    completion = _verb(verbs, "completion", "completion:completion", "Print a completion script for the shell.")
    completion.add_argument("shell", choices=("bash",))


def _orders(verbs: Any, verb: str, text: str) -> None:
    """A verb that lists, or does what its action says with the words that follow."""
    parser = _verb(verbs, verb, "orders:run", text, switch=True)
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = f"{usage(verb)}\n{_EPILOGUE}"
    parser.add_argument("action", nargs="?", default="list", choices=("list", *ACTIONS[verb]))
    parser.add_argument("words", nargs="*", metavar="WORD", help="what the action is about")


def _add_live(verbs: Any) -> None:
    _verb(verbs, "status", "live:status", "Health, trunks and registrations.", switch=True)
    _orders(verbs, "calls", "Calls in progress; place, steer and end them.")
    _orders(verbs, "groups", "Talkgroups and their members; call them, the floor.")
    _orders(verbs, "conferences", "Conferences and who is in them; call their members, mute, lock, end.")
    _orders(verbs, "queues", "Call queues: who waits, and what agents do; log agents in and out.")
    _orders(verbs, "messages", "Short messages and their state; send one.")
    trunks = _verb(verbs, "trunks", "trunks:trunks", "Trunks and E1 spans; block, unblock, restart.", switch=True)
    trunks.add_argument(
        "action", nargs="?", default="list", choices=("list", "block", "unblock", "busy_out", "restart")
    )
    trunks.add_argument("trunk", nargs="?", default="", help="trunk group")
    trunks.add_argument("--span", default="", help="one span (default: all of the group)")
    trunks.add_argument("--channels", default="", help="timeslots such as 1-5,17 (default: all)")
    _verb(verbs, "reload", "live:reload", "Read the configuration again without dropping calls.", switch=True)
    trace = _verb(verbs, "trace", "trace:trace", "Show SIP messages as they come and go.", switch=True)
    trace.add_argument("find", nargs="?", default="", help="only messages that hold this text, such as a number")
    trace.add_argument("--call-id", default="", help="only this Call-ID")
    trace.add_argument("--call", default="", help="print the ladder of this call, in progress or lately ended, and end")
    trace.add_argument("--pcap", default="", metavar="FILE", help="write what is kept of --call for Wireshark instead")
    trace.add_argument("--media", type=int, default=0, metavar="SECONDS", help="capture its RTP for so long before")
    trace.add_argument("--address", default="", help="only this peer")
    trace.add_argument("--full", action="store_true", help="the whole message under each arrow")
    trace.add_argument("--count", type=int, default=0, help="stop after this many messages")


def _add_subscribers(verbs: Any) -> None:
    parser = verbs.add_parser("subscribers", help="List, add and remove subscribers.", epilog=_EPILOGUE)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _verb(actions, "list", "subscribers:list_", "Every subscriber.", files=True)
    add = _verb(actions, "add", "subscribers:add", "Add a subscriber to the store.", switch=True, files=True)
    add.add_argument("--name", help="display name")
    add.add_argument("--class-of-service", help="class of service of the configuration")
    add.add_argument("--pickup-group", help="pickup group")
    add.add_argument("--role", action="append", choices=("dispatcher",), help="right; may be repeated")
    remove = _verb(actions, "remove", "subscribers:remove", "Remove one from the store.", switch=True, files=True)
    passwd = _verb(actions, "passwd", "subscribers:passwd", "Give one another password.", switch=True, files=True)
    for action in (add, remove, passwd):
        action.add_argument("number", help="number of the subscriber")
    for action in (add, passwd):
        action.add_argument("--stdin", action="store_true", help="read the password from standard input")
        action.add_argument("--ask", action="store_true", help="ask for the password")


def _add_recordings(verbs: Any) -> None:
    parser = verbs.add_parser("recordings", help="Look whether recordings are as they were made.", epilog=_EPILOGUE)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _verb(actions, "verify", "recordings:verify", "Compare every file with the index.", files=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        parsed = build_parser().parse_args(arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    module, _, function = parsed.run.partition(":")
    try:
        run = getattr(importlib.import_module(f"softswitch.cli.{module}"), function)
        return int(run(parsed))
    except CommandError as error:
        complain(str(error))
        return error.status
    except BrokenPipeError:
        # The reader of a pipe went away (softswitch calls | head): not worth a word.
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
