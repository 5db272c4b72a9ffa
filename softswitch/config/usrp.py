"""``[gateways.usrp]``: radios behind nodes that speak USRP, and the talkgroups that they belong to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from softswitch.config.base import Name, Number, Seconds, Section, Switch
from softswitch.config.e1 import Endpoint


class RadioSettings(Section):
    """One radio behind a node of AllStarLink (chan_usrp) or DVSwitch (Analog_Bridge)."""

    name: Name = Field(description="What logs, figures and the node's listeners call it.")
    number: Number = Field(
        description="Its number: what it has the floor as, and what a route to `gateway:usrp` calls it by. With a "
        "subscriber of that number it has that one's rights and priority, and may be a member of closed groups."
    )
    local: Endpoint = Field(
        description="Address and UDP port that we take packets at, outside of `rtp`; the node sends there."
    )
    remote: Endpoint = Field(description="Address and UDP port of the node; packets of other hosts are dropped.")
    talkgroup: Number | None = Field(
        default=None, description="The talkgroup that it is in all the time; none: it waits for calls."
    )
    class_of_service: Name | None = Field(
        default=None, description="Its rights to dial, when no subscriber has its number."
    )
    usrp_talkgroup: Annotated[int, Field(ge=0, le=0xFFFFFF, strict=True)] = Field(
        default=0, description="Number of the group on the air, which goes into each packet; nodes without one take 0."
    )
    missed_frames: Annotated[int, Field(ge=1, le=250, strict=True)] = Field(
        default=4, description="After how many frames of 20 ms that stay away a transmission counts as over."
    )
    keep_alive_s: Seconds = Field(default=10, description="Interval of pings, which keep NATs open; 0: none.")


class UsrpGatewaySettings(Section):
    """Radio over IP by USRP."""

    enabled: Switch = Field(default=True, description="Whether the radios below are served.")
    radio: tuple[RadioSettings, ...] = Field(default=(), max_length=64, description="The radios.")


__all__ = ["RadioSettings", "UsrpGatewaySettings"]
