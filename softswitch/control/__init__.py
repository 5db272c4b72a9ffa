"""The control API's view of the switch: rows and commands, read from the running application."""

from __future__ import annotations

from softswitch.control.control import Control

__all__ = ["Control"]
