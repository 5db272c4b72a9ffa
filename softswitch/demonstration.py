"""What `softswitch demo` runs beside the switch: the simulators of its gateways, each a service that may fail."""

from __future__ import annotations

from functools import partial

from gateways.poc.demonstration import demonstrate as demonstrate_poc
from softswitch.config.defaults import demo_password
from softswitch.config.models import Settings
from softswitch.runtime.supervision import Service

#: The clients of push-to-talk, and the talkgroup they meet in.
POC_NUMBERS = ("1015", "1016", "1017", "1018", "1019")
POC_GROUP = "8002"


def services(settings: Settings) -> list[Service]:
    """Simulators for the embedded defaults."""
    listen = next(each for each in settings.sip.listen if each.transport == "udp" and not each.trusted)
    server, domain = (listen.address, listen.port), settings.sip.realm
    poc = partial(demonstrate_poc, server, domain, demo_password, POC_NUMBERS, POC_GROUP)
    return [Service("push-to-talk simulator", poc)]
