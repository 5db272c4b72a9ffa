"""STUN (RFC 8489) and the lite side of ICE (RFC 8445): finding the way to a peer behind address translators."""

from softswitch.rtp.ice.agent import ConsentLost, IceLite, Selected
from softswitch.rtp.ice.candidate import Candidate, host_candidates
from softswitch.rtp.ice.stun import StunMessage, is_stun

__all__ = ["Candidate", "ConsentLost", "IceLite", "Selected", "StunMessage", "host_candidates", "is_stun"]
