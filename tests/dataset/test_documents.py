from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.dataset.documents import Piece, Reading, documents_of, pieces_of
from stellwerk.dataset.inputs import Found, Kind, Origin
from stellwerk.errors import InputError

TEXTS = ["Erster Text.\n", "", "Zweiter\nüber zwei Zeilen", "𝔘 🚆"]


def read(path: Path, kind: Kind, reading: Reading | None = None, piece_bytes: int = 2**20) -> list[str]:
    reading = reading or Reading()
    found = Found(path, path.name, kind, path.stat().st_size, Origin("made up", "CC0-1.0"))
    return [text for piece in pieces_of(found, reading, piece_bytes) for text in documents_of(piece, reading)]


def packed(content: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(content)
    if how == "zstd":
        return zstandard.compress(content)
    return zstandard.compress(content[:7]) + zstandard.compress(content[7:]) if how == "zstd frames" else content


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd", "zstd frames"])
def test_every_kind_gives_the_same_texts_however_it_is_packed(how: str, tmp_path: Path) -> None:
    lines = "".join(json.dumps({"id": 1, "text": text}) + "\n" for text in TEXTS)
    pl.DataFrame({"id": [1, 2, 3, 4], "text": TEXTS}).write_parquet(tmp_path / "plain.parquet")
    for name, kind, content, expected in (
        ("one.txt", "text", TEXTS[2].encode(), [TEXTS[2]]),
        ("lines.jsonl", "jsonl", lines.encode(), TEXTS),
        ("table.parquet", "parquet", (tmp_path / "plain.parquet").read_bytes(), TEXTS),
    ):
        (tmp_path / name).write_bytes(packed(content, how))
        assert read(tmp_path / name, kind) == expected  # type: ignore[arg-type]


@settings(max_examples=60)
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=20),
    piece_bytes=st.integers(1, 200),
    blank=st.booleans(),
    last=st.booleans(),
)
def test_lines_cut_into_pieces_of_any_size_are_each_read_once(
    texts: list[str], piece_bytes: int, blank: bool, last: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "lines.jsonl"
    between = "\n\n" if blank else "\n"
    content = between.join(json.dumps({"text": text}, ensure_ascii=False) for text in texts) + ("\n" if last else "")
    path.write_text(content, encoding="utf-8", newline="")
    assert read(path, "jsonl", piece_bytes=piece_bytes) == texts


@settings(max_examples=20)
@given(rows=st.integers(0, 30), piece_bytes=st.integers(1, 3000))
def test_a_table_cut_into_pieces_of_any_size_is_read_once(
    rows: int, piece_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cut") / "table.parquet"
    texts = [f"Zeile {number}" for number in range(rows)]
    pl.DataFrame({"text": texts}, schema={"text": pl.String}).write_parquet(path)
    assert read(path, "parquet", piece_bytes=piece_bytes) == texts


def test_a_line_divides_documents_of_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_bytes("\ufeffeins\nzwei\n%\n%\r\ndrei % vier\n".encode())
    assert read(tmp_path / "all.txt", "text", Reading(separator="%")) == ["eins\nzwei\n", "", "drei % vier\n"]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"\xef\xbb\xbfeins")
    (tmp_path / "one.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "eins"}\n')
    assert read(tmp_path / "one.txt", "text") == read(tmp_path / "one.jsonl", "jsonl") == ["eins"]


def test_nulls_are_empty_texts(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": null}\n', encoding="utf-8")
    pl.DataFrame({"text": [None, "da"]}).write_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.jsonl", "jsonl") == [""]
    assert read(tmp_path / "a.parquet", "parquet") == ["", "da"]


@pytest.mark.parametrize("how", ["plain", "gzip", "zstd"])
def test_a_byte_that_is_not_utf8_is_named_with_its_place(how: str, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(packed(b"gr" + b"\xf6\xdfer", how))
    with pytest.raises(InputError, match=r"latin\.txt: byte 2 is not UTF-8: 0xf6; allowed: text in UTF-8"):
        read(tmp_path / "latin.txt", "text")
    content = b'{"text": "ja"}\n{"text": "gr\xf6"}\n'
    (tmp_path / "latin.jsonl").write_bytes(packed(content, how))
    with pytest.raises(InputError, match=rf"latin\.jsonl: byte {content.index(0xF6)} is not UTF-8: 0xf6"):
        read(tmp_path / "latin.jsonl", "jsonl")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"texts": "ja"}', r"line 4: has no field 'text' \(got \['texts'\]\); allowed: --field NAME"),
        ('{"text": 7}', r"line 4: field 'text' is no text \(got 7\)"),
        ("[1]", r"line 4: is no JSON object \(got \[1\]\)"),
        ('{"text": ', "line 4: not valid JSON: Expecting value"),
        ('{"text": "\\ud800"}', r"line 4: field 'text' holds half a character \(\\ud800\)"),
        ("[" * 100_000, "line 4: not valid JSON"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [2**20, 9, 1])
def test_a_bad_line_is_named(line: str, message: str, piece_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"text": "eins"}\n\n{"text": "zwei"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read(path, "jsonl", piece_bytes=piece_bytes)
    assert str(path) in str(error.value)


def test_an_unknown_column_is_named_with_the_ones_that_there_are(tmp_path: Path) -> None:
    pl.DataFrame({"content": ["ja"], "id": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        InputError, match=r"a\.parquet: column: there is no such column \(got 'text'\); allowed: content"
    ):
        read(tmp_path / "a.parquet", "parquet")
    with pytest.raises(InputError, match="the column is no text but Int64"):
        read(tmp_path / "a.parquet", "parquet", Reading(column="id"))


@pytest.mark.parametrize("how", ["gzip", "zstd"])
@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_a_packed_file_that_ends_early_is_no_whole_one(how: str, kept: float, tmp_path: Path) -> None:
    content = packed("".join(f"Zeile {number}\n" for number in range(2000)).encode(), how)
    (tmp_path / "a.txt").write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match=rf"a\.txt: the {how} ends early"):
        read(tmp_path / "a.txt", "text")


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_packed_file_that_is_broken_is_named(how: str, tmp_path: Path) -> None:
    content = bytearray(packed(bytes(range(256)) * 40, how))
    content[len(content) // 2] ^= 0xFF
    content[5] ^= 0xFF
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.txt: "):
        read(tmp_path / "a.txt", "text")


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match=r"a\.parquet: broken Parquet"):
        read(tmp_path / "a.parquet", "parquet")


def test_a_document_has_a_length_that_is_not_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stellwerk.dataset.documents.MAX_DOCUMENT_BYTES", 2**20)
    (tmp_path / "a.txt").write_text("x" * 2**20 + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="a document longer than 1 MiB; allowed: --separator LINE cuts a text file"):
        list(documents_of(Piece(str(tmp_path / "a.txt"), "text"), Reading()))
