"""baresip as a phone without a screen: its configuration, its control socket, and the audio it sent and heard."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from tests.interop import audio
from tests.interop.namespace import Namespace
from tests.interop.switch import PATIENCE_S, wait_until

_MODULES = Path("/usr/lib/baresip/modules")
_MODULE_OF = {"PCMU": "g711", "PCMA": "g711", "GSM": "gsm", "AMR": "amr"}


class Baresip:
    """One phone. `speech` is what it says from the moment a call is established.

    Files: `baresip.log` is its output; `dump-*-enc.wav` and `dump-*-dec.wav` are what it sent and what it heard.
    """

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        *,
        number: str,
        password: str,
        switch: tuple[str, int],
        transport: str = "udp",
        speech: Path,
        port: int,
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        secured: str = "",
        ice: bool = False,
    ) -> None:
        """`secured` is what baresip calls mediaenc: srtp, srtp-mand, dtls_srtp."""
        self.number = number
        self.folder = folder
        self._namespace = namespace
        self._control_port = port + 2
        self._switch = switch
        self._transport = transport
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "baresip.log"
        self._security = (f";mediaenc={secured}" if secured else "") + (";medianat=ice" if ice else "")
        self._write(speech, port, password, codecs)

    def _write(self, speech: Path, port: int, password: str, codecs: Sequence[str]) -> None:
        of_codecs = {f"{_MODULE_OF[codec.partition('/')[0]]}.so" for codec in codecs}
        modules = [*sorted(of_codecs), "aufile.so", "aubridge.so", "sndfile.so", "ctrl_tcp.so"]
        if self._security:
            modules += ["srtp.so", "dtls_srtp.so", "ice.so"]
        applications = ["account.so", "menu.so"]
        lines = [
            "poll_method epoll",
            f"sip_listen {self._namespace.far}:{port}",
            "call_local_timeout 60",
            "call_max_calls 4",
            f"audio_source aufile,{speech}",
            "audio_player aubridge,nil",
            "audio_alert aubridge,alert",
            "ausrc_srate 8000",
            "auplay_srate 8000",
            "ausrc_channels 1",
            "auplay_channels 1",
            "audio_buffer 20-160",
            f"rtp_ports {port + 1000}-{port + 1100}",
            "jitter_buffer_delay 1-10",
            f"rtcp_mux {'yes' if self._security else 'no'}",
            f"module_path {_MODULES}",
            *(f"module {name}" for name in modules),
            "module_tmp uuid.so",
            *(f"module_app {name}" for name in applications),
            f"snd_path {self.folder}",
            f"ctrl_tcp_listen {self._namespace.far}:{self._control_port}",
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        host, sip_port = self._switch
        (self.folder / "accounts").write_text(
            f"<sip:{self.number}@{host}:{sip_port};transport={self._transport}>;auth_pass={password};regint=600;"
            f"answermode=auto;audio_codecs={','.join(codecs)};ptime=20{self._security}\n"
        )
        (self.folder / "contacts").write_text("")

    def __enter__(self) -> Self:
        command = [*self._namespace.prefix, "baresip", "-4", "-f", str(self.folder)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder
            )
        try:
            wait_until(self._connect, 40, "the control socket of baresip opens")
        except AssertionError as error:
            self.close()
            raise AssertionError(f"{error}\n{self.text()[-2000:]}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ask it to quit, and end it when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._control is not None:
            with contextlib.suppress(OSError):
                self.command("quit")
            self._control.close()
            self._control = None
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _connect(self) -> bool:
        try:
            self._control = socket.create_connection((self._namespace.far, self._control_port), timeout=1)
        except OSError:
            return False
        self._control.setblocking(False)
        return True

    def text(self) -> str:
        """Its output so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def command(self, name: str, parameters: str = "") -> None:
        """Run one command of its menu (dial, hangup, hold, resume, …)."""
        assert self._control is not None, "baresip does not run"
        document = json.dumps({"command": name, "params": parameters, "token": name})
        self._control.setblocking(True)
        self._control.sendall(f"{len(document)}:{document},".encode())
        self._control.setblocking(False)

    def poll(self) -> list[dict[str, Any]]:
        """All events it has told so far."""
        assert self._control is not None, "baresip does not run"
        try:
            while data := self._control.recv(65536):
                self._buffer += data
        except BlockingIOError:
            pass
        while b":" in self._buffer:
            size, _, rest = self._buffer.partition(b":")
            if len(rest) <= int(size):
                break
            document, self._buffer = rest[: int(size)], rest[int(size) + 1 :]
            self.events.append(json.loads(document))
        return self.events

    def wait_event(self, kind: str, timeout_s: float = PATIENCE_S, count: int = 1) -> None:
        """Wait until `count` events of a type have come (REGISTER_OK, CALL_ESTABLISHED, CALL_CLOSED, …)."""

        def seen() -> bool:
            return [event.get("type") for event in self.poll()].count(kind) >= count

        try:
            wait_until(seen, timeout_s, f"baresip {self.number} tells {kind}")
        except AssertionError as error:
            told = [event.get("type") or event for event in self.events]
            raise AssertionError(f"{error}; told: {told}\n{self.text()[-3000:]}") from None

    def wait_registered(self) -> None:
        """Wait until the switch has taken the registration; told by the log, because it may happen before anyone can
        listen to the control socket."""
        try:
            wait_until(lambda: " 200 OK " in self.text(), 40, f"baresip {self.number} is registered")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()[-2000:]}") from None

    def says(self, speech: Path) -> None:
        """Say something else from now on."""
        self.command("ausrc", f"aufile,{speech}")

    def dial(self, called: str) -> None:
        """Call a number of the switch."""
        self.command("dial", f"sip:{called}@{self._switch[0]}:{self._switch[1]};transport={self._transport}")

    def heard(self) -> audio.Samples:
        """What it has recorded of its call so far, all recordings one after the other."""
        files = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)
        return np.concatenate([np.zeros(0), *(audio.read_growing(path) for path in files)])

    def understands(self, said: audio.Samples, seconds: float = 1.5, least: float = 0.98) -> None:
        """Wait until it has recorded so many seconds of speech that are like what was said."""
        wait_until(
            lambda: audio.is_alike(said, self.heard(), seconds=seconds, least=least),
            PATIENCE_S,
            lambda: f"{self.number} understands; it has recorded {len(self.heard()) / audio.RATE} s",
        )
