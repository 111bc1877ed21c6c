"""A draft as people read it: the commented ``workload.toml``, and one line per value that was filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator

from stellwerk.messages import Language
from stellwerk.workload.filled_in import FilledIn
from stellwerk.workload.request import Draft
from stellwerk.workload.words import words

COMMENT_COLUMN = 34
EXAMPLES: dict[str, object] = {
    "training.optimizer": "adamw",
    "finetuning.optimizer": "adamw",
    "limits.duration": "90d",
    "limits.deadline": "2027-06-30 18:00 Europe/Berlin",
    "limits.budget": "500000 EUR",
    "data.locations": ["DE"],
    "data.jurisdictions": ["EU"],
    "data.certificates": ["BSI C5"],
    "data.storage_tb": 2,
    "run.dataset": "my-tokens",
    "run.base": "my-model",
    "run.learning_rate": 0.0003,
    "run.evaluate_every": 500,
    "applicant.state": "DE-SN",
    "applicant.employees": 40,
    "applicant.institution": "tu-dresden.de",
    "applicant.institution_kind": "university",
    "applicant.career_stage": "doctoral",
    "applicant.pi_stage": "professor",
    "applicant.pi_doctorate": True,
    "applicant.partners": [],
    "applicant.grants": [],
    "applicant.open_results": True,
    "applicant.purpose": "research",
}
"""What stands in the comment of a key that is left out and makes the answer better where it is known."""


def draft_as_toml(draft: Draft, language: Language) -> str:
    """The file that says the same as ``draft``, with a comment for every key."""
    filled_in = {one.key: one for one in draft.filled_in}
    lines = [f"# {words('file', language)[line]}" for line in ("head", "more")] + [""]
    for name, value in draft.sections.items():
        if isinstance(value, dict):
            lines += ["", f"[{name}]"]
            lines += [_line(key, value[key], f"{name}.{key}", filled_in, language) for key in value]
            lines += _left_out(draft, name, language)
        else:
            lines.append(_line(name, value, name, filled_in, language))
    return "\n".join(lines) + "\n"


def filled_in_lines(draft: Draft, language: Language) -> list[str]:
    """What, value and why of every value that was filled in, one line each."""
    why, nothing = words("why", language), words("filled", language)["nothing"]
    return [
        f"{one.key}: {nothing if one.value is None else _toml(one.value)} ({why[one.why]})" for one in draft.filled_in
    ]


def _left_out(draft: Draft, section: str, language: Language) -> Iterator[str]:
    for dotted, example in EXAMPLES.items():
        name, _, key = dotted.partition(".")
        if name != section or key in draft.sections[section]:
            continue
        if dotted == "limits.duration" and "serving" in draft.sections:  # a service says itself how long it runs
            continue
        if dotted == "run.base" and "finetuning" not in draft.sections:
            continue
        yield f"# {_commented(key, example, words('keys', language)[dotted])}"


def _line(key: str, value: object, dotted: str, filled_in: dict[str, FilledIn], language: Language) -> str:
    comment = words("keys", language)[dotted]
    if dotted in filled_in:
        comment += f" ({words('file', language)['filled']}: {words('why', language)[filled_in[dotted].why]})"
    return _commented(key, value, comment)


def _commented(key: str, value: object, comment: str) -> str:
    return f"{f'{key} = {_toml(value)}':<{COMMENT_COLUMN - 1}} # {comment}"


def _toml(value: object) -> str:
    """A number, a truth value, a string or a list of these; JSON escapes as TOML does, but for the delete character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
