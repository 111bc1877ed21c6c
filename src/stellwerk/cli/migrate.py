"""``stellwerk migrate``: files brought to the current version, in place."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import click

from stellwerk.errors import InputError, InputErrors
from stellwerk.files import read_text, write_whole
from stellwerk.workload import Migrated, migrate_text

MAX_FILE_BYTES = 5_000_000


@click.command(name="migrate")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Only say what would change; exit code 1 if anything would.")
def command(files: tuple[Path, ...], check: bool) -> None:
    """Bring workload FILES to the current version, in place; comments and order stay.

    Nothing is written if one of them cannot be read or is of a version that is not known.
    """
    migrated = _migrate_all(files)
    for file, one in migrated.items():
        if one.changes and not check:
            _write(file, one.text)
        click.echo(_report(file, one, check=check))
    if check and any(one.changes for one in migrated.values()):
        sys.exit(1)


def _migrate_all(files: tuple[Path, ...]) -> dict[Path, Migrated]:
    migrated, errors = {}, []
    for file in files:
        try:
            migrated[file] = migrate_text(read_text(file, limit_bytes=MAX_FILE_BYTES), file)
        except InputError as error:
            errors.append(error)
    if errors:
        raise InputErrors(errors)
    return migrated


def _write(file: Path, text: str) -> None:
    """A link stays one, and who may read the file stays as it was."""
    target = file.resolve()
    write_whole(target, text.encode(), mode=stat.S_IMODE(target.stat().st_mode))


def _report(file: Path, one: Migrated, *, check: bool) -> str:
    if not one.changes:
        return f"{file}: {one.kind} of version {one.to_version}, the current one"
    done = "would be upgraded" if check else "upgraded"
    head = f"{file}: {one.kind}, {done} from version {one.from_version} to {one.to_version}"
    return "\n  ".join([head, *one.changes])
