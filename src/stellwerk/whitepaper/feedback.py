"""Comments on the figures of an edition: taken, answered, read.

E-mail address and name belong to the person who comments: an edition shows each only with that person's consent.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from stellwerk.errors import InputError, InputErrors, did_you_mean
from stellwerk.whitepaper.feedback_file import append_record, read_records
from stellwerk.whitepaper.model import Answer, Comment

LONGEST_TEXT = 10_000
LONGEST_NAME = 200
LONGEST_EMAIL = 254

_EMAIL = re.compile(r"[^@\s<>\"(),:;\\]+@[^@\s<>\"(),:;\\.]+(\.[^@\s<>\"(),:;\\.]+)+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Feedback(NamedTuple):
    """The comments of a file and the file's SHA-256."""

    comments: tuple[Comment, ...]
    sha256: str


def add_comment(
    file: Path,
    *,
    figure_id: str,
    known_figures: Collection[str],
    name: str,
    email: str,
    consent_name: bool,
    consent_email: bool,
    text: str,
    date: datetime.date,
) -> Comment:
    """Appends one comment and returns it with its new id; creates the file (readable by its owner alone) if need be.

    Raises InputErrors for a figure that the edition does not know, an e-mail address that is none and a text or
    name that is empty, too long or holds control characters. Nothing is written then.
    """
    errors = [
        *_text_errors("name", name, LONGEST_NAME),
        *_text_errors("text", text, LONGEST_TEXT),
        *_email_errors(email),
    ]
    if figure_id not in known_figures:
        errors.insert(0, _unknown_figure(figure_id, known_figures))
    if errors:
        raise InputErrors(errors)

    record = {
        "figure": figure_id,
        "date": date.isoformat(),
        "name": name.strip(),
        "email": email,
        "consent_name": consent_name,
        "consent_email": consent_email,
        "text": text.strip(),
    }
    return _comment(append_record(file, lambda records: {"id": _next_id(records), **record}))


def answer_comment(file: Path, comment_id: str, *, text: str, date: datetime.date) -> Comment:
    """Appends an answer to a comment and returns the comment with all its answers.

    Raises InputError for a file that is not there, a comment it does not hold and a text that is empty or too long.
    """
    if errors := _text_errors("text", text, LONGEST_TEXT):
        raise InputErrors(errors)
    if not file.exists():
        raise InputError("no such file", file=file)

    def record(records: list[dict[str, object]]) -> dict[str, object]:
        ids = [str(known["id"]) for known in records if "id" in known]
        if comment_id not in ids:
            raise InputError("no such comment", file=file, value=comment_id, allowed=ids)
        return {"answer_to": comment_id, "date": date.isoformat(), "text": text.strip()}

    append_record(file, record)
    return next(comment for comment in read_feedback(file).comments if comment.id == comment_id)


def read_feedback(file: Path) -> Feedback:
    """All comments with their answers, in the order they came in; InputError for a file that is not in order."""
    records, sha256 = read_records(file)
    comments = {str(record["id"]): _comment(record) for record in records if "id" in record}
    for record in records:
        if "answer_to" not in record:
            continue
        question = str(record["answer_to"])
        if question not in comments:
            raise InputError("answers a comment that is not there", file=file, value=question, allowed=list(comments))
        comments[question] = comments[question].with_answer(Answer(str(record["text"]), _date(record)))
    return Feedback(tuple(comments.values()), sha256)


def _text_errors(key: str, text: str, longest: int) -> list[InputError]:
    if not text.strip():
        return [InputError("is empty", key=key)]
    if len(text) > longest:
        return [InputError(f"is {len(text)} characters long", key=key, allowed=f"at most {longest}")]
    if found := _CONTROL.search(text):
        return [InputError("holds a control character", key=key, value=found[0])]
    return []


def _email_errors(email: str) -> list[InputError]:
    if len(email) <= LONGEST_EMAIL and _EMAIL.fullmatch(email) and not _CONTROL.search(email):
        return []
    return [InputError("is no e-mail address", key="email", value=email, allowed="an address like name@example.org")]


def _unknown_figure(figure_id: str, known_figures: Collection[str]) -> InputError:
    """Names the nearest known figure; the whole list would be too long to help."""
    problem = f"the edition has no such figure{did_you_mean(figure_id, known_figures)}"
    return InputError(problem, key="figure", value=figure_id)


def _next_id(records: list[dict[str, object]]) -> str:
    """One more than the largest id, so that an id whose comment was taken out is not given again by mistake."""
    return f"c{1 + max((int(str(record['id'])[1:]) for record in records if 'id' in record), default=0)}"


def _comment(record: dict[str, object]) -> Comment:
    return Comment(
        id=str(record["id"]),
        figure_id=str(record["figure"]),
        date=_date(record),
        name=str(record["name"]),
        email=str(record["email"]),
        consent_name=record["consent_name"] is True,
        consent_email=record["consent_email"] is True,
        text=str(record["text"]),
    )


def _date(record: dict[str, object]) -> datetime.date:
    return datetime.date.fromisoformat(str(record["date"]))
