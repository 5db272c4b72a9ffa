"""Lines of the keys of a TOML document."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from softswitch.config.errors import KeyPath, render_path
from softswitch.config.locate import key_lines, nearest_line

ROWS: list[tuple[str, str, KeyPath, int]] = [
    ("key at the top", "a = 1\nb = 2", ("b",), 2),
    ("key of a table", "[t]\n\na = 1", ("t", "a"), 3),
    ("table itself", "\n[t]\na = 1", ("t",), 2),
    ("dotted key", "x.y.z = 1", ("x", "y", "z"), 1),
    ("dotted table", "[a.b]\nc = 1", ("a", "b", "c"), 2),
    ("quoted key", '["a.b"]\n"c d" = 1', ("a.b", "c d"), 2),
    ("first of an array of tables", "[[t]]\na = 1\n[[t]]\na = 2", ("t", 0, "a"), 2),
    ("second of an array of tables", "[[t]]\na = 1\n[[t]]\na = 2", ("t", 1, "a"), 4),
    ("array of tables below a table", "[s]\nq = 1\n[[s.t]]\na = 1\n[[s.t]]\nb = 1", ("s", "t", 1, "b"), 6),
    ("table below an array of tables", "[[t]]\n[t.u]\na = 1\n[[t]]\n[t.u]\na = 1", ("t", 1, "u", "a"), 6),
    ("element of an array", "a = [\n  1,\n  # two\n  2,\n]", ("a", 1), 4),
    ("array in an array", "a = [[1], [\n2]]", ("a", 1, 0), 2),
    ("inline table", "a = {b = 1, c = {d = 2}}", ("a", "c", "d"), 1),
    ("tables in an array", "a = [\n{n = 1},\n{n = 2}]", ("a", 1, "n"), 3),
    ("after a text of several lines", 'a = """\n[x]\nb = 1\n"""\nb = 2', ("b",), 5),
    ("after a raw text of several lines", "a = '''\n[x]\n'''\nb = 2", ("b",), 4),
    ("after a text with a quote in it", 'a = "x\\" # \\\\"\nb = 2', ("b",), 2),
    ("after a text that ends in quotes", 'a = """x"""""\nb = 2', ("b",), 2),
    ("after a comment with brackets", "# [[no]]\na = 1 # ] }\nb = 2", ("b",), 3),
    ("line ends of Windows", "a = 1\r\nb = 2\r\n", ("b",), 2),
]


@pytest.mark.parametrize(("text", "path", "line"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_key_is_found_on_its_line(text: str, path: KeyPath, line: int) -> None:
    tomllib.loads(text)
    assert key_lines(text).get(path) == line


def test_key_that_is_not_there_falls_back_to_its_table() -> None:
    lines = key_lines("[a]\nb = 1\n[[t]]\nn = 1\n")
    assert nearest_line(lines, ("t", 0, "missing")) == 3
    assert nearest_line(lines, ("nothing",)) == 0


def test_path_is_rendered_as_people_write_it() -> None:
    assert render_path(("sip", "listen", 0, "port")) == "sip.listen[0].port"


keys = st.text("abc_-", min_size=1, max_size=3)
scalars = st.integers() | st.booleans() | st.text("ab#[]{}=,\n'", max_size=6)


def paths(value: Any, prefix: KeyPath = ()) -> list[KeyPath]:
    found = [prefix] if prefix else []
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*prefix, key))
    return found


def render(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {render(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(render, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)


@given(
    st.dictionaries(
        keys,
        st.recursive(
            scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
        ),
        max_size=5,
    )
)
def test_every_key_of_any_document_has_the_line_it_was_written_on(document: dict[str, Any]) -> None:
    text = "\n".join(f"{key} = {render(value)}" for key, value in document.items())
    assert tomllib.loads(text) == document
    lines = key_lines(text)
    for line, (key, value) in enumerate(document.items(), start=1):
        for path in paths(value, (key,)):
            assert lines.get(path) == line, f"{path} in {text!r}"


@example("a=[}")
@given(st.text("[]{}=\"'#.,\n ab1\\", max_size=60))
def test_any_text_ends_without_an_error(text: str) -> None:
    assert all(line >= 1 for line in key_lines(text).values())
