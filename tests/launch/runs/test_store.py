from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.launch.engines.local import host
from stellwerk.launch.run_record import Attempt, ProcessId, RunRecord, write_record
from stellwerk.launch.runs import Run, RunEntry, RunStore, read_description, runs_folder
from stellwerk.launch.runs import store as store_module

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
FINISHED = RunRecord("k", "local", 2, (Attempt("finished", NOON, NOON, 60.0, exit_code=0),), steps=10, tokens=640)
GONE = ProcessId(host.own_id().pid, host.own_id().start_ticks - 1)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def ended(store: RunStore, name: str, hour: int = 12, **out: Path) -> Run:
    run = store.create(name, created=NOON, **out)
    started = NOON.replace(hour=hour)
    write_record(run.path / "state.json", replace(FINISHED, attempts=(Attempt("finished", started, started, 60.0),)))
    return run


def under_way(*, lives: bool) -> RunRecord:
    return replace(
        FINISHED,
        attempts=(Attempt("stopped", NOON, NOON, 60.0), Attempt("running", NOON, NOON, 5.0)),
        boot_id=host.boot_id(),
        supervisor=host.own_id() if lives else GONE,
    )


def by_id(store: RunStore) -> dict[str, RunEntry]:
    return {entry.id: entry for entry in store.entries()}


def test_a_run_gets_an_id_that_can_be_read_and_a_folder_of_that_name(store: RunStore, tmp_path: Path) -> None:
    run = store.create("Größtes Modell: 7B", created=NOON)
    code, _, name = run.id.partition("-")
    assert len(code) == 4
    assert name == "groesstes-modell-7b"
    assert run.path == tmp_path / "runs" / run.id
    assert run.path.is_dir()
    description = read_description(run.path)
    assert description is not None
    assert (description.id, description.name, description.created) == (run.id, "Größtes Modell: 7B", NOON)


@pytest.mark.parametrize("name", ["", "日本", "...", "/etc/passwd", "x" * 300])
def test_any_name_makes_an_id(store: RunStore, name: str) -> None:
    run = store.create(name, created=NOON)
    assert run.path.parent.name == "runs"
    assert store.find(run.id) == run


def test_ids_do_not_begin_alike(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "CODE_LETTERS", "ab")
    codes = {store.create("same", created=NOON).id[:4] for _ in range(16)}
    assert len(codes) == 16, "all there are of two letters in four places"


def test_a_run_is_found_by_its_id_the_beginning_of_it_and_its_folder(store: RunStore, tmp_path: Path) -> None:
    run, _ = ended(store, "first"), ended(store, "second")
    elsewhere = ended(store, "third", out=tmp_path / "third")
    assert store.find(run.id) == store.find(run.id[:4]) == store.find(str(run.path)) == run
    assert elsewhere.path == tmp_path / "third"
    assert store.find(elsewhere.id[:4]) == store.find(str(tmp_path / "third")) == elsewhere
    assert store.find(str(tmp_path / "runs" / elsewhere.id)) == elsewhere, "through its link"


def test_an_id_that_begins_another_one_means_itself(store: RunStore, tmp_path: Path) -> None:
    for name in ("bbbb-a", "bbbb-a-b"):
        ended(store, name, out=tmp_path / "runs" / name)
    assert store.find("bbbb-a").id == "bbbb-a"
    with pytest.raises(InputError, match=r"several runs begin so.*allowed: bbbb-a, bbbb-a-b"):
        store.find("bbbb")


def test_a_folder_that_the_runs_folder_does_not_know_is_found(store: RunStore, tmp_path: Path) -> None:
    """A run copied from another machine, or made under another runs folder."""
    write_record(tmp_path / "copied" / "state.json", FINISHED)
    assert store.find(str(tmp_path / "copied")) == Run("copied", tmp_path / "copied")


@pytest.mark.parametrize("text", ["", ".", "..", "/", "nothing", "../nothing", "a\0b", "x" * 5000])
def test_what_is_no_run_is_an_error_that_names_it(store: RunStore, text: str) -> None:
    run = ended(store, "first")
    with pytest.raises(InputError, match="there is no such run") as raised:
        store.find(text)
    assert run.id in str(raised.value)


