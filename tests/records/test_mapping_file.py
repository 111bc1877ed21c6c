"""Tests of stellwerk.records.mapping_file: mistakes of people in mapping files."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.records.mapping_file import read_mapping

EXAMPLES = Path(__file__).parents[2] / "examples" / "mappings"
SUBMIT = '[columns]\nsubmit = { column = "t", time = "epoch_s" }\n'


def refusal(folder: Path, text: str) -> str:
    file = folder / "mapping.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_mapping(file)
    return str(caught.value).replace(str(folder) + "/", "")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_the_examples_are_sound(file: Path) -> None:
    assert "submit" in read_mapping(file).columns


def test_the_example_of_the_documentation_is_sound(tmp_path: Path) -> None:
    page = (EXAMPLES.parents[1] / "docs" / "job-mappings.md").read_text(encoding="utf-8")
    file = tmp_path / "mapping.toml"
    file.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert {"job_id", "memory", "state"} <= set(read_mapping(file).columns)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "mapping.toml: schema: is missing; allowed: 1"),
        ("schema = 2\n" + SUBMIT, "mapping.toml: schema: is too large to be meant, at most 1"),
        ("schema = 1\n", "mapping.toml: columns: is missing"),
        ("schema = 1\ncolums = 1\n" + SUBMIT, "mapping.toml: colums: unknown key, did you mean 'columns'?"),
        ('schema = 1\n[columns]\nuser = "u"\n', "mapping.toml: columns.submit: is missing"),
        ("schema = 1\n" + SUBMIT + 'submitt = "t"\n', "columns.submitt: unknown key, did you mean 'submit'?"),
        ("schema = 1\n" + SUBMIT + "user = 5\n", "columns.user: this value cannot stand here (got 5)"),
        ("schema = 1\n" + SUBMIT + "user = {}\n", "columns.user: says not where the values come from"),
        ("schema = 1\n" + SUBMIT + 'user = { column = "u", value = "x" }\n', "allowed: column or value, one of them"),
        ("schema = 1\n" + SUBMIT + 'run = { column = "r", unit = "hours" }\n', "columns.run.unit"),
        ("schema = 1\n" + SUBMIT + 'memory = { column = "r", unit = "gb" }\n', "columns.memory.unit"),
        ("schema = 1\n" + SUBMIT + 'run = { column = "r", units = "h" }\n', "unknown key, did you mean 'unit'?"),
        ('schema = 1\ntimezone = "Europe/Berln"\n' + SUBMIT, "did you mean 'Europe/Berlin'?"),
        ("schema = 1\n" + SUBMIT.replace("epoch_s", "epoch"), "columns.submit.time: is no way to write a time"),
        ("schema = 1\n" + SUBMIT.replace("epoch_s", "%Q"), "columns.submit.time: is no way to write a time"),
        (
            "schema = 1\n" + SUBMIT.replace("epoch_s", "since_zero_s") + 'start = { column = "s", time = "iso" }\n',
            "columns.start.time: cannot be compared with submit",
        ),
        ("schema = 1\n" + SUBMIT + '[states]\nok = "complete"\n', "no such state; did you mean 'completed'?"),
        ("schema = 1\n" + SUBMIT + 'separator = "x"\n', "columns.separator: unknown key"),
        ('schema = 1\nseparator = "x"\n' + SUBMIT, "mapping.toml: separator: this value cannot stand here (got 'x')"),
        ("schema = 1\n" + SUBMIT + "requested_nodes = { value = -1 }\n", "columns.requested_nodes.value"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, "schema = 1\n" + SUBMIT + 'x = "t"\ny = "t"\n[states]\na = "b"\n')
    assert said.count("mapping.toml: ") == 3
