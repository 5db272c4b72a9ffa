"""Number patterns in the notation Asterisk users know, or ``~`` and a regular expression.

``X`` 0–9, ``Z`` 1–9, ``N`` 2–9, ``[1-57]`` one of these, ``.`` the rest (one character or more), ``!`` the rest (or
nothing); a leading ``_`` and ``-`` between characters are decoration. Wildcard letters are upper-case only, because
numbers may also be names. Everything else stands for itself.

A regular expression must match the whole number. Those that could take long are refused when they are read: repeated
groups with repetition or alternatives inside, back-references, look-around, more than two open repetitions.
"""

from __future__ import annotations

import re

from dialplan.errors import DialplanError
from dialplan.number import MAXIMUM_LENGTH

_DIGITS = "0123456789"
_WILDCARDS = {"X": _DIGITS, "Z": _DIGITS[1:], "N": _DIGITS[2:]}

#: Rank of an open end: wider than any character class. A plain prefix ranks behind ``.`` and ``!``.
_RANK_SOME, _RANK_ANY, RANK_PREFIX, _RANK_REGEX = 1000, 1001, 1002, 1003

_MAXIMUM_OPTIONAL = 8
_MAXIMUM_OPEN = 2


class Pattern:
    """A compiled pattern.

    `prefix` is the literal text every match begins with, `exact` whether that is all of it, `rank` orders patterns
    from narrow to wide among those that match the same number.
    """

    __slots__ = ("_classes", "_maximum", "_minimum", "_regex", "exact", "prefix", "rank", "text")

    def __init__(self, text: str) -> None:
        """Compile `text`; raises `DialplanError` that says what is wrong with it."""
        self.text = text
        self.prefix = ""
        self.exact = False
        self._regex: re.Pattern[str] | None = None
        self._classes: tuple[str, ...] = ()
        self._minimum = 0
        self._maximum = MAXIMUM_LENGTH
        if text.startswith("~"):
            self._regex = _compile_regex(text[1:])
            self.rank: tuple[int, ...] = (_RANK_REGEX,)
            return
        classes, minimum, open_rank = _parse(text)
        literal = 0
        while literal < len(classes) and len(classes[literal]) == 1:
            literal += 1
        self.prefix = "".join(classes[:literal])
        self._classes = tuple(classes[literal:])
        self._minimum = minimum
        self._maximum = MAXIMUM_LENGTH if open_rank else len(classes)
        self.exact = not self._classes and not open_rank
        self.rank = (*map(len, classes), open_rank) if open_rank else tuple(map(len, classes))

    def matches(self, number: str) -> bool:
        """Whether the whole of `number` fits."""
        length = len(number)
        if length > self._maximum or length < self._minimum:
            return False
        if self._regex is not None:
            return self._regex.fullmatch(number) is not None
        prefix = self.prefix
        if not number.startswith(prefix):
            return False
        return all(
            character in allowed for character, allowed in zip(number[len(prefix) :], self._classes, strict=False)
        )

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


def _parse(text: str) -> tuple[list[str], int, int]:
    """The characters allowed at each place, the least length, and the rank of an open end (0: none)."""
    body = text[1:] if text.startswith("_") else text
    classes: list[str] = []
    open_rank = 0
    index = 0
    while index < len(body):
        character = body[index]
        if open_rank:
            raise DialplanError(f"pattern {text!r}: '.' or '!' must come last")
        if character == "[":
            end = body.find("]", index)
            if end < 0:
                raise DialplanError(f"pattern {text!r}: '[' without ']'")
            classes.append(_character_class(body[index + 1 : end], text))
            index = end
        elif character in _WILDCARDS:
            classes.append(_WILDCARDS[character])
        elif character in ".!":
            open_rank = _RANK_SOME if character == "." else _RANK_ANY
        elif character.isspace() or character in "]":
            raise DialplanError(f"pattern {text!r}: {character!r} is out of place")
        elif character != "-":
            classes.append(character)
        index += 1
    if not classes and not open_rank:
        raise DialplanError(f"pattern {text!r} is empty")
    if len(classes) > MAXIMUM_LENGTH:
        raise DialplanError(f"pattern {text[:20]!r}… is longer than {MAXIMUM_LENGTH} characters")
    return classes, len(classes) + (open_rank == _RANK_SOME), open_rank


