"""RTP as it crosses an interface, by destination: what a phone was really sent, whatever it recorded of it."""

from __future__ import annotations

import socket
import struct
import threading
from collections import defaultdict
from types import TracebackType
from typing import Self

import numpy as np

from tests.interop import audio

_ETH_P_ALL = 3
_G711 = {0: "ulaw", 8: "alaw"}


class WireTap:
    """Keeps every RTP packet of G.711 seen on `interface` while the block runs (needs root)."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((interface, 0))
        self._socket.settimeout(0.1)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire tap", daemon=True)
        self.streams: dict[tuple[str, int], list[tuple[int, int, bytes]]] = defaultdict(list)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self._take(self._socket.recv(2048))
            except TimeoutError:
                continue

    def _take(self, frame: bytes) -> None:
        """Ethernet, IPv4 without fragments, UDP, RTP version 2 with 12 octets of header."""
        if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
            return
        udp = 14 + (frame[14] & 15) * 4
        rtp = udp + 8
        if frame[rtp] >> 6 != 2 or frame[rtp + 1] & 0x7F not in _G711:
            return
        port = struct.unpack_from("!H", frame, udp + 2)[0]
        length = struct.unpack_from("!H", frame, udp + 4)[0] - 8
        sequence = struct.unpack_from("!H", frame, rtp + 2)[0]
        key = (socket.inet_ntoa(frame[30:34]), port)
        self.streams[key].append((sequence, frame[rtp + 1] & 0x7F, frame[rtp + 12 : rtp + length]))

    def mark(self) -> dict[tuple[str, int], int]:
        """Where every stream stands now, for `heard(since=…)`."""
        return {key: len(packets) for key, packets in list(self.streams.items())}

    def heard(
        self, address: str, first: int, last: int, *, since: dict[tuple[str, int], int] | None = None
    ) -> audio.Samples:
        """Linear samples of all that was sent to the ports first…last of an address, in the order of arrival."""
        parts = [np.zeros(0)]
        for key, packets in list(self.streams.items()):
            if key[0] == address and first <= key[1] <= last:
                for _, payload_type, payload in packets[(since or {}).get(key, 0) :]:
                    octets = np.frombuffer(payload, np.uint8)
                    parts.append(audio.decode_ulaw(octets) if payload_type == 0 else audio.decode_alaw(octets))
        return np.concatenate(parts)
