"""One media section of a session description (RFC 8866 §5.14) and the views of its attributes."""

from __future__ import annotations

from dataclasses import dataclass, field

from softswitch.sdp.attributes import (
    ExtensionMap,
    Fingerprint,
    RtcpFeedback,
    Ssrc,
    parse_each,
)
from softswitch.sdp.errors import SdpError
from softswitch.sdp.fields import DIRECTIONS, STATIC_RTPMAPS, Connection, RtpMap, parse_rtpmap
from softswitch.sdp.security import Crypto

Attribute = tuple[str, str | None]

#: The port trickle ICE writes when no candidate is known yet (RFC 8840 §4.1.1); 0.0.0.0 beside it is no hold.
DISCARD_PORT = 9

_UNSPECIFIED_DIRECTION = {"sendrecv": "sendonly", "recvonly": "inactive"}


@dataclass(slots=True)
class MediaDescription:
    """An ``m=`` line and what follows it.

    Lists may be changed freely. `unknown` holds lines of letters RFC 8866 does not know (GB/T 28181's ``y=``, ``f=``)
    with their place in the section (-1: at the end). `inherited_*` are what the session level says for all media;
    they are set by parsing and by `SessionDescription.inherit`.
    """

    kind: str
    port: int
    protocol: str
    formats: list[str]
    port_count: int = 1
    information: str | None = None
    connections: list[Connection] = field(default_factory=list)
    bandwidth: list[str] = field(default_factory=list)
    key: str | None = None
    attributes: list[Attribute] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    inherited_connection: Connection | None = field(default=None, compare=False, repr=False)
    inherited_direction: str | None = field(default=None, compare=False, repr=False)

    # --- attributes in general -------------------------------------------------------------------------------------

    def attribute(self, name: str) -> str | None:
        """The value of the first attribute `name`; "" for one without a value, None when it is absent."""
        for key, value in self.attributes:
            if key == name:
                return value if value is not None else ""
        return None

    def attribute_values(self, name: str) -> list[str]:
        """The values of every attribute `name`, in order."""
        return [value or "" for key, value in self.attributes if key == name]

    def has_attribute(self, name: str) -> bool:
        """Whether an attribute `name` is present."""
        return any(key == name for key, _ in self.attributes)

    def set_attribute(self, name: str, value: str | None = None) -> None:
        """Put one attribute `name` in place of all of that name (at the place of the first, else at the end)."""
        for index, (key, _) in enumerate(self.attributes):
            if key == name:
                rest = [entry for entry in self.attributes[index + 1 :] if entry[0] != name]
                self.attributes[index:] = [(name, value), *rest]
                return
        self.attributes.append((name, value))

    def remove_attribute(self, *names: str) -> None:
        """Take out every attribute of these names."""
        self.attributes = [entry for entry in self.attributes if entry[0] not in names]

    # --- where and whether media flows -----------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Whether the stream is in use: its port is not 0 (RFC 3264 §6)."""
        return self.port != 0

    @property
    def connection(self) -> Connection | None:
        """The ``c=`` in force: the section's own first one, else the session's."""
        return self.connections[0] if self.connections else self.inherited_connection

    @connection.setter
    def connection(self, connection: Connection | None) -> None:
        self.connections = [] if connection is None else [connection]

    @property
    def host(self) -> str:
        """The media address in force, "" when the description names none."""
        connection = self.connection
        return connection.host if connection is not None else ""

    def address(self, session: object = None) -> tuple[str, int]:
        """(host, port) for RTP; `session` is not needed, the session's ``c=`` is already inherited."""
        return self.host, self.port

    @property
    def rtcp_address(self) -> tuple[str, int] | None:
        """(host, port) for RTCP (RFC 3605), by default the port after RTP's; None for a refused stream."""
        if self.port == 0:
            return None
        value = self.attribute("rtcp")
        if value:
            parts = value.split()
            if parts and parts[0].isdigit() and parts[0].isascii() and len(parts[0]) <= 5:
                port = int(parts[0])
                if 0 < port <= 65535:
                    return (parts[3] if len(parts) >= 4 else self.host), port
        return (self.host, self.port + 1) if self.port < 65535 else None

    @property
    def rtcp_mux(self) -> bool:
        """Whether RTP and RTCP may share the port (RFC 5761 §5.1.1)."""
        return self.has_attribute("rtcp-mux")

    @property
    def declared_direction(self) -> str:
        """The direction attribute in force, without looking at the address."""
        for name, _ in self.attributes:
            if name in DIRECTIONS:
                return name
        return self.inherited_direction or "sendrecv"

    @property
    def direction(self) -> str:
        """sendrecv, sendonly, recvonly or inactive, as seen by who wrote the description.

        An address of 0.0.0.0 (RFC 3264 §8.4, the hold of RFC 2543) takes receiving away.
        """
        declared = self.declared_direction
        connection = self.connection
        if connection is not None and connection.unspecified and self.port != DISCARD_PORT:
            return _UNSPECIFIED_DIRECTION.get(declared, declared)
        return declared

    @direction.setter
    def direction(self, direction: str) -> None:
        if direction not in DIRECTIONS:
            raise SdpError(f"no such direction: {direction!r}")
        for index, (name, _) in enumerate(self.attributes):
            if name in DIRECTIONS:
                rest = [entry for entry in self.attributes[index + 1 :] if entry[0] not in DIRECTIONS]
                self.attributes[index:] = [(direction, None), *rest]
                return
        self.attributes.append((direction, None))

    @property
    def held(self) -> bool:
        """Whether who wrote this receives nothing: sendonly, inactive or 0.0.0.0 (RFC 3264 §8.4)."""
        return self.live and self.direction in ("sendonly", "inactive")

    # --- codecs ----------------------------------------------------------------------------------------------------

    @property
    def rtpmaps(self) -> dict[int, RtpMap]:
        """Payload type → mapping for the formats of this section, in their order, the static table filled in.

        A format whose mapping is missing or unreadable is left out.
        """
        named: dict[int, RtpMap] = {}
        for name, value in self.attributes:
            if name == "rtpmap" and value is not None:
                try:
                    mapping = parse_rtpmap(value)
                except SdpError:
                    continue
                named.setdefault(mapping.payload_type, mapping)
        result: dict[int, RtpMap] = {}
        for text in self.formats:
            if len(text) <= 3 and text.isdigit() and text.isascii():
                number = int(text)
                found = named.get(number) or STATIC_RTPMAPS.get(number)
                if found is not None:
                    result[number] = found
        return result

    @property
    def fmtps(self) -> dict[str, str]:
        """Format → its parameters (``a=fmtp``, RFC 8866 §6.15); several lines for one format are joined."""
        result: dict[str, str] = {}
        for name, value in self.attributes:
            if name == "fmtp" and value:
                format_name, _, parameters = value.partition(" ")
                present = result.get(format_name)
                result[format_name] = f"{present};{parameters.strip()}" if present else parameters.strip()
        return result

    def fmtp(self, payload_type: int | str) -> str:
        """The parameters of one format, "" when it has none."""
        return self.fmtps.get(str(payload_type), "")

    def payload_type(self, encoding: str, clock_rate: int = 0) -> int | None:
        """The first payload type of an encoding name (any case), of that clock rate unless 0."""
        wanted = encoding.lower()
        for number, mapping in self.rtpmaps.items():
            if mapping.encoding.lower() == wanted and clock_rate in (0, mapping.clock_rate):
                return number
        return None

    @property
    def ptime(self) -> float | None:
        """Packet duration wanted, in milliseconds (RFC 8866 §6.4); None when absent or unreadable."""
        return self._milliseconds("ptime")

    @property
    def maxptime(self) -> float | None:
        """Longest packet duration, in milliseconds (RFC 8866 §6.5); None when absent or unreadable."""
        return self._milliseconds("maxptime")

    def _milliseconds(self, name: str) -> float | None:
        text = (self.attribute(name) or "").strip()
        if not text.isascii() or len(text) > 8 or not text.replace(".", "", 1).isdigit():
            return None
        return float(text) or None

    # --- the rest --------------------------------------------------------------------------------------------------

    @property
    def mid(self) -> str | None:
        """Identification of this section (RFC 5888)."""
        return self.attribute("mid")

    @property
    def crypto(self) -> list[Crypto]:
        """The readable ``a=crypto`` attributes (RFC 4568); an unreadable one counts as not offered (§5.1.2)."""
        return parse_each(Crypto.parse, self.attribute_values("crypto"))

    @property
    def rtcp_feedback(self) -> list[RtcpFeedback]:
        """The ``a=rtcp-fb`` attributes (RFC 4585 §4.2)."""
        return parse_each(RtcpFeedback.parse, self.attribute_values("rtcp-fb"))

    @property
    def ssrcs(self) -> list[Ssrc]:
        """The ``a=ssrc`` attributes (RFC 5576 §4.1)."""
        return parse_each(Ssrc.parse, self.attribute_values("ssrc"))

    @property
    def extension_maps(self) -> list[ExtensionMap]:
        """The ``a=extmap`` attributes (RFC 8285 §5)."""
        return parse_each(ExtensionMap.parse, self.attribute_values("extmap"))

    @property
    def fingerprints(self) -> list[Fingerprint]:
        """The ``a=fingerprint`` attributes of this section (RFC 8122 §5)."""
        return parse_each(Fingerprint.parse, self.attribute_values("fingerprint"))

    @property
    def setup(self) -> str | None:
        """Who opens the connection: active, passive, actpass or holdconn (RFC 4145 §4)."""
        return self.attribute("setup")

    @property
    def ice_ufrag(self) -> str | None:
        """ICE user name fragment (RFC 8839 §5.4)."""
        return self.attribute("ice-ufrag")

    @property
    def ice_password(self) -> str | None:
        """ICE password (RFC 8839 §5.4)."""
        return self.attribute("ice-pwd")

    @property
    def candidates(self) -> list[str]:
        """The ICE candidates as written (RFC 8839 §5.1)."""
        return self.attribute_values("candidate")

    @property
    def y(self) -> str | None:
        """GB/T 28181: the ten-digit SSRC of the ``y=`` line."""
        return self.unknown_value("y")

    @y.setter
    def y(self, value: str | None) -> None:
        self.set_unknown("y", value)

    @property
    def f(self) -> str | None:
        """GB/T 28181: the media parameters of the ``f=`` line."""
        return self.unknown_value("f")

    @f.setter
    def f(self, value: str | None) -> None:
        self.set_unknown("f", value)

    def unknown_value(self, letter: str) -> str | None:
        """The value of the first kept line of an unknown `letter`."""
        for _, line in self.unknown:
            if line.startswith(letter + "="):
                return line[2:]
        return None

    def set_unknown(self, letter: str, value: str | None) -> None:
        """Replace the kept lines of `letter` by one at the section's end, or by none."""
        prefix = letter + "="
        self.unknown = [entry for entry in self.unknown if not entry[1].startswith(prefix)]
        if value is not None:
            self.unknown.append((-1, prefix + value))

    # --- copying and writing ---------------------------------------------------------------------------------------

    def copy(self) -> MediaDescription:
        """An independent copy (the entries of the lists are immutable)."""
        return MediaDescription(
            self.kind,
            self.port,
            self.protocol,
            self.formats[:],
            self.port_count,
            self.information,
            self.connections[:],
            self.bandwidth[:],
            self.key,
            self.attributes[:],
            self.unknown[:],
            self.inherited_connection,
            self.inherited_direction,
        )

    def lines(self) -> list[str]:
        """The section's lines without line ends, in the order of RFC 8866 §5."""
        port = self.port if self.port_count == 1 else f"{self.port}/{self.port_count}"
        head = f"m={self.kind} {port} {self.protocol} {' '.join(self.formats)}"
        out = [head.rstrip(" ")]
        if self.information is not None:
            out.append("i=" + self.information)
        if self.connections:
            out += ["c=" + " ".join(connection) for connection in self.connections]
        if self.bandwidth:
            out += ["b=" + bandwidth for bandwidth in self.bandwidth]
        if self.key is not None:
            out.append("k=" + self.key)
        for name, value in self.attributes:
            out.append(f"a={name}" if value is None else f"a={name}:{value}")
        if self.unknown:
            insert_unknown(out, self.unknown)
        return out


def insert_unknown(lines: list[str], unknown: list[tuple[int, str]]) -> None:
    """Put kept lines back where they were found; positions count in the finished section, -1 = at its end."""
    for position, line in unknown:
        if position < 0:
            lines.append(line)
        else:
            lines.insert(position, line)
