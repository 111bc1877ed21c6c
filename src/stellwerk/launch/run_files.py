"""What is written into a run's folder before its start, and read there when the same run is asked for again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stellwerk import __version__
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.launch.expectation import Expectation, write_expectation
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_key import differences
from stellwerk.workload import Workload, workload_as_dict

SCHEMA = 1
DIFFERENCES_SHOWN = 5


def write_run_files(
    directory: RunDirectory,
    workload: Workload,
    *,
    source: bytes,
    decides: Mapping[str, Any],
    expected: Expectation | None,
    environment: str,
) -> None:
    """Workload as written and as resolved, plan, environment. The resolved workload comes last: where it is, all is."""
    write_whole(directory.workload, source)
    write_whole(directory.environment, environment.encode())
    if expected is not None:
        write_expectation(directory.plan, expected)
    resolved = {"schema": SCHEMA, "stellwerk": __version__, "decides": decides, **workload_as_dict(workload)}
    write_whole(directory.resolved, (json.dumps(resolved, indent=2, ensure_ascii=False) + "\n").encode())


def read_what_decided(directory: RunDirectory) -> dict[str, Any] | None:
    """What decided the run in the folder; None where there is no run yet."""
    decides = _read_resolved(directory).get("decides")
    return decides if isinstance(decides, dict) else None


def read_name(directory: RunDirectory) -> str:
    """The name of the run's workload, or of its folder where that is not known."""
    return str(_read_resolved(directory).get("name") or directory.path.name)


def check_same_run(directory: RunDirectory, decides: Mapping[str, Any]) -> bool:
    """Whether the folder already holds this very run; False where it holds none.

    Raises InputError, with what differs and what to do, where it holds another.
    """
    earlier = read_what_decided(directory)
    if earlier is None:
        return False
    different = list(differences(earlier, decides))
    if not different:
        return True
    shown = "; ".join(different[:DIFFERENCES_SHOWN])
    if len(different) > DIFFERENCES_SHOWN:
        shown += f"; and {len(different) - DIFFERENCES_SHOWN} more"
    raise InputError(
        f"another run is there, which differs in {shown}",
        file=directory.path,
        key="--out",
        allowed="another folder for the changed run; or the workload and options as they were, to go on with the old "
        "one (its workload.toml lies in the folder); or remove the folder",
    )


def _read_resolved(directory: RunDirectory) -> dict[str, Any]:
    path: Path = directory.resolved
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=path) from None
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise InputError("this version cannot be read", file=path, key="schema", allowed=str(SCHEMA))
    return values
