"""Numbers as people dial them and as the plan compares them (E.164, RFC 3966 §5.1).

A number here is whatever can be called: digits, ``+``, ``*``, ``#``, and also names and 20-digit device ids. Only what
looks like a telephone number loses its visual separators, so that ``anna.berg`` stays what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from dialplan.errors import DialplanError

#: Longest number the plan looks at; longer ones are refused before any pattern sees them.
MAXIMUM_LENGTH = 64

#: An E.164 number has at most fifteen digits.
_E164_DIGITS = 15

_SEPARATORS = str.maketrans("", "", "-.() \u00a0")
_DIALLED = frozenset("0123456789*#ABCDabcd")

#: Emergency service names (RFC 5031 §4.2).
EMERGENCY_URN = "urn:service:sos"


def normalise(text: str) -> str:
    """The number in the form the plan compares: no URI dress, no visual separators, no surrounding blanks."""
    if text.isdigit() and text.isascii():
        return text
    text = text.strip()
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() in ("tel", "sip", "sips"):
        text = rest.partition(";")[0].partition("?")[0]
        if scheme.lower() != "tel":
            text = text.rpartition("@")[0] or text
        if "%" in text:
            text = unquote(text)
    bare = text.translate(_SEPARATORS)
    digits = bare[1:] if bare[:1] == "+" else bare
    return bare if digits and _DIALLED.issuperset(digits) else text


def is_e164(number: str) -> bool:
    """Whether `number` is in the international form: ``+`` and one to fifteen digits, no leading zero."""
    digits = number[1:]
    return (
        number[:1] == "+" and digits.isdigit() and digits.isascii() and len(digits) <= _E164_DIGITS and digits[0] != "0"
    )


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers are dialled at a place: country code ("86"), area code ("571"), and the two prefixes."""

    country_code: str
    area_code: str = ""
    international_prefix: str = "00"
    national_prefix: str = "0"

    def __post_init__(self) -> None:
        for name in ("country_code", "international_prefix"):
            value = getattr(self, name)
            if not (value.isdigit() and value.isascii()):
                raise DialplanError(f"{name} must be digits, not {value!r}")
        for name in ("area_code", "national_prefix"):
            value = getattr(self, name)
            if value and not (value.isdigit() and value.isascii()):
                raise DialplanError(f"{name} must be digits or empty, not {value!r}")

    def to_e164(self, number: str) -> str:
        """The international form of a number dialled here; raises `DialplanError` when it cannot be one."""
        dialled = normalise(number)
        if dialled.startswith("+"):
            result = dialled
        elif not (dialled.isdigit() and dialled.isascii()):
            raise DialplanError(f"{number[:MAXIMUM_LENGTH]!r} is not a telephone number")
        elif dialled.startswith(self.international_prefix):
            result = "+" + dialled[len(self.international_prefix) :]
        elif self.national_prefix and dialled.startswith(self.national_prefix):
            result = f"+{self.country_code}{dialled[len(self.national_prefix) :]}"
        else:
            result = f"+{self.country_code}{self.area_code}{dialled}"
        if not is_e164(result):
            raise DialplanError(f"{number[:MAXIMUM_LENGTH]!r} gives {result[:MAXIMUM_LENGTH]!r}, which is not E.164")
        return result

    def from_e164(self, number: str) -> str:
        """The form dialled here of an international number; raises `DialplanError` when `number` is not E.164."""
        if not is_e164(number):
            raise DialplanError(f"{number[:MAXIMUM_LENGTH]!r} is not E.164")
        local = f"+{self.country_code}{self.area_code}"
        if self.area_code and number.startswith(local) and len(number) > len(local):
            return number[len(local) :]
        home = f"+{self.country_code}"
        if number.startswith(home) and len(number) > len(home):
            return self.national_prefix + number[len(home) :]
        return self.international_prefix + number[1:]
