from __future__ import annotations

import contextlib
import datetime
import json
import multiprocessing
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.whitepaper import Comment, add_comment, answer_comment, read_feedback

DAY = datetime.date(2026, 11, 23)
FIGURES = frozenset({"fig-capacity-accelerators-de", "fig-capacity-rows-de", "val-jsc-jupiter-booster-nodes"})


def add(file: Path, **changes: Any) -> Comment:
    comment: dict[str, Any] = {
        "figure_id": "fig-capacity-rows-de",
        "known_figures": FIGURES,
        "name": "Eine Leserin",
        "email": "leserin@example.org",
        "consent_name": False,
        "consent_email": False,
        "text": "Es sind mehr.",
        "date": DAY,
    }
    return add_comment(file, **(comment | changes))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "feedback.jsonl"


def test_a_comment_comes_back_as_it_was_given(file: Path) -> None:
    given_ = add(file, text="Erste Zeile\nzweite „Zeile“ <b>", consent_name=True)
    assert read_feedback(file).comments == (given_,)
    assert given_.id == "c1"
    assert given_.consent_name
    assert not given_.consent_email


def test_the_file_is_readable_by_people_and_by_its_owner_alone(file: Path) -> None:
    add(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    header, comment = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(header) == {"schema": 1, "file": "stellwerk feedback"}
    assert json.loads(comment)["text"] == "Es sind mehr."


def test_answers_stand_with_their_comment_in_order(file: Path) -> None:
    add(file)
    add(file)
    answer_comment(file, "c1", text="Danke.", date=DAY)
    answered = answer_comment(file, "c1", text="Jetzt berichtigt.", date=DAY)
    assert [answer.text for answer in answered.answers] == ["Danke.", "Jetzt berichtigt."]
    assert [len(comment.answers) for comment in read_feedback(file).comments] == [2, 0]


def test_an_id_is_not_given_again_when_a_comment_is_taken_out(file: Path) -> None:
    for _ in range(3):
        add(file)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:2] + lines[3:]), encoding="utf-8")
    assert add(file).id == "c4"


def test_a_figure_that_is_not_in_the_edition_is_named_with_the_nearest_one(file: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'fig-capacity-accelerators-de'"):
        add(file, figure_id="fig-capacity-accelerator-de")
    assert not file.exists()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "leserin",
        "leserin@",
        "@example.org",
        "a b@example.org",
        "a@b",
        "a@@example.org",
        "a@example..org",
        "a@b.de\n",
    ],
)
def test_an_address_that_is_none_is_refused(file: Path, email: str) -> None:
    with pytest.raises(InputError, match="is no e-mail address"):
        add(file, email=email)
    assert not file.exists()


@pytest.mark.parametrize("email", ["a@b.de", "erika.muster+ki@sub.example.org", "ö@müller.example"])
def test_usual_addresses_are_taken(file: Path, email: str) -> None:
    assert add(file, email=email).email == email


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("text", "  \n", "text: is empty"),
        ("text", "x" * 10_001, "10001 characters"),
        ("text", "a\x1b[31m", "control character"),
        ("text", "a\u202eb", "control character"),
        ("name", "", "name: is empty"),
        ("name", "x" * 201, "201 characters"),
    ],
)
def test_text_and_name_have_bounds(file: Path, key: str, value: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        add(file, **{key: value})
    assert not file.exists()


def test_all_mistakes_are_named_in_one_pass(file: Path) -> None:
    with pytest.raises(InputError) as raised:
        add(file, figure_id="nonsense", email="x", text="")
    assert all(key in str(raised.value) for key in ("figure:", "email:", "text:"))


def test_an_answer_needs_its_comment_and_its_file(file: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        answer_comment(file, "c1", text="Danke.", date=DAY)
    assert not file.exists()
    add(file)
    content = file.read_bytes()
    with pytest.raises(InputError, match=r"no such comment .* allowed: c1"):
        answer_comment(file, "c2", text="Danke.", date=DAY)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: is not JSON"),
        ("[]", "line 2: is not a JSON object"),
        ('{"schema": 1}', "unknown key"),
        ('{"answer_to": "c9", "date": "2026-11-23", "text": "x"}', "answers a comment that is not there"),
        ('{"answer_to": "c1", "date": "gestern", "text": "x"}', "is no date"),
        ('{"answer_to": "c1", "text": "x"}', "date is missing"),
        ('{"answer_to": "c1", "date": "2026-11-23", "txt": "x"}', "did you mean 'text'"),
        ('{"answer_to": 1, "date": "2026-11-23", "text": "x"}', "wrong type"),
    ],
)
def test_a_wrong_line_is_named_with_its_file(file: Path, line: str, problem: str) -> None:
    file.write_text('{"schema": 1, "file": "stellwerk feedback"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=problem) as raised:
        read_feedback(file)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"schema": 2, "file": "stellwerk feedback"}\n', "schema 1"),
        (b'{"name": "another file"}\n', "schema 1"),
        (b"\xff\xfe\n", "not UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_never_appended_to(file: Path, content: bytes, problem: str) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match=problem):
        read_feedback(file)
    with pytest.raises(InputError, match=problem):
        add(file)
    assert file.read_bytes() == content


def test_a_folder_a_missing_and_a_huge_file_are_named(tmp_path: Path, file: Path) -> None:
    with pytest.raises(InputError, match="no regular file"):
        read_feedback(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_feedback(file)
    with pytest.raises(InputError, match="cannot be opened"):
        add(tmp_path / "missing" / "feedback.jsonl")
    with file.open("wb") as stream:
        stream.truncate(2**30)
    with pytest.raises(InputError, match="bytes large"):
        read_feedback(file)


def test_the_same_id_twice_is_an_error(file: Path) -> None:
    add(file)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join([*lines, lines[1]]), encoding="utf-8")
    with pytest.raises(InputError, match="line 3: the id is there twice"):
        read_feedback(file)


def test_a_last_line_without_its_end_does_not_swallow_the_next_comment(file: Path) -> None:
    add(file)
    file.write_bytes(file.read_bytes().removesuffix(b"\n"))
    add(file)
    assert [comment.id for comment in read_feedback(file).comments] == ["c1", "c2"]


def test_comments_sent_at_the_same_moment_all_stay(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        ids = pool.map(_add_some, [file] * 4)
    assert sorted(int(comment_id[1:]) for part in ids for comment_id in part) == list(range(1, 41))
    assert len(read_feedback(file).comments) == 40


def _add_some(file: Path) -> list[str]:
    return [add(file).id for _ in range(10)]


@settings(max_examples=30)
@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_taken_comes_back(tmp_path_factory: pytest.TempPathFactory, name: str, text: str) -> None:
    file = tmp_path_factory.mktemp("feedback") / "f.jsonl"
    try:
        taken = add(file, name=name, text=text)
    except InputError:
        assert not file.exists()
        return
    assert read_feedback(file).comments == (taken,)


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_stumble(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("feedback") / "f.jsonl"
    file.write_bytes(b'{"schema": 1, "file": "stellwerk feedback"}\n' + content)
    with contextlib.suppress(InputError):
        read_feedback(file)
