from __future__ import annotations

import datetime
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.workload import Workload, migrate_text, read_workload
from stellwerk.workload.migrate import upgraded
from tests.workload.documents import ABSENT, WORKLOAD, changed, to_toml

FILE = Path("my.toml")
REST = to_toml(changed(WORKLOAD, schema=ABSENT, limits=ABSENT))
DEADLINES = (
    "[limits]{c}\nduration = '90d'\ndeadline = {d}{c}\n",
    "[limits]\n'deadline'={d}{c}\nduration = '90d'\n",
    "limits = {{ deadline = {d}, duration = '90d' }}{c}\n",
    "limits.deadline = {d}{c}\nlimits.duration = '90d'\n",
)
COMMENTS = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=30).map(lambda text: f" # {text}")


def old_text(form: int, deadline: datetime.date, comment: str, newline: str = "\n") -> str:
    limits = DEADLINES[form].format(d=deadline.isoformat(), c=comment)
    parts = [REST, limits] if limits.startswith("[") else [limits, REST]
    return "\n".join([f"schema = 1{comment}", comment, *parts]).replace("\n", newline)


def read(folder: Path, text: str) -> Workload:
    file = folder / "test.toml"
    file.write_text(text, encoding="utf-8", newline="")
    return read_workload(file)


@given(st.sampled_from(range(len(DEADLINES))), st.dates(), COMMENTS, st.sampled_from(["\n", "\r\n"]))
def test_text_and_memory_are_upgraded_alike_and_only_two_values_change(
    form: int, deadline: datetime.date, comment: str, newline: str
) -> None:
    text = old_text(form, deadline, comment, newline)
    migrated = migrate_text(text, FILE)
    assert tomllib.loads(migrated.text) == upgraded(tomllib.loads(text))
    assert migrated.text == text.replace("schema = 1", "schema = 2", 1).replace(
        deadline.isoformat(), f'"{deadline.isoformat()} 00:00 UTC"', 1
    )
    assert (migrated.from_version, migrated.to_version) == (1, 2)


@pytest.mark.parametrize("form", range(len(DEADLINES)))
def test_the_old_and_the_new_text_are_the_same_workload(tmp_path: Path, form: int) -> None:
    text = old_text(form, datetime.date(2027, 3, 1), " # from the grant")
    workload = read(tmp_path, text)
    assert read(tmp_path, migrate_text(text, FILE).text) == workload
    assert workload.limits.deadline == datetime.datetime(2027, 3, 1, tzinfo=datetime.UTC)


def test_every_change_is_told_in_words() -> None:
    migrated = migrate_text(old_text(0, datetime.date(2027, 3, 1), ""), FILE)
    assert migrated.changes == (
        "schema = 2 (was 1)",
        'limits.deadline = "2027-03-01 00:00 UTC" (was 2027-03-01)',
    )


def test_what_is_current_stays_as_it_is() -> None:
    text = "# mine\n" + to_toml(WORKLOAD)
    migrated = migrate_text(text, FILE)
    assert migrated.text == text
    assert migrated.changes == ()
    once = migrate_text(old_text(0, datetime.date(2027, 3, 1), " # x"), FILE).text
    assert migrate_text(once, FILE).changes == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("schema = 1\n[[systems]]\nid = 'a'\n", "a catalogue file"),
        ("schema = 1\n[sources.a]\n", "a catalogue file"),
        ("schema = 1\n[[waits]]\n", "a file of waits"),
    ],
)
def test_files_with_one_version_so_far_are_current(text: str, kind: str) -> None:
    migrated = migrate_text(text, FILE)
    assert (migrated.kind, migrated.text, migrated.changes) == (kind, text, ())


@pytest.mark.parametrize("schema", ["3", "0", "'1'", "true", "1.0", "1000000000000"])
@pytest.mark.parametrize("table", ["[model]", "[[systems]]", "[[waits]]"])
def test_a_version_that_is_not_known_is_refused(schema: str, table: str) -> None:
    with pytest.raises(InputError, match=r"my.toml: schema: .*allowed"):
        migrate_text(f"schema = {schema}\n{table}\n", FILE)


@pytest.mark.parametrize("text", ["[model]\n", "[[systems]]\n"])
def test_a_missing_version_says_what_to_write(text: str) -> None:
    with pytest.raises(InputError, match=r"schema: is missing; allowed: schema = \d on the first line"):
        migrate_text(text, FILE)


def test_what_cannot_be_compared_is_left_to_the_person() -> None:
    with pytest.raises(InputError, match=r"changed by hand; allowed: schema = 2 \(was 1\)"):
        migrate_text("schema = 1\nname = nan\n", FILE)
