"""`softswitch doctor`: what works here, what is missing, and what to do about it."""

from __future__ import annotations

from argparse import Namespace

from softswitch.cli.checks import examine
from softswitch.cli.finding import Finding
from softswitch.cli.output import FAILED, OK, write, write_json
from softswitch.cli.sources import data_directory, settings_of

_MARKS = {"ok": "✔", "warning": "!", "failed": "✘"}


def doctor(arguments: Namespace) -> int:
    """Run every check; exit code 1 when one failed, warnings alone are fine."""
    findings: list[Finding] = []
    for finding in examine(settings_of(arguments), data_directory(arguments)):
        findings.append(finding)
        if not arguments.json:
            _show(finding)
    failed = [finding for finding in findings if finding.verdict == "failed"]
    warnings = [finding for finding in findings if finding.verdict == "warning"]
    if arguments.json:
        write_json({"ok": not failed, "findings": [finding._asdict() for finding in findings]})
    elif failed:
        write(f"\n{len(failed)} failed, {len(warnings)} warnings.")
    else:
        write(f"\nEverything needed works here ({len(warnings)} warnings).")
    return FAILED if failed else OK


def _show(finding: Finding) -> None:
    write(f"{_MARKS[finding.verdict]} {finding.subject}: {finding.sentence}")
    if finding.remedy:
        write(f"    → {finding.remedy}")