def test_out_is_the_same_run_again(store: RunStore, tmp_path: Path) -> None:
    """Whoever repeats the command goes on with the run."""
    first = store.create("a", created=NOON, out=tmp_path / "out")
    assert store.create("a", created=NOON, out=tmp_path / "out") == first
    assert len(store.entries()) == 1
    other = RunStore(tmp_path / "other runs")
    assert other.create("a", created=NOON, out=tmp_path / "out") == first
    assert [entry.id for entry in other.entries()] == [first.id]


def test_a_folder_that_cannot_be_made_is_named(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/run: no run can be made here"):
        store.create("a", created=NOON, out=tmp_path / "file" / "run")


def test_the_list_has_the_latest_first_and_says_where_each_stands(store: RunStore, tmp_path: Path) -> None:
    early, late = ended(store, "early", hour=8), ended(store, "late", hour=20, out=tmp_path / "late")
    prepared = store.create("prepared", created=NOON)
    assert [entry.id for entry in store.entries()] == [late.id, prepared.id, early.id]
    found = by_id(store)
    assert found[prepared.id].state is None
    assert found[prepared.id].problem is None
    entry = found[late.id]
    assert (entry.path, entry.name, entry.state, entry.attempts) == (tmp_path / "late", "late", "finished", 1)
    assert (entry.started, entry.steps, entry.tokens) == ("2026-11-28T20:00:00+00:00", 10, 640)


def test_the_list_is_cut_as_any_other(store: RunStore) -> None:
    runs = [ended(store, "a", hour=hour) for hour in (20, 14, 8)]
    entries = store.entries()
    assert len(entries) == 3
    assert [entry.id for entry in entries[:2]] == [run.id for run in runs[:2]]
    assert entries[-1].id == runs[-1].id


def test_what_is_planned_stands_beside_it(store: RunStore) -> None:
    run = store.create("a", created=NOON)
    store.expect(run, steps=100, tokens=6400, duration_s=3600.0)
    write_record(run.path / "state.json", under_way(lives=True))
    (run.path / "metrics.jsonl").write_text('{"step": 31, "tokens": 1984}\n', encoding="utf-8")
    entry = by_id(store)[run.id]
    assert entry.active
    assert (entry.steps, entry.planned_steps, entry.tokens, entry.planned_tokens) == (31, 100, 1984, 6400)
    assert entry.planned_end == "2026-11-28T12:59:00+00:00", "an hour, less the minute of the first attempt"


def test_a_run_that_lost_its_supervisor_is_interrupted(store: RunStore) -> None:
    run = store.create("a", created=NOON)
    write_record(run.path / "state.json", under_way(lives=False))
    assert [by_id(store)[run.id].state for _ in range(2)] == ["interrupted", "interrupted"]


def test_what_changes_is_seen(store: RunStore) -> None:
    run = ended(store, "a")
    assert by_id(store)[run.id].state == "finished"
    write_record(run.path / "state.json", under_way(lives=True))
    assert by_id(store)[run.id].state == "running"
    write_record(run.path / "state.json", replace(FINISHED, attempts=(Attempt("failed", NOON, NOON),)))
    assert [by_id(store)[run.id].state for _ in range(2)] == ["failed", "failed"]
    shutil.rmtree(run.path)
    assert not store.entries()


def test_a_run_whose_folder_vanished_is_shown_as_such_until_it_is_forgotten(store: RunStore, tmp_path: Path) -> None:
    run = ended(store, "a", out=tmp_path / "out")
    store.entries()
    (tmp_path / "out").rename(tmp_path / "moved")
    entry = by_id(store)[run.id]
    assert (entry.problem, entry.state, entry.path) == ("vanished", None, tmp_path / "out")
    with pytest.raises(InputError, match="the folder of this run is gone"):
        store.find(run.id)
    store.forget(run.id)
    assert not store.entries()
    assert (tmp_path / "moved" / "state.json").exists()


def test_only_a_link_is_forgotten(store: RunStore) -> None:
    run = ended(store, "a")
    with pytest.raises(InputError, match="remove its folder"):
        store.forget(run.id)
    assert run.path.is_dir()


@pytest.mark.parametrize("file", ["state.json", "run.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"schema": 99}', b"[" * 100_000])
def test_a_broken_file_breaks_its_own_line_only(store: RunStore, file: str, content: bytes) -> None:
    good, bad = ended(store, "good"), ended(store, "bad")
    (bad.path / file).write_bytes(content)
    for _ in range(2):
        found = by_id(store)
        assert (found[bad.id].problem, found[bad.id].state) == ("unreadable", None)
        assert found[good.id].state == "finished"


def test_a_file_that_was_mended_is_read_again(store: RunStore) -> None:
    run = ended(store, "a")
    good = (run.path / "run.json").read_bytes()
    (run.path / "run.json").write_bytes(b"{")
    assert by_id(store)[run.id].problem == "unreadable"
    (run.path / "run.json").write_bytes(good)
    assert by_id(store)[run.id].problem is None


def test_other_things_in_the_runs_folder_are_left_alone(store: RunStore, tmp_path: Path) -> None:
    run = ended(store, "a")
    (tmp_path / "runs" / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "runs" / "a folder").mkdir()
    assert [entry.id for entry in store.entries()] == [run.id]


INDEX = ".index.json"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda index: index.unlink(),
        lambda index: index.write_bytes(b""),
        lambda index: index.write_bytes(index.read_bytes()[:-20]),
        lambda index: index.write_bytes(b"\xff" * 100),
        lambda index: index.write_text('{"version": "of tomorrow", "rows": 3}', encoding="utf-8"),
        lambda index: index.write_text("[]", encoding="utf-8"),
    ],
    ids=["lost", "empty", "torn", "no text", "another version", "no index"],
)
def test_the_index_is_made_anew(store: RunStore, tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    for name in ("a", "b"):
        ended(store, name)
    before = tuple(store.entries())
    index = tmp_path / "runs" / INDEX
    good = index.read_bytes()
    spoil(index)
    assert tuple(store.entries()) == before
    assert json.loads(index.read_bytes()) == json.loads(good)


def test_rows_of_the_index_that_make_no_sense_are_read_anew(store: RunStore, tmp_path: Path) -> None:
    run = ended(store, "a")
    before = tuple(store.entries())
    index = tmp_path / "runs" / INDEX
    values = json.loads(index.read_bytes())
    for row in ([], None, [values["rows"][run.id][0], [run.id]], 7):
        index.write_text(json.dumps({**values, "rows": {run.id: row}}), encoding="utf-8")
        assert tuple(store.entries()) == before


def test_an_index_that_cannot_be_written_costs_only_time(store: RunStore, tmp_path: Path) -> None:
    run = ended(store, "a")
    (tmp_path / "runs" / INDEX).mkdir()
    assert [entry.id for entry in store.entries()] == [run.id]


def test_unchanged_runs_are_not_read_again(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand runs are listed in the time it takes to look for their files."""
    for name in ("a", "b", "c"):
        ended(store, name)
    before = tuple(store.entries())

    def read(name: str, folder: str) -> None:
        raise AssertionError(f"{name} was read: {folder}")

    monkeypatch.setattr(store_module, "read_entry", read)
    assert tuple(store.entries()) == before


def test_no_runs_folder_is_no_run(store: RunStore) -> None:
    assert not store.entries()


def test_runs_lie_where_the_environment_says(tmp_path: Path) -> None:
    assert runs_folder({"STELLWERK_RUNS": str(tmp_path / "a"), "XDG_DATA_HOME": "/data"}) == tmp_path / "a"
    assert runs_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/stellwerk/runs")
    assert runs_folder({}) == Path.home() / ".local/share/stellwerk/runs"


def test_listing_loads_no_planner_and_no_training() -> None:
    code = (
        "import sys, stellwerk.launch.runs\n"
        "from stellwerk.launch.engines.local import engine, supervisor\n"
        "heavy = ('numpy', 'pydantic', 'stellwerk.planner', 'stellwerk.training')\n"
        "print([name for name in sys.modules if name in heavy])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
