"""From configuration values to what those take who watch the quality of calls."""

from __future__ import annotations

from softswitch.config.models import Settings
from softswitch.observing.quality_watch import QualityLimits


def quality_limits(settings: Settings) -> QualityLimits:
    """When calls sound bad."""
    quality = settings.quality
    return QualityLimits(quality.degraded_mos, quality.recovered_mos, float(quality.one_way_s))
