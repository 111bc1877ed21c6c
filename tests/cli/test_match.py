from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError
from stellwerk.workload import DataNeeds, Serving, read_workload

LINE = ("--model", "llama-3.1-8b", "--tokens", "300B", "--as", "startup")
EXAMPLE = Path(__file__).parents[2] / "examples" / "german-7b.toml"
DAY = ("--as-of", "2026-11-23")


@cache
def run(*arguments: str) -> str:
    """What the command prints; the same call is made once for all tests that read it."""
    result = CliRunner().invoke(main, ["match", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_ranking_names_every_verdict_with_its_reasons() -> None:
    shown = run(str(EXAMPLE), *DAY)
    for heading in ("Possible (", "Unknown: something decisive is not known (", "Not possible ("):
        assert heading in shown
    assert shown.count("\n      – ") >= 40


def test_german_output_is_german() -> None:
    shown = run(str(EXAMPLE), *DAY, "--lang", "de")
    assert "Möglich (" in shown
    assert "Nicht möglich (" in shown
    assert "GPU-Stunden" in shown


@pytest.mark.parametrize("person", ["startup-7b", "doctoral-lora", "company-serve-70b"])
def test_each_person_of_the_tour_gets_an_answer_in_every_form(tmp_path: Path, person: str) -> None:
    example = str(EXAMPLE.with_name(f"{person}.toml"))
    page = tmp_path / "page.html"
    assert "Possible (" in run(example, "--as-of", "2026-11-23", "--html", str(page))
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    answer = json.loads(run(example, "--as-of", "2026-11-23", "--json"), parse_constant=refuse)
    assert {offer["verdict"] for offer in answer["offers"]} == {"possible", "unknown", "impossible"}


def test_json_is_complete_and_dated() -> None:
    answer = json.loads(run(str(EXAMPLE), *DAY, "--json"))
    assert answer["schema"] == 1
    assert answer["as_of"] == "2026-11-23"
    assert len(answer["catalogue_sha256"]) == 64
    assert len(answer["offers"]) >= 40
    for offer in answer["offers"]:
        assert offer["verdict"] in ("possible", "impossible", "unknown")
        assert "programme" in offer
        assert "system" in offer or "provider" in offer
        assert offer["verdict"] == "possible" or any(one["effect"] == offer["verdict"] for one in offer["reasons"])


@pytest.mark.parametrize("language", ["de", "en"])
def test_what_measured_runs_were_met_less_well_is_said_beside_the_interval(language: str) -> None:
    line = ("--model", "deepseek-v3", "--tokens", "1T", "--as", "academia:DE-SN", "--lang", language)
    shown = " ".join(run(*line).split())
    assert shown.count("(MoE)") == 1
    assert "(MoE)" not in run(*LINE, "--lang", language)


def test_the_same_call_gives_the_same_answer() -> None:
    assert run(str(EXAMPLE), *DAY, "--json") == run.__wrapped__(str(EXAMPLE), *DAY, "--json")


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_page_is_one_file_with_three_pictures(tmp_path: Path, language: str) -> None:
    page = tmp_path / "deep" / "page.html"
    run(str(EXAMPLE), "--html", str(page), "--lang", language)
    html = page.read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in html
    assert html.count("<svg") == 3
    for picture in ("finish-against-cost", "memory-by-part", "step-time-by-part"):
        assert f'id="{picture}"' in html
    assert "<script" not in html
    assert "src=" not in html
    assert "@import" not in html


def test_a_page_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        CliRunner().invoke(
            main, ["match", str(EXAMPLE), "--html", str(tmp_path / "file" / "page.html")], catch_exceptions=False
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_date_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["match", str(EXAMPLE), "--as-of", "yesterday"])
    assert result.exit_code == 2
    assert "--as-of" in result.output


def refused(*arguments: str) -> str:
    with pytest.raises(InputError) as caught:
        CliRunner().invoke(main, ["match", *arguments], catch_exceptions=False)
    return str(caught.value)


def test_one_line_is_answered_after_a_list_of_all_that_was_filled_in() -> None:
    shown = run(*LINE)
    filled_in, answer = shown.split("llama-3.1-8b: 8.03 billion parameters, trained from scratch on 300 billion", 1)
    for key in (
        "sequence_length: 4096 (",
        'batch_tokens: "4M" (',
        'precision: "bf16" (',
        'country: "DE" (',
        "budget: ",
    ):
        assert key in filled_in
    assert "Possible (" in answer


def test_the_saved_file_gives_the_same_answer(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    day = ("--as-of", "2026-11-23", "--json")
    options = ("--sequence-length", "8192", "--batch-tokens", "2M", "--days", "30.5", "--budget", "90000 EUR")
    result = CliRunner().invoke(main, ["match", *LINE, *options, "--precision", "fp16", *day, "--save", str(file)])
    assert result.exit_code == 0
    asked = json.loads(result.stdout)
    assert {one["key"] for one in asked.pop("filled_in")} == {"name", "applicant.country", "applicant.state"} | {
        "limits.deadline",
        "data.sensitivity",
        "data.locations",
        "data.certificates",
    }
    assert json.loads(run(str(file), *day)) == asked
    workload = read_workload(file)
    assert workload.limits.duration_s == 30.5 * 86_400
    assert workload.training.global_batch_sequences == 256
    assert "applicant.country" in result.stderr


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("mine", encoding="utf-8")
    assert "--save: is there already" in refused(*LINE, "--save", str(file))
    assert file.read_text(encoding="utf-8") == "mine"


def test_mistakes_of_one_line_name_its_options() -> None:
    said = refused("--model", "lama-3.1-8b", "--tokens", "1 TB", "--as", "phd:DE-XX", "--budget", "5")
    for part in (
        "--model: no published model",
        "did you mean 'llama-3.1-8b'?",
        "--tokens: unknown suffix 'TB'",
        "--as: this value cannot stand here (got 'phd'); allowed: academia, startup",
        "--budget: not an amount",
    ):
        assert part in said
    assert "--as: unknown state (got 'DE-XX')" in refused(*LINE[:-1], "sme:DE-XX")

    said = refused(*LINE, "--deadline", "soon", "--data-in", "Germany", "--sensitivity", "secret", "--finetune", "dora")
    for option in ("--deadline: not a day", "--data-in: not an ISO", "--sensitivity: ", "--finetune: "):
        assert f"\n{option}" in f"\n{said}"
    for method in ("dora", "pretraining"):
        said = refused("--model", "qwen3-8b", "--tokens", "1B", "--as", "sme", "--finetune", method)
        assert said.startswith(f"--finetune: this value cannot stand here (got {method!r}); allowed: full, lora, qlora")
    said = refused("--model", "qwen3-8b", "--serve", "--users", "0", "--concurrent-requests", "0", "--as", "sme")
    assert [line.split(":")[0] for line in said.splitlines()] == ["--users", "--concurrent-requests"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--tokens", "many"),
        ("--tokens", "1000"),
        ("--finetune", "dora"),
        ("--sequence-length", "0"),
        ("--sequence-length", "100000000000000"),
        ("--batch-tokens", "1K"),
        ("--precision", "fp4"),
        ("--deadline", "2027-06-30 18:00"),
        ("--deadline", "2026-11-22 18:00 Europe/Berlin"),
        ("--budget", "5"),
        ("--sensitivity", "secret"),
        ("--data-in", "Germany"),
        ("--certificate", ""),
        ("--as", "sme:DE-XX"),
        ("--as", "me@tu-dresden.de"),
        ("--draft", "nhr-noraml"),
    ],
)
def test_a_mistake_in_an_option_names_that_option_alone(option: str, value: str) -> None:
    said = refused(*LINE, "--as-of", "2026-11-23", option, value)
    assert [line.split(":")[0] for line in said.splitlines()] == [option]


@pytest.mark.parametrize("users", ["-1", "1000000001", "5000000000", "1000000000000"])
def test_a_number_of_users_that_cannot_be_says_nothing_of_the_requests_derived_from_it(users: str) -> None:
    said = refused("--model", "qwen3-8b", "--serve", "--as", "sme", "--users", users)
    assert said.startswith("--users: ")
    assert "\n" not in said


def test_a_deadline_that_has_passed_names_its_file(tmp_path: Path) -> None:
    file = tmp_path / "late.toml"
    text = EXAMPLE.read_text(encoding="utf-8")
    file.write_text(text.replace("[limits]", '[limits]\ndeadline = "2026-01-31 Europe/Berlin"'), encoding="utf-8")
    for verb in (["match"], ["classes"], ["plan", "--on", "jsc-jupiter-booster"]):
        with pytest.raises(InputError) as caught:
            CliRunner().invoke(main, [*verb, str(file)], catch_exceptions=False)
        assert str(caught.value).startswith(f"{file}: limits.deadline: has passed (got '2026-02-01T00:00:00+01:00')")


@pytest.mark.parametrize("days", ["1e9", "36500.1", "0", "-3", "nan", "inf"])
def test_days_outside_the_range_are_refused_with_it(days: str) -> None:
    result = CliRunner().invoke(main, ["match", *LINE, "--days", days])
    assert result.exit_code == 2
    assert "'--days': " in result.output
    assert "0<x<=36500" in result.output
    assert "e+" not in result.output


@pytest.mark.parametrize(("days", "written"), [("1e4", "10000d"), ("30000.25", "30000.25d"), ("36500", "36500d")])
def test_days_are_written_as_a_plain_number(tmp_path: Path, days: str, written: str) -> None:
    file = tmp_path / "my.toml"
    run(*LINE, "--days", days, "--save", str(file))
    assert f'duration = "{written}"' in file.read_text(encoding="utf-8")
    assert read_workload(file).limits.duration_s == float(days) * 86_400


def test_a_role_or_domain_that_is_not_known_is_refused_by_the_option() -> None:
    assert refused(*LINE[:-1], "erika.mustermann@tu-dresden.de").startswith("--as: a role stands before the @")
    assert refused(*LINE[:-1], "phd@tu-dresdn.de").startswith("--as: no institution of this domain is known; did you")


def test_a_fine_tuning_for_a_role_at_an_institution_is_one_line() -> None:
    shown = run("--model", "qwen3-8b", "--finetune", "lora", "--tokens", "200M", "--as", "phd@tu-dresden.de")
    filled_in, answer = shown.split("qwen3-8b: 8.19 billion parameters, fine-tuned with LoRA on 200 million tokens", 1)
    for line in (
        "finetuning.global_batch_sequences: 16 (16 sequences, as the authors of QLoRA",
        "finetuning.lora_rank: 16 (a judgement of ours",
        'applicant.state: "DE-SN" (',
        'applicant.career_stage: "doctoral" (the role',
        "applicant.pi_doctorate: left out (not said; who signs",
    ):
        assert f"\n  {line}" in filled_in
    assert "Possible (" in answer


def test_a_service_is_one_line_and_its_file_gives_the_same_answer(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    day = ("--as-of", "2026-11-23", "--json")
    line = ("--model", "qwen3-8b", "--serve", "--users", "300", "--days", "90", "--as", "staff@fz-juelich.de")
    needs = ("--data-in", "DE", "--data-in", "EU", "--sensitivity", "personal", "--certificate", "BSI C5")
    answer = CliRunner().invoke(main, ["match", *line, *needs, *day, "--save", str(file)], catch_exceptions=False)
    asked = json.loads(answer.stdout)
    assert {"serving.concurrent_requests", "serving.weights"} <= {one["key"] for one in asked.pop("filled_in")}
    assert json.loads(run(str(file), *day)) == asked
    workload = read_workload(file)
    assert isinstance(workload.task, Serving)
    assert (workload.task.users, workload.task.concurrent_requests) == (300, 30)
    assert workload.task.duration_s == 90 * 86_400
    assert workload.data == DataNeeds("personal", ("DE", "EU"), (), ("BSI C5",))


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--model", "llama-3.1-8b"),
        LINE[:4],
        (str(EXAMPLE), *LINE),
        (str(EXAMPLE), "--tokens", "1T"),
        (str(EXAMPLE), "--save", "x.toml"),
        (*LINE, "--days", "0"),
        (*LINE, "--serve"),
        (*LINE, "--users", "5"),
        ("--model", "qwen3-8b", "--serve", "--as", "sme"),
        ("--model", "qwen3-8b", "--users", "5", "--as", "sme"),
        ("--model", "qwen3-8b", "--finetune", "lora", "--as", "sme"),
        (str(EXAMPLE), "--serve"),
        (str(EXAMPLE), "--users", "0"),
        (str(EXAMPLE), "--data-in", "DE"),
    ],
)
def test_a_file_and_one_line_exclude_each_other_and_each_must_be_whole(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, ["match", *arguments]).exit_code == 2


def test_what_was_filled_in_is_said_in_german() -> None:
    assert "applicant.state: weggelassen (nicht genannt;" in run(*LINE, "--lang", "de")


def test_local_data_lie_over_the_catalogue(tmp_path: Path) -> None:
    local = tmp_path / "local" / "sites"
    local.mkdir(parents=True)
    (local / "tud.toml").write_text(
        'schema = 1\nsite = "tud"\n[sources.us]\nevidence = "primary"\nurls = ["https://example.org"]\n'
        '[[systems]]\nid = "tud-capella"\nsource = "us"\nstatus = "decommissioned"\n',
        encoding="utf-8",
    )
    answer = json.loads(run(str(EXAMPLE), "--json", "--catalogue", str(tmp_path / "local")))
    capella = [offer for offer in answer["offers"] if offer.get("system") == "tud-capella"]
    assert capella
    assert all(any(one["code"] == "system_decommissioned" for one in offer["reasons"]) for offer in capella)
    assert len(answer["offers"]) > 300


def test_every_possible_offer_ends_with_the_help_and_software_it_leads_on_to() -> None:
    shown = " ".join(run(str(EXAMPLE), *DAY).split())
    possible = shown.split("Unknown: something decisive")[0]
    assert "help: jaif-support, epicure, jsc-venv-template, ffplus · courses: jsc-dl-course" in possible
    assert "software: jsc-jupiter" in possible
    assert "software for any machine: eessi, generic" in possible
    assert "help:" not in shown.split("Unknown: something decisive")[1]
    german = " ".join(run(str(EXAMPLE), *DAY, "--lang", "de").split())
    assert "Hilfe: jaif-support, epicure" in german


def test_a_draft_is_printed_alone() -> None:
    shown = run(str(EXAMPLE), "--draft", "eurohpc-aif-fastlane", "--lang", "de")
    assert shown.startswith("# Entwurf eines Antrags: EuroHPC AI Factories - Fast Lane Access")
    assert "Möglich (" not in shown


def test_a_programme_that_is_closed_still_has_a_draft_that_says_so_first() -> None:
    shown = run(str(EXAMPLE), "--draft", "gauss-ai-competition")
    assert shown.index("takes no more applications") < shown.index("FLOP estimate")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("uk-airr-open", "listed to compare with"),
        ("kisz-general", "name one of its programmes: "),
        ("stackit-n3-28d-g2", "rented and not applied for"),
        ("nhr-norml", "did you mean 'nhr-normal'"),
    ],
)
def test_what_nobody_applies_to_is_refused_with_the_way_to_go(wanted: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        CliRunner().invoke(main, ["match", str(EXAMPLE), "--draft", wanted], catch_exceptions=False)
    assert refused.value.exit_code == 2
