"""Reading a Hugging Face ``config.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError
from stellwerk.files import read_text
from stellwerk.workload.model import Architecture

MAX_FILE_BYTES = 10_000_000


def read_huggingface_config(path: Path | str) -> Architecture:
    """The architecture in a ``config.json`` of one of the families that ``docs/workload.md`` lists.

    Raises InputError (InputErrors for several mistakes) for other families, models with images or sound, and every
    key that would make the model another one than is read here.
    """
    # pydantic takes longer to import than the rest of the room, and is needed only when a file is read.
    from stellwerk.workload.config_families import architecture_of

    path = Path(path)
    return architecture_of(_parse_json(read_text(path, limit_bytes=MAX_FILE_BYTES), path), path)


def _parse_json(text: str, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"not valid JSON: {error.msg} ({place})", file=path) from None
    except ValueError as error:  # an integer of more digits than Python reads
        raise InputError(f"not valid JSON: {error}", file=path) from None
    except RecursionError:
        raise InputError("not valid JSON: values are nested too deeply", file=path) from None
    if not isinstance(values, dict):
        raise InputError("holds no JSON object", file=path, allowed='an object: { "model_type": "llama", … }')
    return values
