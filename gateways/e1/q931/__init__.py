"""Call control of a primary rate access (ITU-T Q.931), user and network side, above any data link."""

from __future__ import annotations

from gateways.e1.q931.access import Access
from gateways.e1.q931.call import IsdnCall
from gateways.e1.q931.causes import Cause, CauseValue, Location
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.channels import B_CHANNELS
from gateways.e1.q931.errors import IllegalInState, Q931Error
from gateways.e1.q931.message import Kind, Message
from gateways.e1.q931.numbers import NumberingPlan, NumberType, PartyNumber, Presentation, Screening
from gateways.e1.q931.parameters import AccessParameters
from gateways.e1.q931.setup import Setup
from gateways.e1.q931.states import CallState

__all__ = [
    "B_CHANNELS",
    "Access",
    "AccessParameters",
    "CallState",
    "Cause",
    "CauseValue",
    "ChannelId",
    "IllegalInState",
    "IsdnCall",
    "Kind",
    "Location",
    "Message",
    "NumberType",
    "NumberingPlan",
    "PartyNumber",
    "Presentation",
    "Q931Error",
    "Screening",
    "Setup",
]
