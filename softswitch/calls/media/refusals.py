"""Why the descriptions of two parties, or of one and the switch, cannot be brought together."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media.keyed_side import SecurityRefused
from softswitch.media import MediaError, NotTranscodable, PortsExhausted
from softswitch.sdp.errors import SdpError
from softswitch.sdp.offer_answer import OfferAnswerError

logger = logging.getLogger(__name__)

NO_PORTS = Cause(503, 34, "no media port is free")
NO_CODEC = Cause(488, 88, "the parties have no codec in common")
NO_SERVICE_CODEC = Cause(488, 88, "no codec in common with the switch")
ENGINE_FAILED = Cause(503, 41, "the media engine failed")


class NoMedia(Exception):
    """Two descriptions cannot be brought together; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


@contextmanager
def refusals(leg: Leg) -> Iterator[None]:
    """Whatever is wrong with a description, or with the engine, becomes NoMedia."""
    try:
        yield
    except PortsExhausted as error:
        logger.warning("%s", error, extra={"leg": leg.id})
        raise NoMedia(NO_PORTS) from None
    except SecurityRefused as refused:
        logger.info("%s", refused, extra={"leg": leg.id})
        raise NoMedia(refused.cause) from None
    except (SdpError, OfferAnswerError, NotTranscodable, ValueError) as error:
        logger.info("a description was refused: %s", error, extra={"leg": leg.id})
        raise NoMedia(NO_CODEC) from None
    except MediaError as error:
        logger.error("%s", error, extra={"leg": leg.id})
        raise NoMedia(ENGINE_FAILED) from None


__all__ = ["ENGINE_FAILED", "NO_CODEC", "NO_PORTS", "NO_SERVICE_CODEC", "NoMedia", "refusals"]
