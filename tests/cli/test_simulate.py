from __future__ import annotations

import gzip
import json
import shutil
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Verb

LOGS = Path(__file__).parents[1] / "data/swf"
EXCERPT = LOGS / "kth-sp2-1996-first-2500.swf.gz"
EASY = LOGS / "kth-sp2-1996-first-2500.easy.csv.gz"
ONE_JOB = "1 0 -1 60 4 -1 -1 -1 -1 -1 1 1 1 -1 -1 -1 -1 -1\n"


@pytest.fixture
def simulate(in_process: Verb) -> Verb:
    return partial(in_process, "simulate")


def test_the_excerpt_agrees_with_its_schedule(simulate: Verb) -> None:
    ended = simulate(EXCERPT, "--policy", "easy", "--compare", EASY)
    assert ended.exit_code == 0, ended.stderr
    assert "differing starts: 0 " in ended.stdout


def test_a_start_that_differs_is_counted_and_exits_with_1(simulate: Verb) -> None:
    ended = simulate(EXCERPT, "--policy", "fcfs", "--compare", EASY)
    assert ended.exit_code == 1
    assert "differing starts: 1,995 (43 earlier, 1,952 later; mean wait +56,667.4 s)" in ended.stdout


def test_the_log_says_what_was_dropped_and_cut(simulate: Verb) -> None:
    ended = simulate(EXCERPT)
    assert "2,500 jobs, 2,499 replayed" in ended.stdout
    assert "dropped: 1 (first in line 2485): run time of zero" in ended.stdout
    assert "cut at the requested time: 25" in ended.stdout


def test_indicators_and_charge_are_shown(simulate: Verb) -> None:
    shown = " ".join(simulate(EXCERPT, "--processors", 100).stdout.replace("│", " ").split())
    for figure in ("mean wait 7,743.4 s", "bounded slowdown (10 s) 105.42", "0.5744", "charged 54,190.0 processor-h"):
        assert figure in shown


def test_the_schedule_is_written_as_csv(simulate: Verb, tmp_path: Path) -> None:
    out = tmp_path / "schedule.csv.gz"
    assert simulate(EXCERPT, "--out", out).exit_code == 0
    assert gzip.decompress(out.read_bytes()) == gzip.decompress(EASY.read_bytes())


def test_json_holds_the_same_figures(simulate: Verb) -> None:
    result = json.loads(simulate(EXCERPT, "--compare", EASY, "--json").stdout)
    assert result["schema"] == 1
    assert result["processors"] == 100
    assert result["log"]["dropped"] == {"zero_run_time": {"jobs": 1, "first_line": 2485}}
    assert result["indicators"]["mean_wait_s"] == pytest.approx(7743.4, abs=0.05)
    assert result["charge"] == {"unit": "processor-h", "units": pytest.approx(54190.0, abs=0.05)}
    assert result["comparison"]["differing_starts"] == 0


