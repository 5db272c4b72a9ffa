"""An AMBE-3000 that is none: the packet protocol over UDP or a pseudo-terminal, with Codec2 as its vocoder.

A frame of the chip's 49, 72 or 144 bits holds Codec2's 48 at its beginning and zeros behind.
"""

from __future__ import annotations

import os
import pty
import socket
import threading
import tty

import numpy as np

import mediacodecs
from mediacodecs.vocoders import dvsi_packets as packets


class StandIn:
    """What the chip answers; `mute` answers nothing, `deaf_to` that many requests are passed over."""

    def __init__(self, bits=49):
        self.bits = bits
        self.codec = mediacodecs.create("CODEC2")
        self.mute = False
        self.deaf_to = 0
        self.heard = []

    def answer(self, data):
        """The answers to one packet."""
        packet = packets.read(data)
        self.heard.append(data)
        if self.mute:
            return []
        if packet.kind == packets.CONTROL:
            return self._control(packet.fields)
        if self.deaf_to:
            self.deaf_to -= 1
            return []
        if packet.kind == packets.SPEECH:
            frame = self.codec.encode(packets.read_speech(packet.fields)).tobytes()
            return [packets.channel(frame + bytes((self.bits + 7) // 8 - 6), self.bits)]
        bits, frame = packets.read_channel(packet.fields)
        assert bits == self.bits, f"set to {self.bits}, got {bits}"
        return [packets.speech(self.codec.decode(np.frombuffer(frame[:6], np.uint8)))]

    def _control(self, fields):
        if fields[0] == packets.FIELD_PRODID:
            return [packets.build(packets.CONTROL, b"\x30AMBE3000R\0")]
        if fields[0] == packets.FIELD_RATEP:
            return [packets.build(packets.CONTROL, b"\x0a\0")]
        return [packets.build(packets.CONTROL, fields[:1] + b"\0")]


class UdpServer:
    """The stand-in behind a UDP port, in a thread."""

    def __init__(self, stand_in, port=0):
        self.stand_in = stand_in
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            data, source = self._socket.recvfrom(1024)
            if not data:
                return
            for answer in self.stand_in.answer(data):
                self._socket.sendto(answer, source)

    def close(self):
        """Go away: from now on nobody answers."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(3)
        self._socket.close()


class SerialServer:
    """The stand-in at the other end of a pseudo-terminal, in a thread; `device` is its name."""

    def __init__(self, stand_in):
        self.stand_in = stand_in
        self._own, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.device = os.ttyname(self._theirs)
        self._ending = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        import select

        stream = packets.PacketStream()
        while True:
            ready, _, _ = select.select([self._own, self._ending[0]], [], [])
            if self._ending[0] in ready:
                return
            for packet in stream.receive(os.read(self._own, 4096)):
                for answer in self.stand_in.answer(packet):
                    os.write(self._own, answer)

    def close(self):
        """Pull the plug."""
        os.write(self._ending[1], b"x")
        self._thread.join(3)
        for descriptor in (self._own, self._theirs, *self._ending):
            os.close(descriptor)
