"""What the media engine tells Prometheus: counters, gauges, and histograms that its packet threads have filled."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from softswitch.media import MediaEngine
from softswitch.media.quality import Tally, read_tallies
from softswitch.observing.media_watch import MediaWatch
from softswitch.observing.quality_watch import QualityWatch
from softswitch.runtime.metrics import Metrics

_GAUGES = {
    "ports_open": "RTP ports in use.",
    "ports_free": "RTP ports that a call could be given at once.",
    "ports_quarantined": "RTP ports of ended calls that are kept closed for some seconds.",
    "players": "RTP ports into which a sound is being played.",
}
_DROPPED = "RTP and RTCP packets that were not passed on, by reason."
_REASONS = ("source", "payload_type", "direction", "unrouted")
_COUNTERS = {
    "lost": ("media_packets_lost", "RTP packets that never came, by their sequence numbers."),
    "malformed": ("media_packets_malformed", "Datagrams at RTP ports that are neither RTP nor RTCP nor STUN."),
    "send_errors": ("media_send_errors", "Packets that the operating system did not take."),
    "timeouts": ("media_timeouts", "Times a party fell silent for longer than is allowed."),
    "deadlines_missed": ("media_deadline_missed", "Packets left out because a packet thread was not run in time."),
    "events_lost": ("media_events_lost", "Notices of packet threads that found no room in their ring."),
    "link_frames_missing": ("media_link_frames_missing", "Turns of 10 ms in which a linked room was heard too late."),
    "link_frames_skipped": ("media_link_frames_skipped", "10 ms left out between linked rooms: too many at once."),
    "srtp_auth_failures": ("srtp_authentication_failures", "Secured packets whose authentication tag is wrong."),
    "srtp_replayed": ("srtp_replayed", "Secured packets that had come before, or too late to tell."),
    "dtls_handshakes": ("dtls_handshakes", "DTLS handshakes that came to an end."),
    "dtls_failures": ("dtls_failures", "DTLS handshakes that failed."),
    "ice_consent_lost": ("ice_consent_lost", "Peers found by ICE that no longer answer."),
}


def watch_media(metrics: Metrics, engine: MediaEngine, watch: QualityWatch, workers: MediaWatch) -> None:
    """Show the engine's figures, and what is made of them."""

    def figure(name: str) -> float:
        return float(getattr(engine.statistics(), name))

    for name, text in _GAUGES.items():
        metrics.gauge(f"media_{name}", text, partial(figure, name))
    for name, (shown, text) in _COUNTERS.items():
        metrics.counter(shown, text, partial(figure, name))
    _watch_packets(metrics, engine)
    _watch_workers(metrics, engine, workers)
    _watch_quality(metrics, engine, watch)


def _watch_packets(metrics: Metrics, engine: MediaEngine) -> None:
    def both(kind: str) -> dict[tuple[str, ...], float]:
        found = asdict(engine.statistics())
        return {("in",): found[f"{kind}_received"], ("out",): found[f"{kind}_sent"]}

    def dropped() -> dict[tuple[str, ...], float]:
        found = asdict(engine.statistics())
        return {(reason,): found[f"dropped_{reason}"] for reason in _REASONS}

    for kind, text in (
        ("packets", "RTP packets received from and sent to parties."),
        ("octets", "Octets of RTP packets received from and sent to parties."),
        ("rtcp", "RTCP packets received from and sent to parties."),
    ):
        name = "rtcp_packets" if kind == "rtcp" else f"media_{kind}"
        metrics.counter(name, text, partial(both, kind), ("direction",))
    metrics.counter("media_packets_dropped", _DROPPED, dropped, ("reason",))


def _watch_workers(metrics: Metrics, engine: MediaEngine, watch: MediaWatch) -> None:
    def of_each(name: str) -> dict[tuple[str, ...], float]:
        return {(str(worker.number),): float(getattr(worker, name)) for worker in engine.workers()}

    text = "Media workers that ended unasked since the start."
    metrics.counter("media_workers_lost", text, lambda: watch.workers_lost)
    label = ("worker",)
    cpu = "Processor time that each media worker has used, in seconds."
    metrics.counter("media_worker_cpu_seconds", cpu, partial(of_each, "cpu_s"), label)
    metrics.gauge("media_worker_up", "Whether each media worker runs.", partial(of_each, "alive"), label)
    metrics.gauge("media_worker_ports", "RTP ports that each media worker serves.", partial(of_each, "ports"), label)


def _watch_quality(metrics: Metrics, engine: MediaEngine, watch: QualityWatch) -> None:
    def tally(name: str, scale: float = 1.0) -> Tally:
        found = read_tallies(engine.arena.workers)[name]
        return Tally(tuple((end / scale, count) for end, count in found.classes), found.total / scale)

    metrics.histogram(
        "media_mos",
        "Mean opinion score (ITU-T G.107) of what parties send, one for each report interval of each party.",
        partial(tally, "mos"),
    )
    metrics.histogram(
        "media_jitter_seconds",
        "Interarrival jitter of what parties send, in seconds, once each report interval.",
        partial(tally, "jitter_ms", 1000.0),
    )
    metrics.histogram(
        "media_loss_ratio",
        "Share of packets lost on the way from parties, once each report interval.",
        partial(tally, "loss"),
    )
    metrics.gauge("media_ports_degraded", "Parties that sound bad now.", lambda: watch.degraded)
    metrics.counter("media_degradations", "Times a party began to sound bad.", lambda: watch.degradations)
    metrics.gauge("media_ports_one_way", "RTP ports that send and have never received anything.", lambda: watch.one_way)
    metrics.counter("media_one_way", "RTP ports that sent and received nothing for too long.", lambda: watch.one_ways)
    metrics.gauge(
        "jitter_buffer_milliseconds",
        "Mean depth of the jitter buffers in use, in milliseconds.",
        lambda: engine.rooms.mean_depth_ms() if engine.event_fd >= 0 else 0.0,
    )
