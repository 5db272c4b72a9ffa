"""From configuration values to what the media engine and those who watch it take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from softswitch.config.models import RtpSettings, Settings
from softswitch.observing.quality_watch import QualityLimits


def media_options(rtp: RtpSettings, data_directory: Path) -> dict[str, Any]:
    """What the media engine is made with: by default workers in processes of their own, one a processor core."""
    return {
        "address": rtp.address,
        "advertised": rtp.advertised_address,
        "first_port": rtp.first_port,
        "last_port": rtp.last_port,
        "threads": rtp.workers or len(os.sched_getaffinity(0)),
        "workers": data_directory / "media" if rtp.isolated else None,
        "worker_grace_s": float(rtp.worker_grace_s),
        "helper": True,
    }


def quality_limits(settings: Settings) -> QualityLimits:
    """When calls sound bad."""
    quality = settings.quality
    return QualityLimits(quality.degraded_mos, quality.recovered_mos, float(quality.one_way_s))
