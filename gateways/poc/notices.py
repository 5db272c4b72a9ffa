"""MESSAGEs of the server to users: an emergency or an alert is on, or it is over (TS 24.379 §6.3.3.1.11, §12.1.3)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from gateways.poc.context import Context
from gateways.poc.mcptt_info import CONTENT_TYPE, McpttInfo
from gateways.poc.recognition import MCPTT_REFERENCE, MCPTT_SERVICE
from softswitch.calls.leg import Cause
from softswitch.calls.routing import Caller
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.message import Request

logger = logging.getLogger(__name__)


def tell_users(context: Context, users: Iterable[str], info: McpttInfo, now: float) -> int:
    """Send what `info` says to every device of the users; returns how many messages left."""
    body = info.serialize()
    sent = 0
    for user in users:
        found = context.exchange.router.stages(user, Caller(""), message=True)[1]
        if isinstance(found, Cause):
            continue  # it is not registered, and hears of it when it joins
        for target in (target for stage in found for target in stage.targets if target.request_uri):
            fields = [
                *(("Route", route) for route in target.routes),
                ("From", f"<{context.uri(context.host)}>"),
                ("To", f"<{context.uri(user)}>"),
                ("Accept-Contact", "*;+g.3gpp.mcptt;require;explicit"),
                ("Accept-Contact", f'*;+g.3gpp.icsi-ref="{MCPTT_REFERENCE}";require;explicit'),
                ("P-Asserted-Service", MCPTT_SERVICE),
                ("Content-Type", CONTENT_TYPE),
            ]
            try:
                context.exchange.agent.send(Request("MESSAGE", target.request_uri, fields, body), target.next_hop, now)
            except (ProtocolError, LocalProtocolError, LookupError) as error:
                logger.info("%s cannot be told: %s", user, error)
            else:
                sent += 1
    return sent
