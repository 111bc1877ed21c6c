"""``stellwerk jobs anonymise``: a job log that can be shared."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import NamedTuple, get_args

import click

from stellwerk import __version__
from stellwerk.cli.job_log import job_log_options, read_job_log, refuse_overwriting
from stellwerk.cli.mistakes import naming_options
from stellwerk.cli.output import console, print_json
from stellwerk.errors import InputError
from stellwerk.files import read_text
from stellwerk.messages import LANGUAGES, Language, text
from stellwerk.records import (
    COLUMN_SUFFIXES,
    KEY_BYTES,
    MISSING,
    NOT_IN_SWF,
    Format,
    JobTable,
    NamedColumn,
    Rarity,
    anonymise,
    machine_processors,
    mapping_path,
    rarity_of,
    write_columns,
    write_swf,
)

JSON_SCHEMA = 1
SIZES_SHOWN = 10

_SWF = (".swf", ".swf.gz")
_KEY_TEXT_BYTES = 200


@click.command(name="anonymise")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Write here: .swf, .csv (.gz) or .parquet.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Keep the key here (made if it is not there), so that another log gets the same pseudonyms.",
)
@click.option("--shift-weeks", type=int, help="Move the clock back by so many weeks; 0 keeps it. Default: by chance.")
@click.option(
    "--keep",
    type=click.Choice(get_args(NamedColumn)),
    multiple=True,
    help="A column whose names stay, such as partition.",
)
@job_log_options
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def anonymise_command(
    file: Path,
    out: Path,
    key_file: Path | None,
    shift_weeks: int | None,
    keep: tuple[NamedColumn, ...],
    log_format: Format | None,
    fields: str | None,
    mapping: Path | None,
    timezone: str | None,
    language: Language,
    as_json: bool,
) -> None:
    """Write the job log FILE anew without the names of people, projects and places, on the same schedule.

    What this protects against, and what not: docs/anonymise.md.
    """
    name = out.name.lower()
    if not name.endswith((*_SWF, *COLUMN_SUFFIXES)):
        raise InputError(
            "is of no kind that is written", key="--out", value=out.name, allowed=[*_SWF, *COLUMN_SUFFIXES]
        )
    as_swf = name.endswith(_SWF)
    written = [out] if as_swf else [out, mapping_path(out)]
    for path in written:
        refuse_overwriting(path, [one for one in (file, mapping, key_file) if one is not None])
    jobs = read_job_log(file, log_format=log_format, mapping=mapping, fields=fields, timezone=timezone)
    key = secrets.token_bytes(KEY_BYTES) if key_file is None else _kept_key(key_file)
    with naming_options({"shift_weeks": "--shift-weeks"}):
        anonymous, weeks = anonymise(jobs, key=key, shift_weeks=shift_weeks, keep=keep)
    if as_swf:
        write_swf(anonymous, out, notes=_notes(jobs, keep, weeks), processors=machine_processors(jobs))
    else:
        write_columns(anonymous, out)
    lost = [name for name in NOT_IN_SWF if (getattr(jobs, name) != MISSING).any()] if as_swf else []
    done = _Done(jobs, written, keep, weeks, lost, rarity_of(anonymous))
    if as_json:
        print_json(_as_dict(done))
    else:
        _show(done, language)


class _Done(NamedTuple):
    """What there is to say: ``lost`` names the columns that the format has no field for."""

    jobs: JobTable
    written: list[Path]
    keep: tuple[NamedColumn, ...]
    weeks: int
    lost: list[str]
    rarity: Rarity


def _kept_key(path: Path) -> bytes:
    """The key in a file that only its owner reads; a new one where there is no file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return _new_key(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError("others may read this key", file=path, allowed="permission 0600 (chmod 600)")
    with contextlib.suppress(ValueError):
        key = bytes.fromhex(read_text(path, limit_bytes=_KEY_TEXT_BYTES))
        if len(key) == KEY_BYTES:
            return key
    raise InputError("holds no key", file=path, allowed=f"{2 * KEY_BYTES} hexadecimal digits, as written by --key-file")


def _new_key(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{key.hex()}\n")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=path) from None
    return key


def _notes(jobs: JobTable, keep: tuple[NamedColumn, ...], weeks: int) -> list[str]:
    """What the header of the written log says was done; in English, as the format is."""
    renamed = [column for column in get_args(NamedColumn) if column not in keep]
    notes = [
        f"Made anonymous with Stellwerk {__version__} (stellwerk jobs anonymise).",
        f"Replaced by pseudonyms: {', '.join(renamed) or 'nothing'}. Kept: {', '.join(keep) or 'nothing'}.",
        "Jobs are numbered anew in the order of their submission; comment lines of the source are left out.",
        "The order of submissions and all spans of time are those of the source.",
    ]
    if jobs.zero is not None:
        moved = "was moved back by a whole number of weeks" if weeks else "is that of the source"
        notes.append(f"The clock {moved}.")
    notes.append(f"Not in this format: {', '.join(NOT_IN_SWF)}; ends other than completed or cancelled are failed.")
    return notes


def _as_dict(done: _Done) -> dict[str, object]:
    rarity = done.rarity
    return {
        "schema": JSON_SCHEMA,
        "version": __version__,
        "written": [str(path) for path in done.written],
        "jobs": len(done.jobs),
        "dropped": {reason: finding.jobs for reason, finding in done.jobs.dropped.items()},
        "kept_columns": list(done.keep),
        "lost_columns": done.lost,
        "clock_moved": done.weeks > 0,
        "rarity": {
            "few": rarity.few,
            "of": "users" if rarity.of_users else "jobs",
            "combinations": rarity.combinations,
            "rare": rarity.rare,
            "rare_jobs": rarity.rare_jobs,
            "smallest": rarity.smallest,
            "sizes": [{"size": size, "jobs": count} for size, count in rarity.sizes],
        },
    }


def _show(done: _Done, language: Language) -> None:
    def say(key: str, **params: str | int) -> str:
        return text(f"anonymise.{key}", language, **params)

    rarity = done.rarity
    dropped = sum(finding.jobs for finding in done.jobs.dropped.values())
    lines = [say("written", jobs=len(done.jobs), files=", ".join(map(str, done.written)))]
    if dropped:
        lines.append(say("dropped", jobs=dropped))
    if done.lost:
        lines.append(say("lost", columns=", ".join(done.lost)))
    if done.keep:
        lines.append(say("kept", columns=", ".join(done.keep)))
    if not done.weeks:
        lines.append(say("clock_kept" if done.jobs.zero is not None else "no_clock"))
    lines.append(
        say(
            "rare_users" if rarity.of_users else "rare_jobs",
            combinations=rarity.combinations,
            rare=rarity.rare,
            jobs=rarity.rare_jobs,
            few=rarity.few,
            smallest=rarity.smallest,
        )
    )
    if rarity.sizes:
        listed = ", ".join(f"{size} ({count})" for size, count in rarity.sizes[:SIZES_SHOWN])
        more = len(rarity.sizes) - SIZES_SHOWN
        lines.append(say("sizes", few=rarity.few, sizes=listed + (f", … (+{more})" if more > 0 else "")))
    lines.append(say("read_on"))
    for line in lines:
        console.print(line, markup=False)
