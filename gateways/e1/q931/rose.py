"""Components of supplementary services in the facility element (ITU-T Q.932 §8.2, X.880): invokes and their answers.

Read and written in the basic encoding (X.690) with definite lengths. Arguments stay octets, for each operation knows
its own. Elements of other protocol profiles belong to other services and are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateways.e1.q931.errors import Q931Error

#: Octet 3 of the element: remote operations for supplementary services (Q.932 §8.2.3.1).
_PROFILE = 0x91
_INVOKE, _RESULT, _ERROR, _REJECT = 0xA1, 0xA2, 0xA3, 0xA4
_INTEGER, _NULL, _OBJECT, _SEQUENCE, _LINKED = 0x02, 0x05, 0x06, 0x30, 0x80
_GENERAL_PROBLEM, _INVOKE_PROBLEM = 0x80, 0x81
#: As many components as one element may bring, and the octets of the longest integer that is read.
_COMPONENTS, _INTEGER_OCTETS = 8, 4

#: An operation or error: its local value, or the octets of its object identifier.
Code = int | bytes


@dataclass(frozen=True, slots=True)
class Invoke:
    """Somebody wants an operation carried out; `argument` is encoded."""

    identifier: int
    operation: Code
    argument: bytes = b""

    def serialize(self) -> bytes:
        """The component."""
        return _tagged(_INVOKE, integer(self.identifier) + _code(self.operation) + self.argument)


@dataclass(frozen=True, slots=True)
class Result:
    """It was carried out; an operation that has a result tells it, encoded."""

    identifier: int
    operation: Code = b""
    result: bytes = b""

    def serialize(self) -> bytes:
        """The component."""
        told = _tagged(_SEQUENCE, _code(self.operation) + self.result) if self.result else b""
        return _tagged(_RESULT, integer(self.identifier) + told)


@dataclass(frozen=True, slots=True)
class Error:
    """It was understood, and cannot be done."""

    identifier: int
    value: Code

    def serialize(self) -> bytes:
        """The component."""
        return _tagged(_ERROR, integer(self.identifier) + _code(self.value))


@dataclass(frozen=True, slots=True)
class Reject:
    """It was not understood; `problem` is the tag of its kind and its number. Without identifier when none was read."""

    identifier: int | None
    problem: tuple[int, int]

    def serialize(self) -> bytes:
        """The component."""
        told = _tagged(_NULL, b"") if self.identifier is None else integer(self.identifier)
        kind, number = self.problem
        return _tagged(_REJECT, told + _tagged(kind, bytes((number,))))


Component = Invoke | Result | Error | Reject

#: Problems (X.880 §9.5): the octets are no component; nobody knows the operation; its argument is of another kind.
BADLY_STRUCTURED = (_GENERAL_PROBLEM, 2)
UNRECOGNIZED_OPERATION, MISTYPED_ARGUMENT = (_INVOKE_PROBLEM, 1), (_INVOKE_PROBLEM, 2)


def integer(value: int) -> bytes:
    """An INTEGER, in as few octets as it needs."""
    octets = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return _tagged(_INTEGER, value.to_bytes(octets, "big", signed=True))


def read_integer(octets: bytes) -> int:
    """The INTEGER that these octets are; raises Q931Error."""
    tag, content, rest = _split(octets)
    if tag != _INTEGER or rest:
        raise Q931Error("no integer")
    return _number(content)


def facility(component: Component) -> bytes:
    """The content of a facility element with one component."""
    return bytes((_PROFILE,)) + component.serialize()


def parse(content: bytes) -> list[Component]:
    """The components of a facility element, none of a profile that is not ours; raises Q931Error."""
    if content[:1] != bytes((_PROFILE,)):
        return []
    found: list[Component] = []
    rest = content[1:]
    while rest and len(found) < _COMPONENTS:
        tag, body, rest = _split(rest)
        found.append(_component(tag, body))
    return found


def _component(tag: int, body: bytes) -> Component:
    kind, told, rest = _split(body)
    if tag == _REJECT:
        identifier = None if kind == _NULL else _number(told)
        problem, number, _ = _split(rest)
        return Reject(identifier, (problem, _number(number)))
    if kind != _INTEGER:
        raise Q931Error("a component without identifier")
    identifier = _number(told)
    if tag == _INVOKE:
        if rest[:1] == bytes((_LINKED,)):
            rest = _split(rest)[2]
        operation, argument = _read_code(rest)
        return Invoke(identifier, operation, argument)
    if tag == _ERROR:
        return Error(identifier, _read_code(rest)[0])
    if tag != _RESULT:
        raise Q931Error(f"no component has the tag {tag:#x}")
    if not rest:
        return Result(identifier)
    kind, told, _ = _split(rest)
    if kind != _SEQUENCE:
        raise Q931Error("a result without its operation")
    return Result(identifier, *_read_code(told))


def _read_code(octets: bytes) -> tuple[Code, bytes]:
    """An operation or error, and what follows it."""
    tag, content, rest = _split(octets)
    if tag == _INTEGER:
        return _number(content), rest
    if tag != _OBJECT or not content:
        raise Q931Error("neither a local value nor an object identifier")
    return content, rest


def _split(octets: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first value, and what follows it; lengths of up to two octets are read."""
    if len(octets) < 2 or octets[0] & 0x1F == 0x1F:
        raise Q931Error("no value of the basic encoding")
    length, begin = octets[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 2:
            raise Q931Error("a length that is indefinite or too long")
        length, begin = int.from_bytes(octets[2 : 2 + count], "big"), 2 + count
    end = begin + length
    if len(octets) < end:
        raise Q931Error("a value that is cut off")
    return octets[0], octets[begin:end], octets[end:]


def _number(content: bytes) -> int:
    if not 1 <= len(content) <= _INTEGER_OCTETS:
        raise Q931Error(f"an integer of {len(content)} octets")
    return int.from_bytes(content, "big", signed=True)


def _code(value: Code) -> bytes:
    return integer(value) if isinstance(value, int) else _tagged(_OBJECT, value)


def _tagged(tag: int, content: bytes) -> bytes:
    """One value; nothing that is sent here is longer than 127 octets."""
    return bytes((tag, len(content))) + content