def test_without_a_stated_size_the_machine_must_be_given(simulate: Verb, tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    log.write_text(ONE_JOB)
    ended = simulate(log)
    assert ended.exit_code == 2
    assert ended.stderr == f"error: {log}: the header states neither MaxProcs nor MaxNodes: give --processors\n"
    assert simulate(log, "--processors", 4).exit_code == 0


def test_the_size_given_beats_the_size_stated(simulate: Verb) -> None:
    ended = simulate(EXCERPT, "--processors", 50)
    assert ended.exit_code == 0
    assert "can never run: " in ended.stdout
    assert "(first in line 20): more processors than the machine has" in ended.stdout


def test_a_size_that_no_machine_has_names_the_option(simulate: Verb) -> None:
    assert simulate(EXCERPT, "--processors", 0).stderr.startswith("error: --processors: no size of a machine (got 0)")


def test_an_input_is_never_overwritten(simulate: Verb, tmp_path: Path) -> None:
    log = tmp_path / "log.swf.gz"
    shutil.copy(EXCERPT, log)
    ended = simulate(log, "--out", log)
    assert ended.exit_code == 2
    assert "would overwrite an input" in ended.stderr
    expected = tmp_path / "expected.csv.gz"
    shutil.copy(EASY, expected)
    assert simulate(log, "--compare", expected, "--out", expected).exit_code == 2
    assert (log.read_bytes(), expected.read_bytes()) == (EXCERPT.read_bytes(), EASY.read_bytes())


def test_a_name_that_no_file_can_have_is_an_error_without_traceback(simulate: Verb) -> None:
    ended = simulate(EXCERPT, "--out", "x" * 300)
    assert ended.exit_code == 2
    assert "cannot be written: File name too long" in ended.stderr


def test_an_error_writes_nothing(simulate: Verb, tmp_path: Path) -> None:
    out = tmp_path / "schedule.csv"
    assert simulate(EXCERPT, "--out", out, "--compare", tmp_path / "nowhere.csv").exit_code == 2
    assert not out.exists()


def test_a_cluster_comes_from_a_file(simulate: Verb, tmp_path: Path) -> None:
    cluster = tmp_path / "kth.toml"
    cluster.write_text("schema = 1\nprocessors = 100\n")
    ended = simulate(EXCERPT, "--cluster", cluster, "--compare", EASY)
    assert ended.exit_code == 0, ended.stderr
    assert "differing starts: 0 " in ended.stdout


def test_a_cluster_of_the_catalogue_that_nobody_knows_names_the_nearest(simulate: Verb) -> None:
    ended = simulate(EXCERPT, "--cluster", "lumi-h")
    assert ended.exit_code == 2
    assert ended.stderr.startswith("error: --cluster: neither a file nor a system of the catalogue (got 'lumi-h')")
    assert "did you mean 'lumi-g'?" in ended.stderr


def test_a_system_whose_size_nobody_states_is_refused(simulate: Verb) -> None:
    ended = simulate(EXCERPT, "--cluster", "alice-recoque")
    assert ended.exit_code == 2
    assert "the catalogue does not know the nodes and the accelerators_per_node of 'alice-recoque'" in ended.stderr


def test_a_cluster_says_its_size_itself(simulate: Verb) -> None:
    ended = simulate(EXCERPT, "--cluster", "lumi-g", "--processors", 5)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("error: --processors: the cluster says how large it is (got 5)")


NODES = """schema = 1
checkpoint_h = 1
[[groups]]
name = "thin"
nodes = 100
cores = 1
"""


def test_nodes_of_one_processor_give_the_schedule_of_the_pool(simulate: Verb, tmp_path: Path) -> None:
    cluster = tmp_path / "kth.toml"
    cluster.write_text(NODES)
    ended = simulate(EXCERPT, "--cluster", cluster, "--compare", EASY, "--json")
    assert ended.exit_code == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["comparison"]["differing_starts"] == 0
    assert result["nodes"]["nodes"] == 100
    assert result["nodes"]["node_utilisation"] == pytest.approx(result["indicators"]["utilisation"])
    assert result["nodes"]["accelerator_utilisation"] is None
    assert result["nodes"]["restarts"] == 0


def test_failures_are_shown_with_what_they_cost(simulate: Verb, tmp_path: Path) -> None:
    cluster = tmp_path / "kth.toml"
    cluster.write_text(NODES + "[failures]\nmtbf_h = 1000\nrepair_h = 10\n")
    shown = " ".join(simulate(EXCERPT, "--cluster", cluster).stdout.replace("│", " ").split())
    assert "nodes 100 nodes in use 0." in shown
    assert " by failures, 0 by preemption started again " in shown
    assert " node-h" in shown


def test_a_policy_that_nodes_have_no_scheduler_for_names_the_one_they_have(simulate: Verb, tmp_path: Path) -> None:
    cluster = tmp_path / "kth.toml"
    cluster.write_text(NODES)
    ended = simulate(EXCERPT, "--cluster", cluster, "--policy", "conservative")
    assert ended.exit_code == 2
    assert "allowed: conservative_replan, or pooled processors" in ended.stderr


def test_a_fit_writes_the_nearest_policy_and_a_replay_takes_it(simulate: Verb, tmp_path: Path) -> None:
    out = tmp_path / "policy.toml"
    ended = simulate(EXCERPT, "--fit", out, "--fit-tries", 6)
    assert ended.exit_code == 0, ended.stderr
    shown = " ".join(ended.stdout.replace("│", " ").split())
    assert "6 policies on 1,624 jobs; 750 held out" in shown
    assert f"--policy {out}" in " ".join(ended.stdout.split("\n"))
    replayed = simulate(EXCERPT, "--policy", out, "--json")
    assert replayed.exit_code == 0, replayed.stderr
    result = json.loads(replayed.stdout)
    text = out.read_text(encoding="utf-8")
    assert f'policy = "{result["policy"]}"' in text
    share = next(float(line.split(" = ")[1]) for line in text.splitlines() if line.startswith("out_of_service"))
    assert result["processors"] == round(100 * (1 - share))


def test_a_fit_as_json_holds_all_candidates(simulate: Verb, tmp_path: Path) -> None:
    result = json.loads(simulate(EXCERPT, "--fit", tmp_path / "policy.toml", "--fit-tries", 5, "--json").stdout)
    assert len(result["candidates"]) == 5
    distances = [candidate["distance"] for candidate in result["candidates"]]
    assert distances == sorted(distances)


@pytest.mark.parametrize("other", [("--out", "s.csv"), ("--change", "load=2")])
def test_a_fit_is_no_replay(simulate: Verb, tmp_path: Path, other: tuple[str, str]) -> None:
    ended = simulate(EXCERPT, "--fit", tmp_path / "policy.toml", *other)
    assert ended.exit_code == 2
    assert "--fit searches for a policy" in ended.stderr


def test_a_fit_needs_recorded_waits_and_spares_the_log(simulate: Verb, tmp_path: Path) -> None:
    log = tmp_path / "log.swf"
    log.write_text(ONE_JOB, encoding="utf-8")
    ended = simulate(log, "--processors", 4, "--fit", tmp_path / "policy.toml")
    assert (ended.exit_code, "records no waits" in ended.stderr) == (2, True)
    assert "would overwrite an input" in simulate(log, "--processors", 4, "--fit", log).stderr


def test_a_policy_that_is_no_policy_and_no_file_is_named(simulate: Verb, tmp_path: Path) -> None:
    assert "--policy: neither a policy nor the file of one (got 'eazy')" in simulate(EXCERPT, "--policy", "eazy").stderr
    wrong = tmp_path / "policy.toml"
    wrong.write_text('schema = 1\npolicy = "easy"\nout_of_service = 1\n', encoding="utf-8")
    ended = simulate(EXCERPT, "--policy", wrong)
    assert (ended.exit_code, f"{wrong}: out_of_service" in ended.stderr) == (2, True)


SACCT = (
    "JobID|Submit|Start|End|Elapsed|State|NCPUS|JobName\n"
    "1|2026-01-05T10:00:00|2026-01-05T10:00:00|2026-01-05T10:01:00|00:01:00|COMPLETED|4|a|b\n"
    "1.batch|2026-01-05T10:00:00|2026-01-05T10:00:00|2026-01-05T10:01:00|00:01:00|COMPLETED|4|batch\n"
    "2|2026-01-05T10:00:00|2026-01-05T10:02:00|Unknown|00:09:00|RUNNING|4|c\n"
    "3|2026-01-05T10:00:00|2026-01-05T10:02:00|2026-01-05T10:05:00|00:03:00|COMPLETED|4|d\n"
)


def test_a_dump_of_sacct_is_replayed_and_what_was_made_of_it_is_said(simulate: Verb, tmp_path: Path) -> None:
    log = tmp_path / "dump.txt"
    log.write_text(SACCT)
    ended = simulate(log, "--processors", 4)
    assert ended.exit_code == 0, ended.stderr
    assert "4 jobs, 2 replayed" in ended.stdout
    assert "dropped: 1 (first in line 3): a step of a job, not a job" in ended.stdout
    assert "dropped: 1 (first in line 4): had not ended when the log was written" in ended.stdout
    assert "  1 (first in line 2): a separator inside a text, told apart" in ended.stdout
    result = json.loads(simulate(log, "--processors", 4, "--json").stdout)
    assert result["log"]["remarks"] == {"name_with_separator": {"jobs": 1, "first_line": 2}}


def test_fields_format_and_mapping_say_what_a_log_does_not(simulate: Verb, tmp_path: Path) -> None:
    log, table, mapping = tmp_path / "dump.txt", tmp_path / "jobs.csv", tmp_path / "mapping.toml"
    log.write_text(SACCT.partition("\n")[2])
    named = simulate(log, "--processors", 4, "--fields", SACCT.partition("\n")[0].replace("|", ","))
    assert "4 jobs, 2 replayed" in named.stdout
    table.write_text("t,r,n\n10,5,4\n")
    mapping.write_text(
        'schema = 1\n[columns]\nsubmit = { column = "t", time = "epoch_s" }\nrun = "r"\nallocated_processors = "n"\n'
    )
    assert "1 jobs, 1 replayed" in simulate(table, "--processors", 4, "--mapping", mapping).stdout


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (SACCT, ["--timezone", "Mars/Olympus"], "--timezone: no such time zone (got 'Mars/Olympus')"),
        (SACCT.partition("\n")[2], [], "the beginning looks like no format"),
        (SACCT.partition("\n")[2], ["--format", "sacct"], "--fields: has no title line"),
        ("t,r\n1,2\n", [], "--mapping: nothing says which column is what"),
        (ONE_JOB, ["--format", "swf", "--fields", "JobID"], "--fields: means nothing to swf"),
    ],
)
def test_logs_that_need_more_words_are_refused(
    simulate: Verb, tmp_path: Path, content: str, options: list[str], said: str
) -> None:
    log = tmp_path / "log"
    log.write_text(content)
    ended = simulate(log, "--processors", 4, *options)
    assert ended.exit_code == 2
    assert said in ended.stderr
