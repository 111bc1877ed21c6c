"""``run.json``: what a run is called, and what is planned for it."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from stellwerk.errors import InputError
from stellwerk.files import write_whole

FILE_NAME = "run.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Description:
    """``created`` is UTC and zone-aware. What is planned is None as long as nobody said."""

    id: str
    name: str
    created: datetime.datetime
    steps: int | None = None
    tokens: int | None = None
    duration_s: float | None = None
    """Of the whole run, by the plan's best estimate."""


def write_description(directory: Path, description: Description) -> None:
    values = {"schema": SCHEMA, **asdict(description), "created": description.created.isoformat(timespec="seconds")}
    write_whole(directory / FILE_NAME, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def read_description(directory: Path) -> Description | None:
    """None where there is none; raises InputError for a file that is no description of this version."""
    path = directory / FILE_NAME
    try:
        values = json.loads(path.read_bytes())
        if values.pop("schema") != SCHEMA:
            raise ValueError(f"this version reads schema {SCHEMA}")
        return Description(**{**values, "created": datetime.datetime.fromisoformat(values["created"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"this is no description of a run: {error}", file=path) from None
