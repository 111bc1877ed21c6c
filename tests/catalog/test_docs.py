from __future__ import annotations

import re
import shutil
from pathlib import Path

from stellwerk.catalog import ENTRY_KINDS, load_catalogue
from stellwerk.catalog.load import PACKAGED
from stellwerk.catalog.rule_fields import TESTS

GUIDE = Path(__file__).parents[2] / "docs/catalogue.md"


def test_the_example_of_the_guide_can_be_added_to_the_catalogue(tmp_path: Path) -> None:
    shutil.copytree(PACKAGED, tmp_path / "data")
    (tmp_path / "data/example.toml").write_text(_example('id = "heim-gpu"'), encoding="utf-8")
    system = load_catalogue(tmp_path / "data").systems["heim-gpu"]
    assert system.accelerators_per_node.value == 4
    assert [claim.value for claim in system.accelerators_per_node.rivals] == [8]
    assert system.programme_ids == ("nhr-normal",)


def test_the_example_of_an_overlay_can_be_laid_over_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(_example('id = "house-call"'), encoding="utf-8")
    system = load_catalogue(overlay=tmp_path).systems["tud-capella"]
    assert system.nodes.value == 160
    assert {"house-call", "nhr-normal"} <= set(system.programme_ids)


def test_the_example_of_rules_can_be_laid_over_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(_example('id = "house-rules"'), encoding="utf-8")
    rules = load_catalogue(overlay=tmp_path).programmes["house-rules"].rules
    assert [(rule.id, rule.field) for rule in rules] == [
        ("benchmark-first", "grants"),
        ("first-proposal", None),
        ("pi-doctorate", "pi_doctorate"),
        ("university", "institution_kind"),
    ]


def test_the_guide_names_every_field_of_rules_with_its_tests() -> None:
    rows = [line.split("|") for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for field, tests in TESTS.items():
        assert any(f"`{field}`" in row[1] and all(f"`{test}`" in row[2] for test in tests) for row in rows), field


def test_the_guide_names_every_operator_kind() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    for system in load_catalogue().systems.values():
        assert f"| `{system.operator_kind}` |" in guide


def test_the_python_example_of_the_guide_runs() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    exec(compile(example, str(GUIDE), "exec"), {})  # noqa: S102 - our own guide


def test_the_guide_names_every_table() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    for kind in ENTRY_KINDS:
        assert f"`[[{kind}]]`" in guide


def _example(part: str) -> str:
    """The whole file among the examples that holds a part."""
    examples = re.findall(
        r"^```toml\n(schema = 1\n.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (found,) = [example for example in examples if part in example]
    return str(found)
