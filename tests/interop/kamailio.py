"""Kamailio as upstream proxy, trunk and registrar, with TLS."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.interop.ports import free_port
from tests.interop.switch import options_answered, wait_until

_TEMPLATE = Path(__file__).resolve().parent / "peers" / "kamailio.cfg"
_MODULE_FOLDERS = ("/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules")
REALM = "upstream"
USER = "4000"
PASSWORD = "upstream-secret"


def program() -> str | None:
    """Where kamailio is installed, None when it is not; Debian keeps it outside the PATH of ordinary users."""
    return shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "interop test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


class Kamailio:
    """One kamailio on 127.0.0.1; its ports are chosen before the switch's configuration is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.udp = free_port()
        self.tls = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "kamailio.log"
        folder.mkdir(parents=True, exist_ok=True)

    def configure(self, *, callee: int, switch_tls: int) -> None:
        """Write its configuration."""
        certificate_file, key_file = certificate(self.folder)
        modules = next(folder for folder in _MODULE_FOLDERS if Path(folder).is_dir())
        text = _TEMPLATE.read_text()
        for word, value in (
            ("UDP_PORT", self.udp), ("SWITCH_TLS_PORT", switch_tls), ("TLS_PORT", self.tls), ("MODULES", modules),
            ("KEY_FILE", key_file), ("CERTIFICATE_FILE", certificate_file), ("USER_PASSWORD", PASSWORD),
            ("USER_NAME", USER), ("REALM", REALM), ("CALLEE_PORT", callee),
        ):  # fmt: skip
            text = text.replace(word, str(value))
        (self.folder / "kamailio.cfg").write_text(text)

    def __enter__(self) -> Self:
        command = [str(program()), "-f", str(self.folder / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "4"]
        command += ["-Y", str(self.folder), "-P", str(self.folder / "kamailio.pid"), "-w", str(self.folder)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: options_answered("127.0.0.1", self.udp, 0.3), 40, "kamailio answers OPTIONS")
        except AssertionError as error:
            self.close()
            raise AssertionError(f"{error}\n{self.log.read_text(errors='replace')[-3000:]}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
