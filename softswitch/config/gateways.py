"""The sections of gateways: one table each, ``[gateways.<name>]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from softswitch.config.base import IpAddress, PositiveSeconds, Seconds, Section, Switch
from softswitch.config.e1 import E1GatewaySettings
from softswitch.config.usrp import UsrpGatewaySettings


class PocGatewaySettings(Section):
    """Push-to-talk clients on SIP: MCPTT (3GPP TS 24.379, 24.380) and OMA PoC."""

    enabled: Switch = Field(default=True, description="Whether push-to-talk clients are served.")
    floor_port: Annotated[int, Field(ge=0, le=65535, strict=True)] = Field(
        default=0,
        description="UDP port of floor control for all clients, outside the media ports; 0: a free one is chosen at "
        "the start. Name one where a firewall stands between.",
    )
    floor_address: IpAddress | None = Field(
        default=None, description="Address floor control is taken at; none: that of the media ports."
    )
    implicit_affiliation: Switch = Field(
        default=True,
        description="Whether a member is affiliated to a group by calling it; else a call of a group that the user is "
        "not affiliated to is refused with warning 120.",
    )
    require_settings: Switch = Field(
        default=False,
        description="Whether clients that have not published their service settings are refused private calls with "
        "warning 146, as the standard has it.",
    )
    setup_s: PositiveSeconds = Field(
        default=3,
        description="How long the floor of a new group call waits for the first invited member to answer (TNG1).",
    )
    ring_s: PositiveSeconds = Field(default=30, description="How long a client is rung.")
    emergency_s: Seconds = Field(
        default=0, description="Longest emergency of a group (TNG2); 0: until it is taken back or the call ends."
    )
    keep_alive_s: Seconds = Field(
        default=15, description="Interval of empty datagrams that keep NATs open for floor control; 0: none."
    )


class GatewaysSettings(Section):
    """Gateways, one table each."""

    poc: PocGatewaySettings = Field(default_factory=PocGatewaySettings, description="Push-to-talk.")
    e1: E1GatewaySettings = Field(default_factory=E1GatewaySettings, description="E1 trunks.")
    usrp: UsrpGatewaySettings = Field(default_factory=UsrpGatewaySettings, description="Radio over IP by USRP.")
