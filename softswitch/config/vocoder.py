"""The section that describes vocoders of digital radio."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from softswitch.config.base import Name, PortNumber, Section


class VocoderSettings(Section):
    """A vocoder for digital radio (AMBE+2, NVOC, SELP): a chip, a server that shares one, or a plug-in."""

    name: Name = Field(description="What gateways call it.")
    kind: str = Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        description="`dvsi-udp`, `dvsi-serial`, `codec2` (free stand-in), or the name of an installed plug-in.",
    )
    rate: Literal["dmr", "dmr-no-fec", "d-star", "p25"] = Field(
        default="dmr-no-fec", description="What a DVSI chip is set to."
    )
    address: str = Field(default="127.0.0.1", description="Server of `dvsi-udp`.")
    port: PortNumber = Field(default=2460, description="UDP port of the first channel; the others follow.")
    devices: tuple[str, ...] = Field(default=(), description="Serial devices of `dvsi-serial`, one a channel.")
    baud: Literal[115200, 230400, 460800] = Field(default=460800, description="Speed of the serial devices.")
    channels: Annotated[int, Field(ge=1, le=64, strict=True)] = Field(
        default=1, description="Talkers coded at the same time."
    )

    @model_validator(mode="after")
    def _a_device_a_channel(self) -> Self:
        if self.kind == "dvsi-serial" and len(self.devices) != self.channels:
            raise ValueError(f"{self.channels} channels need as many devices, not {len(self.devices)}")
        return self
