from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stellwerk.dataset.inputs import Origin, find_inputs, hash_file, kind_of
from stellwerk.errors import InputError

STATED = {"source": "made up", "licence": "CC0-1.0"}


def put(path: Path, content: str = "ja\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text"), ("a.MD", "text"), ("a.b.jsonl.zst", "jsonl"), ("a.ndjson.gz", "jsonl"),
        ("a.parquet", "parquet"), ("a.pdf", None), ("README", None), ("a.gz", None), ("a.txt.bz2", None),
    ],
)  # fmt: skip
def test_the_name_says_how_a_file_is_read(name: str, kind: str | None) -> None:
    assert kind_of(Path(name)) == kind


def test_a_folder_is_read_in_the_order_of_names_without_what_is_no_text(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.jsonl", "a/c.md.gz", ".hidden.txt", ".git/x.txt", "SOURCE.md.bak", "p.pdf"):
        put(tmp_path / "in" / name)
    listed = find_inputs([tmp_path / "in"], **STATED)
    assert [(one.name, one.kind) for one in listed.files] == [
        ("in/a/c.md.gz", "text"),
        ("in/a/z.jsonl", "jsonl"),
        ("in/b.txt", "text"),
    ]
    assert listed.left_out == 2


def test_a_file_that_is_named_itself_is_text_whatever_its_name(tmp_path: Path) -> None:
    (found,) = find_inputs([put(tmp_path / "LIESMICH")], **STATED).files
    assert (found.name, found.kind) == ("LIESMICH", "text")


def test_a_file_is_read_once_whichever_way_it_is_reached(tmp_path: Path) -> None:
    file = put(tmp_path / "in" / "a.txt")
    (tmp_path / "in" / "again.txt").symlink_to(file)
    orders = ([file, tmp_path / "in"], [tmp_path / "in", file], [tmp_path / "in", tmp_path / "in"])
    assert {find_inputs(order, **STATED).files for order in orders} == {find_inputs([tmp_path / "in"], **STATED).files}
    assert [one.name for one in find_inputs(orders[0], **STATED).files] == ["in/a.txt"]


def test_the_nearest_source_file_counts_up_to_the_folder_that_was_named(tmp_path: Path) -> None:
    put(tmp_path / "SOURCE.toml", 'source = "too far"\nlicence = "none"')
    put(tmp_path / "in" / "SOURCE.toml", 'source = "outer"\nlicence = "MIT"\nversion = "2"')
    put(tmp_path / "in" / "own" / "SOURCE.toml", 'source = "inner"\nlicence = "CC0-1.0"')
    for name in ("in/a.txt", "in/own/b.txt", "in/other/deep/c.txt", "else/d.txt"):
        put(tmp_path / name)
    listed = find_inputs([tmp_path / "in", tmp_path / "else"], source="said", licence="said too")
    assert {one.name: one.origin for one in listed.files} == {
        "in/a.txt": Origin("outer", "MIT", "2"),
        "in/own/b.txt": Origin("inner", "CC0-1.0"),
        "in/other/deep/c.txt": Origin("outer", "MIT", "2"),
        "else/d.txt": Origin("said", "said too"),
    }
    assert listed.left_out == 0


@pytest.mark.parametrize(
    ("stated", "missing"),
    [
        ({"source": None, "licence": None}, "--source and --licence"),
        ({"source": "x", "licence": None}, "allowed: --licence, or"),
        ({"source": "", "licence": "x"}, "allowed: --source, or"),
    ],
)
def test_text_of_which_nobody_says_where_it_is_from_is_refused(
    stated: dict[str, str | None], missing: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=missing) as error:
        find_inputs([put(tmp_path / "a.txt")], **stated)
    assert f"{tmp_path / 'a.txt'}: nobody says where this text is from" in str(error.value)
    assert 'SOURCE.toml beside it with source = "…"' in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('source = "x"', r"SOURCE\.toml: licence: is not stated; allowed: a text"),
        ('source = "x"\nlicence = " "', "licence: is not stated"),
        ('source = 7\nlicence = "x"', r"source: is not stated \(got 7\)"),
        ('source = "x"\nlicence = "x"\nversion = 7', r"version: is not stated \(got 7\)"),
        ("source = ", "not valid TOML"),
    ],
)
def test_a_source_file_that_does_not_say_it_is_refused(content: str, message: str, tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.txt")
    put(tmp_path / "in" / "SOURCE.toml", content)
    with pytest.raises(InputError, match=message):
        find_inputs([tmp_path / "in"], **STATED)


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file or folder"):
        find_inputs([tmp_path / "in"], **STATED)
    put(tmp_path / "in" / "a.pdf")
    with pytest.raises(InputError, match=r"no text is there to read; allowed: \*\.txt, .*, also with \.gz or \.zst"):
        find_inputs([tmp_path / "in"], **STATED)


def test_a_file_is_hashed_as_others_hash_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ja" * 10**6)
    assert hash_file(tmp_path / "a") == hashlib.sha256(b"ja" * 10**6).hexdigest()
