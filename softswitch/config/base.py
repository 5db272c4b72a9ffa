"""What every section of the configuration shares: strictness, checked value types, secrets by reference."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from dialplan import DialplanError, Pattern, Schedule, Target

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
NUMBER_PATTERN = r"^[0-9A-Za-z*#+][0-9A-Za-z*#+_.-]{0,63}$"
HEX_SHA256_PATTERN = r"^[0-9a-fA-F]{64}$"
HEX_MD5_PATTERN = r"^[0-9a-fA-F]{32}$"

SELF_SIGNED = "self-signed"
"""In place of a certificate file: make one in the data directory at first start."""

GATEWAY_NAMES = ("e1", "pdt", "gb28181", "poc", "webrtc", "h323", "alarm", "usrp")
"""Gateways that a route may name; a call to one that is not running is answered 503."""


Dscp = Annotated[int, Field(ge=0, le=63, strict=True)]
"""A DiffServ code point (RFC 2474)."""

Secrecy = Literal["forbidden", "best_effort", "required"]
"""Whether media is secured."""

Keying = Literal["sdes", "dtls"]
"""How the keys of media are agreed on in what a party is offered: in SDP (RFC 4568), or by DTLS (RFC 5764)."""

Suite = Literal[
    "AEAD_AES_256_GCM",
    "AEAD_AES_128_GCM",
    "AES_256_CM_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_80",
    "AES_256_CM_HMAC_SHA1_32",
    "AES_CM_128_HMAC_SHA1_32",
]
"""SRTP crypto suites by their names in SDP (RFC 4568, RFC 6188, RFC 7714), best first."""


class Section(BaseModel):
    """One table of the TOML file: frozen, no unknown keys, secrets never in its text form."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


def _hide_unresolved(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"


def resolve_secret(value: Any, info: ValidationInfo) -> Any:
    """Replace ``file:/path`` and ``env:NAME`` by what they refer to; any other text is the secret itself.

    A relative path is taken from the directory of the configuration file. Raises ValueError when it is not there.
    """
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value[4:]
        if name not in os.environ:
            raise ValueError(f"environment variable {_hide_unresolved(name)} is not set")
        return os.environ[name]
    if value.startswith("file:"):
        directory = (info.context or {}).get("directory", Path())
        path = Path(directory) / value[5:]
        try:
            return path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(
                f"cannot read the secret from {path}: {getattr(error, 'strerror', None) or error}"
            ) from None
    return value


def _find_file(value: str, info: ValidationInfo) -> str:
    """A relative name is taken from the directory of the configuration file; the file must be there."""
    path = Path((info.context or {}).get("directory", Path())) / Path(value).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return str(path)


def _find_certificate(value: str, info: ValidationInfo) -> str:
    return value if value == SELF_SIGNED else _find_file(value, info)


def _check_secret(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("the secret is empty")
    return value


def _check_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value.strip("[]")))
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 or IPv6 address") from None


def _check_network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address or network such as 192.0.2.0/24") from None


def _check_target(value: str) -> str:
    return str(Target.parse(value))


def _check_pattern(value: str) -> str:
    Pattern(value)
    return value


def _check_days(value: str) -> str:
    try:
        Schedule.create("", days=[value])
    except DialplanError:
        raise ValueError(f"{value!r} is no day such as mon, and no range such as mon-fri") from None
    return value.lower()


def _check_clock(value: str) -> str:
    if not re.fullmatch(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", value):
        raise ValueError(f"{value!r} is not a time of day such as 08:30")
    return value


def check_keying(srtp: str | None, keying: str) -> None:
    """Keys for media that shall have none are a mistake."""
    if srtp == "forbidden" and keying == "dtls":
        raise ValueError('srtp_keying = "dtls" secures what srtp = "forbidden" wants plain')


def one_or_more(value: Any) -> Any:
    """Let a single text stand for a list of one."""
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(one_or_more)]


def split_target(target: str) -> tuple[str, tuple[str, ...]]:
    """``trunk:a,b`` → ("trunk", ("a", "b")); ``subscriber`` → ("subscriber", ()); says nothing about validity."""
    kind, separator, rest = target.partition(":")
    return kind.strip(), tuple(part.strip() for part in rest.split(",")) if separator else ()


def is_loopback(address: str) -> bool:
    """Whether a listen address can be reached from this machine only."""
    return ipaddress.ip_address(address).is_loopback


def matching(pattern: str, what: str) -> Callable[[str], str]:
    """A validator that demands `pattern` and otherwise says that the value is not `what`."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.match(value):
            raise ValueError(f"{value!r} is not {what}")
        return value

    return check


Name = Annotated[str, AfterValidator(matching(NAME_PATTERN, "a name (letters, digits, '_', '.', '-')"))]
Number = Annotated[str, AfterValidator(matching(NUMBER_PATTERN, "a number (digits, letters, * # + - _ .)"))]
IpAddress = Annotated[str, AfterValidator(_check_address)]
IpNetwork = Annotated[str, AfterValidator(_check_network)]
PortNumber = Annotated[int, Field(ge=1, le=65535, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]
PositiveCount = Annotated[int, Field(ge=1, strict=True)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
ClockTime = Annotated[str, AfterValidator(_check_clock)]
Secret = Annotated[SecretStr, BeforeValidator(resolve_secret), AfterValidator(_check_secret)]
TargetText = Annotated[str, AfterValidator(_check_target)]
PatternText = Annotated[str, AfterValidator(_check_pattern)]
Days = Annotated[str, AfterValidator(_check_days)]
Switch = Annotated[bool, Field(strict=True)]
FileName = Annotated[str, AfterValidator(_find_file)]
PemFile = Annotated[str, AfterValidator(_find_certificate)]
Media = Literal["relay", "passthrough"]
Codec = Literal[
    "PCMA", "PCMU", "G722", "opus", "G729", "G723", "G726-16", "G726-24", "G726-32", "G726-40",
    "AAL2-G726-16", "AAL2-G726-24", "AAL2-G726-32", "AAL2-G726-40",
    "GSM", "iLBC", "AMR", "AMR-WB", "speex", "L16", "CODEC2",
]  # fmt: skip
