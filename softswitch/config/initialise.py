"""The first configuration for a real network: own address, random credentials, every part explained.

The file holds hashes only; the credentials themselves are returned once, to be shown to whoever started this.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import secrets
import socket
from pathlib import Path
from typing import NamedTuple

from softswitch.config.models import ha1_pair

DEFAULT_SUBSCRIBERS = ("1001", "1002", "1003", "1004")
ROLES = ("admin", "dispatcher", "viewer")
# Addresses for documentation (RFC 5737, RFC 3849): connecting a UDP socket asks for the route and sends nothing.
_ROUTE_PROBES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
# Without characters that look alike, because somebody will type it into a phone.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzACDEFGHJKLMNPQRSTUVWXYZ2345679"
PASSWORD_LENGTH = 20


class Initialised(NamedTuple):
    """What was written, with the credentials that are shown this one time."""

    path: Path
    address: str
    realm: str
    passwords: dict[str, str]
    tokens: dict[str, str]


def own_address() -> str:
    """The address other machines reach this one by, as far as the routing table tells; loopback without a network."""
    for family, probe in _ROUTE_PROBES:
        with socket.socket(family, socket.SOCK_DGRAM) as probe_socket:
            try:
                probe_socket.connect((probe, 9))
            except OSError:
                continue
            address = str(probe_socket.getsockname()[0])
            if not ipaddress.ip_address(address).is_unspecified:
                return address
    return "127.0.0.1"


def own_realm() -> str:
    """A realm from the host name."""
    name = re.sub(r"[^a-z0-9.-]", "-", socket.gethostname().lower()).strip("-.")
    return name or "softswitch"


def new_password() -> str:
    """A random password of about 116 bits that can be typed."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))


def initialise(
    path: str | Path, *, force: bool = False, address: str | None = None, realm: str | None = None
) -> Initialised:
    """Write a commented configuration to `path` with mode 0600.

    Raises FileExistsError unless `force`, ValueError for an `address` that is none, OSError when it cannot be written.
    """
    target = Path(path)
    found = str(ipaddress.ip_address(address)) if address else own_address()
    chosen_realm = realm or own_realm()
    passwords = {number: new_password() for number in DEFAULT_SUBSCRIBERS}
    tokens = {role: secrets.token_urlsafe(32) for role in ROLES}
    text = render(found, chosen_realm, passwords, tokens)
    target.parent.mkdir(parents=True, exist_ok=True)
    if force:
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        _write_new(temporary, text)
        temporary.replace(target)
    else:
        _write_new(target, text)
    return Initialised(target, found, chosen_realm, passwords, tokens)


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def render(address: str, realm: str, passwords: dict[str, str], tokens: dict[str, str]) -> str:
    """The text of the configuration; of passwords and tokens only hashes go into it."""
    subscribers = "\n".join(
        _subscriber(number, realm, password, dispatcher=index == 0)
        for index, (number, password) in enumerate(passwords.items())
    )
    token_tables = "\n".join(_token(role, token) for role, token in tokens.items())
    return _TEMPLATE.format(address=address, realm=realm, subscribers=subscribers, tokens=token_tables)


def _subscriber(number: str, realm: str, password: str, *, dispatcher: bool) -> str:
    md5, sha256 = ha1_pair(number, realm, password)
    roles = 'roles = ["dispatcher"]\n' if dispatcher else ""
    return (
        f'[[subscriber]]\nnumber = "{number}"\ndisplay_name = "Extension {number}"\n{roles}'
        f'class_of_service = "internal"\npickup_group = "office"\nha1_md5 = "{md5}"\nha1_sha256 = "{sha256}"\n'
    )


def _token(role: str, token: str) -> str:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f'[[http.token]]\nname = "{role}"\nrole = "{role}"\ntoken_sha256 = "{digest}"\n'


_TEMPLATE = """\
# Configuration of this switch. Every option is explained in docs/configuration.md.
# Check it:   softswitch check --config THIS_FILE
# Apply it:   softswitch reload         (calls in progress go on; a broken file is refused and the old one stays)
# A secret may be written as "file:/path/to/secret" or "env:NAME_OF_VARIABLE" instead of the value itself.

[node]
id = "node1"

[sip]
# The realm is part of every password hash below: whoever changes it has to set all passwords again.
realm = "{realm}"
# domains = ["sip.example.com"]          # host names that mean this switch
# advertised_address = "203.0.113.10"    # when phones reach it through a router that translates addresses
# overload_calls_per_s = 200             # more new calls a second than this are answered 503

[[sip.listen]]
name = "udp"
transport = "udp"
address = "{address}"
port = 5060

[[sip.listen]]
name = "tcp"
transport = "tcp"
address = "{address}"
port = 5060

[[sip.listen]]
name = "tls"
transport = "tls"
address = "{address}"
port = 5061
# Phones that check certificates want one from an authority they know:
# certificate = "/etc/softswitch/chain.pem" and private_key = "/etc/softswitch/key.pem"
certificate = "self-signed"

[rtp]
address = "{address}"
# advertised_address = "203.0.113.10"
first_port = 30000
last_port = 39999
timeout_s = 60

# The control interface stays on this machine until it has a certificate and a reason to leave it.
[http]
address = "127.0.0.1"
port = 8080

{tokens}
[storage]
path = "softswitch.db"
durability = "full"

[security]
# digest_algorithms = ["MD5"]   # for phones that cannot register because they know no SHA-256 (RFC 8760)
rate_requests = 200
failed_authentications = 10
ban_seconds = 300

# Emergency numbers pass every class of service and every limit.
[emergency]
numbers = ["110", "112", "119", "120", "122"]
# route = "trunk:provider"

# --- Who may call where ------------------------------------------------------------------------------------------

[[class_of_service]]
name = "internal"
# deny = ["00."]                          # no international calls

# --- Subscribers: their passwords were shown once when this file was made --------------------------------------------
# A new one: softswitch subscribers add 1005

{subscribers}
# --- Numbers answered by the switch itself ------------------------------------------------------------------------

[[service]]
number = "600"
kind = "echo"

[[service]]
number = "601"
kind = "tone"

[[service]]
number = "602"
kind = "announcement"

[[service]]
number = "*8"
kind = "pickup"

[[conference]]
number = "7001"
name = "Conference 1"

[[hunt_group]]
name = "reception"
number = "1000"
members = ["1001", "1002"]
strategy = "parallel"
ring_s = 20

# --- The way out ------------------------------------------------------------------------------------------------

# [[trunk]]
# name = "provider"
# host = "sip.provider.example"
# transport = "tcp"
# username = "account"
# password = "file:/etc/softswitch/provider-password"
# register = true
# options_ping_s = 30

# [[route]]
# name = "outside"
# prefix = "0"
# strip = 1
# to = "trunk:provider"
"""
