"""Whether a run lives: its record, with what was under way and is gone called interrupted. Light to import."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stellwerk.launch.engines.local import host, lock
from stellwerk.launch.engines.local.files import LocalFiles
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import RunRecord, read_record
from stellwerk.messages import Reason


def known_record(directory: Path) -> RunRecord | None:
    """What is known of the run in a folder; None where there is none. Raises InputError for a broken state."""
    record = read_record(RunDirectory(directory).state)
    if record is None or not record.active or lives(record, directory):
        return record
    again = read_record(RunDirectory(directory).state)  # it may have ended between the two looks
    return again if again is None else settled(again)


def lives(record: RunRecord, directory: Path) -> bool:
    """Whether its supervisor does: on this start of this machine, or wherever else the lock is seen from here."""
    return supervisor_lives(record) or lock.is_taken(LocalFiles(directory).lock)


def supervisor_lives(record: RunRecord) -> bool:
    return record.supervisor is not None and record.boot_id == host.boot_id() and host.lives(record.supervisor)


def settled(record: RunRecord) -> RunRecord:
    """The record of a run whose supervisor is gone; it was last heard of when it was last written."""
    if not record.active:
        return record
    restarted = record.machine == host.machine_name() and record.boot_id != host.boot_id()
    reason = Reason("run_machine_restarted") if restarted else Reason("run_vanished")
    interrupted = replace(record.latest, state="interrupted", reason=reason)
    return replace(record, attempts=(*record.attempts[:-1], interrupted))
