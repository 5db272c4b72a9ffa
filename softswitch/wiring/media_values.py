"""From configuration values to what the media engine takes, which starts before all else is loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from softswitch.config.models import RtpSettings


def media_options(rtp: RtpSettings, data_directory: Path) -> dict[str, Any]:
    """What the media engine is made with: by default workers in processes of their own, one a processor core."""
    return {
        "address": rtp.address,
        "advertised": rtp.advertised_address,
        "first_port": rtp.first_port,
        "last_port": rtp.last_port,
        "threads": rtp.workers or len(os.sched_getaffinity(0)),
        "workers": data_directory / "media" if rtp.isolated else None,
        "realtime": rtp.realtime == "auto",
        "worker_grace_s": float(rtp.worker_grace_s),
        "helper": True,
    }
