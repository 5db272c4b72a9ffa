"""What `softswitch demo` runs beside the switch: the simulators of its gateways, each a service that may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from gateways.e1.far_exchange import command
from gateways.poc.demonstration import demonstrate as demonstrate_poc
from gateways.usrp.simulator import parrot
from softswitch.config.defaults import demo_password
from softswitch.config.models import Settings
from softswitch.config.usrp import RadioSettings, UsrpGatewaySettings
from softswitch.runtime.supervision import Service

#: The clients of push-to-talk, and the talkgroup they meet in.
POC_NUMBERS = ("1015", "1016", "1017", "1018", "1019")
POC_GROUP = "8002"

#: Whom the subscribers of the simulated exchange call in turn.
E1_CALLED = ("8001", "1001")
E1_LINES = """\
           an exchange behind the E1 trunk: 9600 echo, 9601 tone, 9602 announcement, 9603 busy, 9604 no answer,
           9605 refuses, 9606 hangs up; now and then one of its subscribers calls 8001 or 1001."""


#: A radio that repeats what it hears: its talkgroup, where its node is, and where the switch takes its packets.
PARROT_GROUP, _NODE, _AT = "8003", ("127.0.0.1", 28002), ("127.0.0.1", 28001)
RADIO_LINES = f"""\
           a radio in talkgroup {PARROT_GROUP} that repeats what it hears: dial {PARROT_GROUP}, * talks, # lets go."""


def simulated(settings: Settings) -> Settings:
    """The embedded defaults with a radio."""
    local, remote = (f"{host}:{port}" for host, port in (_AT, _NODE))
    radio = RadioSettings(name="parrot", number="8900", talkgroup=PARROT_GROUP, local=local, remote=remote)
    gateways = settings.gateways.model_copy(update={"usrp": UsrpGatewaySettings(radio=(radio,))})
    return settings.model_copy(update={"gateways": gateways})


def services(settings: Settings) -> list[Service]:
    """Simulators for the embedded defaults."""
    listen = next(each for each in settings.sip.listen if each.transport == "udp" and not each.trusted)
    server, domain = (listen.address, listen.port), settings.sip.realm
    poc = partial(demonstrate_poc, server, domain, demo_password, POC_NUMBERS, POC_GROUP)
    line = settings.gateways.e1.span[0]
    exchange = partial(_run_beside, command(line.remote, line.local, E1_CALLED))
    return [
        Service("push-to-talk simulator", poc),
        Service("E1 exchange simulator", exchange, restarts=1_000_000),
        Service("radio simulator", partial(parrot, _NODE, _AT, "PARROT")),
    ]


async def _run_beside(words: Sequence[str]) -> None:
    """Run another program, whose input ends with this service; raises RuntimeError when it ends by itself."""
    process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE)
    try:
        status = await process.wait()
    finally:
        if process.returncode is None and process.stdin is not None:
            process.stdin.close()
            await asyncio.shield(process.wait())
    raise RuntimeError(f"the program ended with {status}")
