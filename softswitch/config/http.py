"""The sections that describe the control API: its server, who may use it, and who is told of events."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from softswitch.config.base import (
    HEX_SHA256_PATTERN,
    FileName,
    IpAddress,
    Name,
    Number,
    PemFile,
    PortNumber,
    Secret,
    Section,
    Switch,
    Texts,
    matching,
    one_or_more,
)
from softswitch.roles import STANDS_FOR, Role, check_bearer

Sha256Hex = Annotated[str, AfterValidator(matching(HEX_SHA256_PATTERN, "a SHA-256 in 64 hexadecimal digits"))]


def _with_zone(value: datetime) -> datetime:
    """A time without zone is UTC."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Component = Literal["voice", "group", "video", "sms", "location", "data", "system", "events", "webrtc"]
Scopes = Annotated[tuple[Component, ...], BeforeValidator(one_or_more)]
Moment = Annotated[datetime, AfterValidator(_with_zone)]


class AccessRuleSettings(Section):
    """Who may do what to whom (PMI). The first rule that fits a target decides; none: the role alone."""

    effect: Literal["allow", "deny"] = Field(description="What is decided.")
    role: Role | None = Field(default=None, description="Only for this role.")
    principal: Name | None = Field(default=None, description="Only for the token or client of this name.")
    department: Name | None = Field(default=None, description="Only for targets in this department or below it.")
    component: str = Field(default="*", description="Component of the API such as voice; `*` is all.")
    action: str = Field(
        default="*", description="`read`, `control` (all but reading), create, change, remove, an order; `*` is all."
    )


class TokenSettings(Section):
    """A bearer token of the HTTP interface. Give `token` or `token_sha256`; only the hash is kept."""

    name: Name = Field(description="Name that the audit log shows.")
    role: Role = Field(default="viewer", description="What the bearer may do.")
    token: Secret | None = Field(
        default=None, description="The token itself, best as `file:/path` or `env:NAME`.", repr=False, exclude=True
    )
    token_sha256: Sha256Hex = Field(
        default="", description="SHA-256 of the token in hexadecimal: `printf %s TOKEN | sha256sum`.", repr=False
    )
    expires: Moment | None = Field(default=None, description="When it ends to be valid; UTC unless a zone is given.")
    scopes: Scopes = Field(default=(), description="Components of the API that it may use; empty: all.")
    number: Number | None = Field(default=None, description=STANDS_FOR)

    @model_validator(mode="after")
    def _has_no_role(self) -> Self:
        check_bearer(self.role, self.number)
        return self

    @model_validator(mode="after")
    def _seal(self) -> Self:
        if self.token is not None:
            if self.token_sha256:
                raise ValueError("give either token or token_sha256, not both")
            digest = hashlib.sha256(self.token.get_secret_value().encode()).hexdigest()
            object.__setattr__(self, "token", None)
            object.__setattr__(self, "token_sha256", digest)
        elif not self.token_sha256:
            raise ValueError("a token or token_sha256 is needed")
        else:
            object.__setattr__(self, "token_sha256", self.token_sha256.lower())
        return self


class ClientSettings(Section):
    """A client certificate that stands for a role; its issuer must be among `http.client_authority`."""

    name: Name = Field(description="Name that the audit log shows.")
    role: Role = Field(default="viewer", description="What its holder may do.")
    common_name: str | None = Field(
        default=None, description="Common name of the certificate's subject; the default is `name`."
    )
    scopes: Scopes = Field(default=(), description="Components of the API that it may use; empty: all.")


class WebhookSettings(Section):
    """A server that events are posted to, signed by HMAC-SHA256."""

    name: Name = Field(description="Name shown by the API.")
    url: str = Field(pattern=r"^https?://[^\s]+$", description="Where to post to.")
    secret: Secret = Field(description="Key of the signature, best as `file:/path` or `env:NAME`.")
    types: Texts = Field(default=(), description="Event types; `call.*` is a family; empty: all.")
    components: Scopes = Field(default=(), description="Only events of these components; empty: all.")
    ids: Texts = Field(default=(), description="Only events about these calls, numbers or trunks; empty: all.")


class HttpSettings(Section):
    """Control API, console, metrics and SIP over WebSocket."""

    enabled: Switch = Field(default=True, description="Whether the HTTP interface is served.")
    address: IpAddress = Field(default="127.0.0.1", description="Local address.")
    port: PortNumber = Field(default=8080, description="Local port.")
    certificate: PemFile | None = Field(
        default=None, description="PEM file with the chain, or `self-signed`; makes it HTTPS."
    )
    private_key: FileName | None = Field(default=None, description="PEM file with the private key.")
    client_authority: FileName | None = Field(
        default=None, description="PEM file with the authorities of client certificates; who has none shows a token."
    )
    websocket_sip: Switch = Field(default=True, description="Whether path /sip takes SIP over WebSocket (RFC 7118).")
    metrics: Switch = Field(default=True, description="Whether /metrics is served.")
    map_tiles: str = Field(
        default="",
        max_length=4096,
        description="Folder `zoom/column/row.png` (or jpg, webp) with the console's map; empty: a grid of degrees.",
    )
    audit_reads: Switch = Field(
        default=False,
        description="Whether the audit log also tells of mere reading; changes and refusals it always tells.",
    )
    token: tuple[TokenSettings, ...] = Field(default=(), description="Bearer tokens, one table each.")
    client: tuple[ClientSettings, ...] = Field(default=(), description="Client certificates, one table each.")
    webhook: tuple[WebhookSettings, ...] = Field(default=(), description="Webhooks, one table each.")
