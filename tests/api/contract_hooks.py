"""What schemathesis is told besides the document: who waits for somebody's answer waits briefly.

`POST /webrtc/sessions` answers when the callee has, and may be told to wait ten minutes for it. Nobody answers here.
"""

from __future__ import annotations

from typing import Any

import schemathesis

_WAIT_S = 0.2


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Wherever a body may say how long to wait, and does not say something that is refused."""
    if isinstance(body, dict) and "sdp" in body and isinstance(body.get("timeout_s", 0), (int, float)):
        return {**body, "timeout_s": min(body.get("timeout_s", _WAIT_S), _WAIT_S)}
    return body
