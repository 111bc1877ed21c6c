from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

from stellwerk.workload import Request, TrainingRequest, draft_workload, find_institution, institutions, parse_applicant
from stellwerk.workload.places import GERMAN_STATES

TABLE = files("stellwerk.workload").joinpath("data/institutions.toml").read_text(encoding="utf-8")


def test_every_row_makes_an_applicant_that_the_file_accepts(tmp_path: Path) -> None:
    for domain in institutions():
        request = Request("qwen3-8b", TrainingRequest("1B"), parse_applicant(f"phd@{domain}"))
        assert draft_workload(request, tmp_path / "any.toml").workload.applicant.institution == domain


def test_no_domain_stands_twice_and_none_has_a_source() -> None:
    table = tomllib.loads(TABLE)
    assert len(table["institutions"]) == len(institutions())
    assert table["evidence"] == "unsourced"


def test_every_german_state_has_an_institution() -> None:
    assert {one.state for one in institutions().values()} == set(GERMAN_STATES)


def test_a_domain_is_found_by_whole_labels_only() -> None:
    assert find_institution("student.kit.edu") == institutions()["kit.edu"]
    assert find_institution("notkit.edu") is None
