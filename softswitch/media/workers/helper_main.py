"""The media helper: a process without a packet thread, for services that look after all packet threads together.

    python -m softswitch.media.workers.helper_main --listener FD --arena FD --events FD [--grace S]

What it does never delays a packet, and what ends a worker does not end it. It outlives the switch, see
`softswitch.media.workers.service_process`, as long as any worker has ports.
"""

from __future__ import annotations

from softswitch.media.workers.service_process import ServiceProcess, parser, serve, set_up
from softswitch.media.workers.services import HELPER


def main() -> None:
    """The process."""
    options = parser("softswitch.media.workers.helper_main", "The media helper of the switch.").parse_args()
    set_up("media-helper")
    serve(ServiceProcess(options, HELPER))


if __name__ == "__main__":
    main()
