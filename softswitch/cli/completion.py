"""`softswitch completion bash`: a script for the shell, made from the parser itself."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace

from softswitch.cli.output import OK, write, write_json

_SCRIPT = """\
# Completion for bash: eval "$(softswitch completion bash)"
_softswitch() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" path="" word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        [[ "$word" == -* ]] || case " {paths} " in *" ${{path:+$path/}}$word "*) path="${{path:+$path/}}$word" ;; esac
    done
    case "$previous" in
        --config|--data) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
    local words=""
    case "$path" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _softswitch softswitch
"""


def script(parser: ArgumentParser) -> str:
    """The completion script of a parser."""
    words = _words(parser, "")
    cases = "\n".join(f'        "{path}") words="{" ".join(choices)}" ;;' for path, choices in words.items())
    return _SCRIPT.format(paths=" ".join(path for path in words if path), cases=cases)


def _words(parser: ArgumentParser, path: str) -> dict[str, list[str]]:
    """What may follow each chain of verbs (joined with /)."""
    found: dict[str, list[str]] = {path: []}
    for action in parser._actions:
        found[path].extend(option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                found[path].append(name)
                found.update(_words(inner, f"{path}/{name}" if path else name))
        elif action.choices is not None and not action.option_strings:
            found[path].extend(map(str, action.choices))
    return found


def completion(arguments: Namespace) -> int:
    """Print the script."""
    from softswitch.cli.main import build_parser

    text = script(build_parser())
    if arguments.json:
        write_json({"shell": arguments.shell, "script": text})
    else:
        write(text.rstrip("\n"))
    return OK
