"""Whatever stands in a catalogue file, loading it gives a catalogue or named mistakes, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.errors import InputError, InputErrors
from tests.catalog.conftest import SMALL

LINES = SMALL.splitlines()
ODD_VALUES = ["true", "[]", "{}", "nan", "-inf", "1e400", "0", "-1", '""', '"DE"', "2026-11-23", "07:32:00"]
ODD_VALUES += ['["a", 1]', "9223372036854775808", "1" + "0" * 400, '{ field = "nodes" }', "[[1], [2]]", '"\\u0000"']
VALUES = st.one_of(
    st.sampled_from(ODD_VALUES),
    st.text(max_size=20).map(lambda text: '"' + text.replace("\\", "").replace('"', "") + '"'),
    st.integers().map(str),
    st.floats().map(str),
)
KEYS = st.one_of(st.text(alphabet="abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12), st.just("id"))


@settings(max_examples=150)
@given(line=st.integers(0, len(LINES) - 1), value=VALUES)
def test_another_value_gives_a_catalogue_or_named_mistakes(line: int, value: str) -> None:
    changed = list(LINES)
    key, equals, _ = changed[line].partition(" = ")
    changed[line] = f"{key}{equals}{value}" if equals else f"{changed[line]}\nnew = {value}"
    _load("\n".join(changed).encode("utf-8", "surrogatepass"))


@settings(max_examples=75)
@given(line=st.integers(0, len(LINES) - 1), key=KEYS)
def test_another_key_gives_a_catalogue_or_named_mistakes(line: int, key: str) -> None:
    changed = list(LINES)
    old, equals, value = changed[line].partition(" = ")
    changed[line] = f"{key} = {value}" if equals else old.replace(old.strip("[]"), key)
    _load("\n".join(changed).encode())


@settings(max_examples=75)
@given(first=st.integers(0, len(LINES) - 1), length=st.integers(1, 12))
def test_missing_lines_give_a_catalogue_or_named_mistakes(first: int, length: int) -> None:
    _load("\n".join(LINES[:first] + LINES[first + length :]).encode())


@settings(max_examples=75)
@given(position=st.integers(0, len(SMALL.encode()) - 1), new=st.binary(min_size=1, max_size=4))
def test_broken_bytes_give_a_catalogue_or_named_mistakes(position: int, new: bytes) -> None:
    raw = SMALL.encode()
    _load(raw[:position] + new + raw[position + 1 :])


def _load(raw: bytes) -> Catalogue | None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "heim.toml"
        path.write_bytes(raw)
        try:
            return load_catalogue(Path(directory))
        except InputErrors as found:
            mistakes = found.errors
    assert mistakes
    assert all(isinstance(error, InputError) and error.file == path for error in mistakes)
    return None
