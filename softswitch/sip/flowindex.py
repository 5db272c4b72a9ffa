"""Which transactions depend on which stream connection, so that its loss is dealt with at once (RFC 3261 §18)."""

from __future__ import annotations

from softswitch.sip.address import Address


class FlowIndex:
    """Transaction keys by the far end of the stream they use; datagrams have no connection to lose and stay out."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str, int], dict[str, None]] = {}

    def add(self, address: Address, key: str) -> None:
        """Note that the transaction uses the stream to this address."""
        self._keys.setdefault(address[:3], {})[key] = None

    def discard(self, address: Address, key: str) -> None:
        """Forget one transaction."""
        keys = self._keys.get(address[:3])
        if keys is not None:
            keys.pop(key, None)
            if not keys:
                del self._keys[address[:3]]

    def keys(self, address: Address) -> list[str]:
        """The transactions that use a stream to this host and port."""
        return list(self._keys.get(address[:3], ()))

    def __len__(self) -> int:
        return len(self._keys)


def same_flow(used: Address, lost: Address) -> bool:
    """Whether the loss of `lost` concerns who sends to `used`: an unnumbered end stands for any connection to it."""
    return used[:3] == lost[:3] and (used.connection == lost.connection or used.connection == 0 or lost.connection == 0)
