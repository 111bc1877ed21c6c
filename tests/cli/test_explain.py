from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from stellwerk.cli.main import main
from stellwerk.cli.output import console
from stellwerk.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that breaks no line of a table."""
    monkeypatch.setattr(console, "_width", 140)


def explain(*arguments: str, file: str = "german-7b.toml", on: str = "jsc-jupiter-booster") -> Result:
    command = ["explain", str(EXAMPLES / file), "--on", on, *arguments]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0
    return result


def test_the_way_from_the_ideal_is_shown_with_mfu_and_pages() -> None:
    shown = explain().stdout
    for word in ("Ideal", "Matrix products", "100.0%", "matrix-products", "Predicted", "80%"):
        assert word in shown
    assert "Expert parallel" in shown.split("Not in this layout:")[1].splitlines()[0]


def test_the_front_marks_the_plan_and_alternatives_say_what_they_lose() -> None:
    shown = explain().stdout
    assert sum("★ │" in line for line in shown.splitlines()) == 1
    _, _, alternatives = shown.partition("Nearest alternatives")
    assert sum(" instead of " in line for line in alternatives.splitlines()) == 3


def test_german_speaks_german_and_writes_its_numbers() -> None:
    shown = explain("--lang", "de").stdout
    for word in ("Vorhersage", "100,0 %", "Nächste Alternativen", " statt "):
        assert word in shown


def test_json_holds_waterfall_front_and_alternatives() -> None:
    answer = json.loads(explain("--json").stdout)
    assert answer["workload"] == "german-7b"
    assert sum(term["added_s"] for term in answer["waterfall"]) == pytest.approx(answer["plan"]["step_time_s"]["best"])
    assert [entry["layout"] for entry in answer["front"] if entry["chosen"]] == [answer["plan"]["layout"]]
    assert len(answer["alternatives"]) == 3


def test_the_picture_is_written_beside_whatever_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "step.svg"
    result = explain("--picture", str(path), "--json")
    json.loads(result.stdout)
    assert str(path) in result.stderr
    roles = {node.attrib.get("role") for node in ElementTree.parse(path).getroot().iter()}  # noqa: S314
    assert {"img", "table", "row"} <= roles


def test_a_product_shows_what_its_list_price_makes_of_each_layout() -> None:
    shown = explain(on="aws-p5.48xlarge-eu-north-1").stdout
    assert "Cost: list price on demand" in shown


def test_what_cannot_be_explained_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="serves a model"):
        explain(file="serve-70b.toml", on="stackit-n3-28d-g2")
    with pytest.raises(InputError, match="did you mean 'jsc-jupiter-booster'"):
        explain(on="jsc-jupiter-boster")
    with pytest.raises(InputError, match=r"ends in \.svg"):
        explain("--picture", str(tmp_path / "step.png"))
    with pytest.raises(InputError, match="mixed, unclear or not stated"):
        explain(on="dfki-pegasus")
