"""What takes its time by nature: silence until a timer ends it, session timers. All of it runs at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.ports import free_port
from tests.interop.sipp_runner import Sipp, run_together
from tests.interop.switch import Plan, password_of, running_switch, wait_until
from tests.interop.test_registration import bind, identity

pytestmark = [pytest.mark.needs("sipp"), pytest.mark.slow]


@pytest.mark.timeout(240)
def test_slow_flows(tmp_path: Path) -> None:
    """A silent callee (408), one that never answers (480), and session timers refreshed by either side."""
    ring, busy_forward = free_port(), free_port()
    plan = Plan(
        isolated=False, subscribers={"1018": "no_answer_s = 3", "1019": 'no_answer_s = 3\nforward_no_answer = "1017"'}
    )
    with running_switch(plan, tmp_path / "switch") as switch:
        bind(switch, tmp_path, "1018", ring)
        bind(switch, tmp_path, "1019", ring)
        bind(switch, tmp_path, "1017", busy_forward)
        sip, trunk = f"127.0.0.1:{plan.sip}", f"127.0.0.1:{plan.trunk}"

        def start(scenario: str, *words: str, port: int | None = None, calls: int = 1) -> Sipp:
            return Sipp(scenario, tmp_path, *words, port=port, calls=calls, timeout_s=80)

        run_together(
            [
                start("uas_silent", port=plan.callee),
                start("uas_transferred", port=plan.callee2, calls=2),
                start("uas_cancelled", port=ring, calls=2),
                start("uas_call", "-d", "50", port=busy_forward),
                start("uac_rejected_408", "-s", "5501", trunk),
                start("uac_session_timer_refreshes", "-s", "5601", trunk),
                start("uac_session_timer_refreshed", "-s", "5602", trunk),
                start("uac_digest_rejected_480", "-s", "1018", *identity("1001"), sip),
                start("uac_digest_call", "-s", "1019", "-d", "500", *identity("1002"), sip),
            ]
        )
        expected = ["answered", "answered", "answered", "no_answer", "no_answer"]

        def found() -> list[str]:
            return sorted(row["disposition"] for row in switch.cdrs())

        wait_until(lambda: found() == expected, 40, lambda: f"the records say {expected}, at last {found()}")
        assert password_of("1018") not in switch.log_text(), "a password stands in the log"
