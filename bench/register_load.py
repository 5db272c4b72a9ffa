"""The phones of bench/register.py: many registrations on one UDP socket, a fixed number of them under way at once.

Started by the bench. Arguments: port, first number, first password index, phones, rounds. Says `ready`, begins each
round at a line on its input, and says `done SUCCEEDED FAILED REPEATED SECONDS` after it.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections import Counter, deque

import uvloop

UNDER_WAY = 64
REPEAT_AFTER_S = 0.5
GIVE_UP_AFTER = 8


def md5(text: str) -> str:
    """Lower-case hexadecimal MD5."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Phones(asyncio.DatagramProtocol):
    """Phones `first` … `first + count - 1`; all state is a few lists indexed by phone."""

    def __init__(self, port: int, first: int, first_password: int, count: int) -> None:
        self.port = port
        self.count = count
        self.first = first
        self.uri = f"sip:127.0.0.1:{port}"
        # What can be computed beforehand is: the load must not be the bottleneck.
        self.ha1 = [md5(f"{first + index}:softswitch:p{first_password + index}") for index in range(count)]
        self.ha2 = md5(f"REGISTER:{self.uri}")
        self.nonce: list[str] = [""] * count
        self.uses = [0] * count
        self.cseq = [0] * count
        self.pending: dict[int, tuple[bytes, float, int]] = {}  # phone -> datagram, time sent, times sent
        self.waiting: deque[int] = deque()
        self.succeeded = self.failed = self.repeated = 0
        self.refusals: Counter[str] = Counter()
        self.finished = asyncio.Event()
        self.transport: asyncio.DatagramTransport

    def begin(self) -> None:
        """Start a round: every phone registers once."""
        self.succeeded = self.failed = self.repeated = 0
        self.finished.clear()
        self.waiting.extend(range(self.count))
        for _ in range(min(UNDER_WAY, self.count)):
            self.next_phone()

    def next_phone(self) -> None:
        """Let the next phone in the line speak."""
        if self.waiting:
            self.register(self.waiting.popleft())
        elif not self.pending:
            self.finished.set()

    def register(self, phone: int) -> None:
        """Send a REGISTER, with credentials when the phone has a nonce."""
        number = self.first + phone
        self.cseq[phone] += 1
        cseq = self.cseq[phone]
        authorization = ""
        if nonce := self.nonce[phone]:
            self.uses[phone] += 1
            count = f"{self.uses[phone]:08x}"
            response = md5(f"{self.ha1[phone]}:{nonce}:{count}:c0ffee:auth:{self.ha2}")
            authorization = (
                f'Authorization: Digest username="{number}", realm="softswitch", nonce="{nonce}", uri="{self.uri}", '
                f'response="{response}", algorithm=MD5, cnonce="c0ffee", qop=auth, nc={count}\r\n'
            )
        data = (
            f"REGISTER {self.uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.local};branch=z9hG4bK{phone}x{cseq};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{number}@127.0.0.1>;tag=f{phone}\r\nTo: <sip:{number}@127.0.0.1>\r\n"
            f"Call-ID: {phone}.{self.first}@bench\r\nCSeq: {cseq} REGISTER\r\n"
            f"Contact: <sip:{number}@127.0.0.1:{self.local}>\r\n"
            f"Expires: 3600\r\n{authorization}User-Agent: bench phone\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        self.pending[phone] = (data, time.monotonic(), 1)
        self.transport.sendto(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the socket."""
        self.transport = transport  # type: ignore[assignment]
        self.local = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Answer a challenge, or count and go on with the next phone."""
        head = data[:12]
        at = data.find(b"Call-ID: ")
        if at < 0 or not head.startswith(b"SIP/2.0 "):
            if head.startswith(b"OPTIONS "):
                return  # a keepalive of the switch to its phones
            raise ValueError(f"not understood: {data[:200]!r}")
        phone = int(data[at + 9 : data.index(b".", at)])
        entry = self.pending.get(phone)
        cseq = data.find(b"CSeq: ")
        if entry is None or int(data[cseq + 6 : data.index(b" ", cseq + 6)]) != self.cseq[phone]:
            return
        del self.pending[phone]
        status = data[8:11]
        if status == b"401":
            md5_at = data.find(b"algorithm=MD5")
            line = data.rfind(b"\r\n", 0, md5_at)
            nonce = data.index(b'nonce="', line) + 7
            fresh = data[nonce : data.index(b'"', nonce)].decode()
            if self.uses[phone] and self.nonce[phone] == fresh:
                self.refusals["401 again"] += 1
                self.end_one(False)
                return
            self.nonce[phone], self.uses[phone] = fresh, 0
            self.register(phone)
        else:
            if status != b"200":
                self.refusals[status.decode()] += 1
            self.end_one(status == b"200")

    def end_one(self, good: bool) -> None:
        """Count one phone."""
        if good:
            self.succeeded += 1
        else:
            self.failed += 1
        self.next_phone()

    def repeat(self) -> None:
        """Send again what was not answered in time."""
        now = time.monotonic()
        for phone, (data, sent, times) in list(self.pending.items()):
            if now - sent < REPEAT_AFTER_S * times:
                continue
            if times >= GIVE_UP_AFTER:
                del self.pending[phone]
                self.end_one(False)
            else:
                self.pending[phone] = (data, now, times + 1)
                self.repeated += 1
                self.transport.sendto(data)


async def main() -> None:
    """Run the rounds."""
    port, first, first_password, count, rounds = map(int, sys.argv[1:6])
    loop = asyncio.get_running_loop()
    _, phones = await loop.create_datagram_endpoint(
        lambda: Phones(port, first, first_password, count), remote_addr=("127.0.0.1", port)
    )
    print("ready", flush=True)
    for _ in range(rounds):
        await loop.run_in_executor(None, sys.stdin.readline)
        began = time.monotonic()
        phones.begin()
        while not phones.finished.is_set():
            try:
                async with asyncio.timeout(REPEAT_AFTER_S / 2):
                    await phones.finished.wait()
            except TimeoutError:
                phones.repeat()
        seconds = time.monotonic() - began
        for status, number in phones.refusals.items():
            print(f"refused with {status}: {number}", file=sys.stderr, flush=True)
        print("done", phones.succeeded, phones.failed, phones.repeated, f"{seconds:.3f}", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
