"""What `softswitch demo` runs beside the switch: the simulators of its gateways, each a service that may fail."""

from __future__ import annotations

from functools import partial

from gateways.poc.demonstration import demonstrate as demonstrate_poc
from softswitch.config.defaults import demo_password
from softswitch.config.e1 import E1GatewaySettings, E1SpanSettings
from softswitch.config.models import Settings
from softswitch.runtime.supervision import Service

#: The clients of push-to-talk, and the talkgroup they meet in.
POC_NUMBERS = ("1015", "1016", "1017", "1018", "1019")
POC_GROUP = "8002"

E1_LINES = """\
           an exchange behind the E1 trunk: 9600 echo, 9601 tone, 9602 announcement, 9603 busy, 9604 no answer,
           9605 refuses, 9606 hangs up; now and then one of its subscribers calls 8001 or 1001."""


def simulated(settings: Settings) -> Settings:
    """The embedded defaults with a simulated exchange at the far end of the E1 trunk."""
    if settings.gateways.e1.span:
        return settings
    e1 = E1GatewaySettings(span=(E1SpanSettings(name="demo", driver="loop", simulated_calls=("8001", "1001")),))
    return settings.model_copy(update={"gateways": settings.gateways.model_copy(update={"e1": e1})})


def services(settings: Settings) -> list[Service]:
    """Simulators for the embedded defaults."""
    listen = next(each for each in settings.sip.listen if each.transport == "udp" and not each.trusted)
    server, domain = (listen.address, listen.port), settings.sip.realm
    poc = partial(demonstrate_poc, server, domain, demo_password, POC_NUMBERS, POC_GROUP)
    return [Service("push-to-talk simulator", poc)]
