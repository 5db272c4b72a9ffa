"""Where compiled code is kept."""

from __future__ import annotations

import os
import runpy
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import types

from mediacodecs import compiled, storage


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user with an empty cache."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(storage.tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path


def test_a_change_in_any_source_makes_another_folder(home):
    source = home / "kernel.py"
    source.write_text("one")
    first = storage.folder_for("test", (source,))
    assert first == storage.folder_for("test", (source,)), "unchanged sources use the same code"
    source.write_text("two")
    assert storage.folder_for("test", (source,)) != first
    assert first.parent == home / ".cache" / "softswitch"


def test_the_environment_chooses_the_place(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "xdg"))
    assert storage.folder_for("test", ()).parent == home / "xdg" / "softswitch"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(home / "numba"))
    assert storage.folder_for("test", ()).parent == home / "numba"


def test_a_home_that_cannot_be_written_gives_way_to_a_private_temporary_folder(home, monkeypatch):
    (home / ".cache").write_text("a file where the folder should be")
    folder = storage.folder_for("test", ())
    assert folder.parent == home / "tmp" / f"softswitch-{os.getuid()}"
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_a_folder_others_can_write_to_is_not_trusted(home, monkeypatch):
    shared = home / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(shared))
    assert storage.folder_for("test", ()).parent == home / ".cache" / "softswitch"


def test_folders_unused_for_a_month_are_removed(home):
    used = storage.folder_for("test", ())
    old, other = used.parent / "test-0123456789abcdef", used.parent / "other-0123456789abcdef"
    for folder in (old, other):
        folder.mkdir()
        os.utime(folder, (time.time() - 40 * 86400,) * 2)
    storage.folder_for("test", ())
    assert (old.exists(), other.exists(), used.exists()) == (False, True, True)


def test_an_entry_point_is_compiled_at_once_told_and_kept_on_disk(home, monkeypatch):
    told = []
    monkeypatch.setattr(compiled, "progress", told.append)
    compiler = compiled.Compiler("test", ())

    @compiler.part
    def twice(value):
        return 2 * value

    @compiler.entry(types.int64(types.int64[::1]))
    def total(values):
        found = 0
        for value in values:
            found += twice(value)
        return found

    assert told == ["total"]
    assert total(np.arange(4)) == 12 == total.py_func(np.arange(4))
    assert list((home / ".cache" / "softswitch").glob("test-*/**/*.nbc")), "the code is on disk"


def test_threads_that_compile_at_once_keep_their_code_apart(home, tmp_path):
    """Numba's settings are those of the process: one thread must not put back what it found while another was in."""

    def fold(name):
        for _ in range(300):
            with compiled._cached_in(tmp_path / name):
                time.sleep(0)
                assert str(tmp_path / name) == compiled._settings.CACHE_DIR

    before = compiled._settings.CACHE_DIR
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(fold, name) for name in ("one", "other")]:
            done.result()
    assert before == compiled._settings.CACHE_DIR


KERNEL = """
from pathlib import Path
from numba import types
from mediacodecs.compiled import Compiler

@Compiler("test", (Path(__file__),)).entry(types.int64(types.int64))
def twice(value):
    return 2 * value
"""


def test_a_second_checkout_of_the_same_sources_finds_the_code(home):
    hits = []
    for checkout in ("first", "second"):
        source = home / checkout / "kernels" / "doubling.py"
        source.parent.mkdir(parents=True)
        source.write_text(KERNEL)
        kernel = runpy.run_path(str(source))["twice"]
        assert kernel(21) == 42
        hits.append(sum(kernel.stats.cache_hits.values()))
    assert hits == [0, 1], "the first is compiled, the second is loaded"
