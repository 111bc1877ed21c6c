from __future__ import annotations

import re
import shutil
from pathlib import Path

from stellwerk.catalog import load_catalogue
from stellwerk.catalog.load import PACKAGED

GUIDE = Path(__file__).parents[2] / "docs/catalogue.md"


def test_the_example_of_the_guide_can_be_added_to_the_catalogue(tmp_path: Path) -> None:
    examples = re.findall(
        r"^```toml\n(schema = 1\n.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    shutil.copytree(PACKAGED, tmp_path / "data")
    for number, example in enumerate(examples):
        (tmp_path / f"data/example-{number}.toml").write_text(example, encoding="utf-8")
    system = load_catalogue(tmp_path / "data").systems["heim-gpu"]
    assert system.accelerators_per_node.value == 4
    assert [claim.value for claim in system.accelerators_per_node.rivals] == [8]
    assert system.programme_ids == ("nhr-normal",)


def test_the_guide_names_every_operator_kind() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    for system in load_catalogue().systems.values():
        assert f"| `{system.operator_kind}` |" in guide
