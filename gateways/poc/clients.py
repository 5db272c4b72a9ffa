"""What is known of push-to-talk clients: which devices they are, and what they have published of themselves.

The feature tags of a REGISTER say that a device speaks MCPTT or PoC (TS 24.379 §7.2, OMA PoC §6.1.1); they are kept as
long as this process runs, and come again with every refresh.
"""

from __future__ import annotations

from collections import OrderedDict

from gateways.poc.poc_settings import PocSettings
from gateways.poc.recognition import System, system_of_features
from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request

_MAX_DEVICES = 8
_MAX_NUMBERS = 100_000


class Clients:
    """Devices and settings by number."""

    def __init__(self) -> None:
        self._devices: dict[str, OrderedDict[str, System]] = {}
        self._settings: dict[str, PocSettings] = {}

    def registered(self, number: str, request: Request) -> None:
        """A REGISTER was taken: remember which of its contacts are clients; a malformed one tells nothing."""
        try:
            contacts = request.contacts
        except ProtocolError:
            return
        for contact in contacts:
            if contact.wildcard:
                self._devices.pop(number, None)
                continue
            if contact.param("expires") == "0" or request.get("Expires") == "0":
                self._forget(number, contact.uri_text)
                continue
            system = system_of_features(str(contact))
            if system is not None:
                self._remember(number, contact.uri_text, system)

    def _forget(self, number: str, uri: str) -> None:
        devices = self._devices.get(number)
        if devices is not None:
            devices.pop(uri, None)
            if not devices:
                del self._devices[number]

    def _remember(self, number: str, uri: str, system: System) -> None:
        if number not in self._devices and len(self._devices) >= _MAX_NUMBERS:
            return
        devices = self._devices.setdefault(number, OrderedDict())
        devices[uri] = system
        devices.move_to_end(uri)
        if len(devices) > _MAX_DEVICES:
            devices.popitem(last=False)

    def system_of(self, number: str, uri: str) -> System | None:
        """The system that one device of a number speaks, None for a telephone."""
        return self._devices.get(number, OrderedDict()).get(uri)

    def publish(self, number: str, settings: PocSettings | None) -> None:
        """A client published its settings, or withdrew them."""
        if settings is None:
            self._settings.pop(number, None)
        elif number in self._settings or len(self._settings) < _MAX_NUMBERS:
            self._settings[number] = settings

    def settings(self, number: str) -> PocSettings | None:
        """What a number published of itself."""
        return self._settings.get(number)
