"""A wheel has everything in it: installed where there is no source tree, the switch finds its console and sounds."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.interop.switch import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
_SOURCES = ("codecs", "console", "dialplan", "gateways", "softswitch")
#: What `serve` sends at `/`: the files and their sizes.
_CONSOLE = """
import json
from softswitch.api.console_site import console_files
print(json.dumps({name: len(content) for name, (content, _) in console_files().items()}))
"""
_SOUNDS = """
from importlib.resources import files
print([entry.name for entry in (files("softswitch.media") / "sounds").iterdir()])
"""
_FILES = ("pyproject.toml", "README.md", "LICENSE")


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of an earlier build gets into it and nothing is left behind."""
    if not (ROOT / "softswitch" / "api" / "console" / "index.html").is_file():
        pytest.skip("the console is not built: script/prepare")
    tree = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("node_modules", "__pycache__", "*.nbi", "*.nbc")
    for name in _SOURCES:
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    for name in _FILES:
        shutil.copy(ROOT / name, tree)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "-q", "--no-deps", "-w", tree / "out", ".", cwd=tree)
    (found,) = (tree / "out").glob("softswitch-*.whl")
    return found


def test_a_switch_from_a_wheel_has_its_console_and_sounds(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "-q", "--no-index", "--no-deps", wheel, cwd=tmp_path)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    # The libraries are those of this environment; its own softswitch is found by a .pth file that is not read here.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    where = run(python, "-c", "import softswitch, mediacodecs; print(softswitch.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(site), where
    softswitch = python.with_name("softswitch")
    assert "19 subscribers" in run(softswitch, "check", cwd=tmp_path), "the embedded defaults"
    found = json.loads(run(python, "-c", _CONSOLE, cwd=tmp_path))
    assert found["app.js"] > 100_000 and {"index.html", "app.css"} <= found.keys(), found
    assert "welcome.wav" in run(python, "-c", _SOUNDS, cwd=tmp_path)