def _character_class(body: str, text: str) -> str:
    allowed: dict[str, None] = {}
    index = 0
    while index < len(body):
        first = body[index]
        if body[index + 1 : index + 2] == "-" and index + 2 < len(body):
            last = body[index + 2]
            if last < first or ord(last) - ord(first) > 127:
                raise DialplanError(f"pattern {text!r}: the range {first}-{last} is not one")
            allowed.update((chr(code), None) for code in range(ord(first), ord(last) + 1))
            index += 3
        else:
            allowed[first] = None
            index += 1
    if not allowed:
        raise DialplanError(f"pattern {text!r}: empty []")
    return "".join(allowed)


# --- regular expressions -------------------------------------------------------------------------------------------


def _compile_regex(source: str) -> re.Pattern[str]:
    if len(source) > 256:
        raise DialplanError("a regular expression may have 256 characters")
    try:
        compiled = re.compile(source, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise DialplanError(f"regular expression {source!r}: {error}") from error
    _Scanner(source).check()
    return compiled


class _Scanner:
    """Reads a regular expression that `re` accepted and refuses what can backtrack without a small bound."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.index = 0
        self.open_repetitions = 0
        self.optional = 0

    def check(self) -> None:
        groups: list[bool] = []  # per open group: holds repetition or alternatives
        last_complex = False  # whether the item just read is a group of that sort
        while self.index < len(self.source):
            character = self.source[self.index]
            if character == "(":
                self._open_group()
                groups.append(False)
                last_complex = False
            elif character == ")":
                last_complex = groups.pop() if groups else False
                self.index += 1
                if last_complex and groups:
                    groups[-1] = True
            elif character == "|":
                if groups:
                    groups[-1] = True
                self.index += 1
                last_complex = False
            elif (repetition := self._repetition()) is not None:
                self._count(repetition, last_complex)
                if groups:
                    groups[-1] = True
            else:
                self._skip_item()
                last_complex = False
        if self.open_repetitions > _MAXIMUM_OPEN or self.optional > _MAXIMUM_OPTIONAL:
            raise self._refuse("too many repetitions")

    def _refuse(self, why: str) -> DialplanError:
        return DialplanError(f"regular expression {self.source!r} is refused: {why}")

    def _open_group(self) -> None:
        if self.source.startswith("(?", self.index):
            if not self.source.startswith("(?:", self.index):
                raise self._refuse("only plain groups and (?:…) are allowed")
            self.index += 3
        else:
            self.index += 1

    def _skip_item(self) -> None:
        character = self.source[self.index]
        if character == "\\":
            following = self.source[self.index + 1 : self.index + 2]
            if following.isdigit() and following != "0":
                raise self._refuse("back-references are not allowed")
            self.index += 2
        elif character == "[":
            self.index += 1
            if self.source.startswith("^", self.index):
                self.index += 1
            first = True
            while first or self.source[self.index] != "]":
                self.index += 2 if self.source[self.index] == "\\" else 1
                first = False
            self.index += 1
        else:
            self.index += 1

    def _repetition(self) -> str | None:
        """The repetition at this place ("?", "*", "{…}" …) with a lazy or possessive mark skipped, or None."""
        character = self.source[self.index]
        if character in "*+?":
            found = character
        elif character == "{":
            end = self.source.find("}", self.index)
            found = self.source[self.index : end + 1]
            low, _, high = found[1:-1].partition(",")
            if end < 0 or not (low + high).isdigit():
                return None
        else:
            return None
        self.index += len(found)
        if self.source[self.index : self.index + 1] in ("?", "+"):
            self.index += 1
        return found

    def _count(self, repetition: str, complex_group: bool) -> None:
        if repetition == "?":
            self.optional += 1
            return
        if complex_group:
            raise self._refuse("a repeated group must not hold repetitions or alternatives")
        if repetition in "*+" or "," in repetition:
            self.open_repetitions += 1
