"""What a rule of a programme can ask about: fields of a request, and how each may be tested.

The names and values are those of ``workload.toml``. The catalogue lies below the room that reads it, so they stand
here a second time; a test of the broker, which knows both, holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

RuleField = Literal[
    "career_stage",
    "employees",
    "grants",
    "institution",
    "institution_kind",
    "open_results",
    "partners",
    "pi_doctorate",
    "pi_stage",
    "purpose",
    "sensitivity",
    "state",
    "task",
]
RuleTest = Literal["equals", "one_of", "none_of", "includes_one_of", "includes_none_of", "at_least", "at_most"]

_FLAG: tuple[RuleTest, ...] = ("equals",)
_WORD: tuple[RuleTest, ...] = ("one_of", "none_of")
_LIST: tuple[RuleTest, ...] = ("includes_one_of", "includes_none_of")
_NUMBER: tuple[RuleTest, ...] = ("at_least", "at_most")

TESTS: Mapping[RuleField, tuple[RuleTest, ...]] = {
    "career_stage": _WORD,
    "employees": _NUMBER,
    "grants": _LIST,
    "institution": _WORD,
    "institution_kind": _WORD,
    "open_results": _FLAG,
    "partners": _LIST,
    "pi_doctorate": _FLAG,
    "pi_stage": _WORD,
    "purpose": _WORD,
    "sensitivity": _WORD,
    "state": _WORD,
    "task": _WORD,
}

_STAGES = ("student", "doctoral", "postdoc", "group_leader", "professor", "staff")
FUNDERS = ("bund", "dfg", "eu", "land")
"""Who gives grants, as ``grants`` may name them beside the ids of programmes: the federal government, the German
Research Foundation, the European Union, a federal state."""

VALUES: Mapping[RuleField, tuple[str, ...]] = {
    "career_stage": _STAGES,
    "institution_kind": (
        *("university", "university_of_applied_sciences", "research_institution", "hospital", "company", "authority"),
    ),
    "partners": ("academia", "startup", "sme", "large_industry", "public"),
    "pi_stage": _STAGES,
    "purpose": ("research", "development", "teaching", "commercial", "administration"),
    "sensitivity": ("public", "confidential", "personal", "sensitive_personal"),
    "task": ("pretraining", "full", "lora", "qlora", "serving"),
}
"""The values of those fields that have a fixed set."""
