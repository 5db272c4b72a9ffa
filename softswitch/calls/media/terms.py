"""What holds for the media of every call; a reload may change it for what is agreed from then on."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.media.keyed_side import PREFERRED, Mode


@dataclass(frozen=True, slots=True)
class MediaTerms:
    """`timeout_s`: silence after which a call ends, 0 never. `srtp` and `suites`: how media is secured, the best first,
    where a trunk or subscriber has no word of its own. `reports`: extended reports are asked for. `comfort_noise`:
    silence is described. `dscp`, `dscp_video`: how packets are marked for the network (RFC 2474), 0 not at all.
    `hears_speech`, `hears_fax`: sound is listened to for these, and events tell of them.
    """

    timeout_s: float = 0.0
    srtp: Mode = "best_effort"
    suites: tuple[str, ...] = PREFERRED
    reports: bool = False
    comfort_noise: bool = False
    dscp: int = 0
    dscp_video: int = 0
    hears_speech: bool = False
    hears_fax: bool = False
