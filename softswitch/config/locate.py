"""Lines of the keys of a TOML document, so that a problem can point at one.

tomllib forgets positions, so the text is walked once more. It has been accepted by tomllib before: nothing is
validated here, and an odd construct costs at most a less exact line.
"""

from __future__ import annotations

from softswitch.config.errors import KeyPath

_BARE_END = " \t\r\n=.]#,}\"'"
_SCALAR_END = ",]}\n#"


class _Walker:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.line = 1
        self.lines: dict[KeyPath, int] = {}
        self._last_index: dict[KeyPath, int] = {}

    def walk(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip_blank():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _peek(self, length: int = 1) -> str:
        return self.text[self.position : self.position + length]

    def _advance(self, length: int = 1) -> None:
        self.line += self.text.count("\n", self.position, self.position + length)
        self.position += length

    def _skip_blank(self) -> bool:
        """Pass white space, line ends and comments; False at the end of the text."""
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            elif character in " \t\r\n":
                self._advance()
            else:
                return True
        return False

    def _header(self) -> KeyPath:
        line = self.line
        repeated = self._peek(2) == "[["
        self._advance(2 if repeated else 1)
        keys = self._dotted_key("]")
        self._advance(2 if repeated else 1)
        path: KeyPath = ()
        for key in keys[:-1]:
            path = self._enter((*path, key))
        path = (*path, keys[-1])
        if repeated:
            index = self._last_index.get(path, -1) + 1
            self._last_index[path] = index
            self.lines.setdefault(path, line)
            path = (*path, index)
        else:
            path = self._enter(path)
        self.lines[path] = line
        return path

    def _enter(self, path: KeyPath) -> KeyPath:
        """A key that names an array of tables means its last element."""
        index = self._last_index.get(path)
        return path if index is None else (*path, index)

    def _dotted_key(self, end: str) -> list[str]:
        keys = []
        while self._skip_blank() and self._peek() != end:
            if self._peek() == ".":
                self._advance()
            elif self._peek() in "\"'":
                keys.append(self._string())
            else:
                start = self.position
                while self.position < len(self.text) and self.text[self.position] not in _BARE_END:
                    self.position += 1
                keys.append(self.text[start : self.position])
                if self.position == start:
                    self._advance()
        return keys or [""]

    def _pair(self, table: KeyPath) -> None:
        line = self.line
        path: KeyPath = (*table, *self._dotted_key("="))
        self._advance()
        for length in range(len(table) + 1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        self._skip_blank()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        first = self._peek()
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first and first in "\"'":
            self._string()
        else:
            start = self.position
            while self.position < len(self.text) and self.text[self.position] not in _SCALAR_END:
                self.position += 1
            if self.position == start:  # no value at all: go on, or a broken text would never end
                self._advance()

    def _array(self, path: KeyPath) -> None:
        self._advance()
        index = 0
        while self._skip_blank() and self._peek() != "]":
            if self._peek() == ",":
                self._advance()
                continue
            self.lines[(*path, index)] = self.line
            self._value((*path, index))
            index += 1
        self._advance()

    def _inline_table(self, path: KeyPath) -> None:
        self._advance()
        while self._skip_blank() and self._peek() != "}":
            if self._peek() == ",":
                self._advance()
                continue
            self._pair(path)
        self._advance()

    def _string(self) -> str:
        quote = self._peek()
        mark = quote * 3 if self._peek(3) == quote * 3 else quote
        self._advance(len(mark))
        start = self.position
        while self.position < len(self.text) and self._peek(len(mark)) != mark:
            self._advance(2 if self._peek() == "\\" and quote == '"' else 1)
        content = self.text[start : self.position]
        self._advance(len(mark))
        while len(mark) == 3 and self._peek() == quote:  # a multi-line string may end in up to two more quotes
            self._advance()
        return content


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line, from 1, of every key, table and array element of a TOML document."""
    return _Walker(text).walk()


def nearest_line(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Line of the key, or of the innermost table around it that stands in the file; 0 when there is none."""
    for length in range(len(path), 0, -1):
        line = lines.get(path[:length])
        if line is not None:
            return line
    return 0
