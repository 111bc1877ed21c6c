"""``stellwerk doctor``: why a run is slow or ended early."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.padding import Padding
from rich.text import Text

from stellwerk.cli.output import console, print_json
from stellwerk.launch.doctor import Diagnosis, Finding, RunEvidence, diagnose, diagnosis_as_dict, read_evidence
from stellwerk.launch.energy import energy_use
from stellwerk.launch.runs import RunStore, runs_folder
from stellwerk.messages import LANGUAGES, Language, render, text


@click.command(name="doctor")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print the diagnosis as JSON.")
@click.option("--lang", "language", type=click.Choice(LANGUAGES), default="en", show_default=True)
def command(run: str, as_json: bool, language: Language) -> None:
    """Compare RUN with its plan: what takes its time, and what to try next.

    RUN is an id, the beginning of one, or a folder; it may still be going on. docs/doctor.md lists the causes.
    """
    path = Path(run)
    if not path.is_dir():
        path = RunStore(runs_folder(os.environ)).find(run).path
    evidence = read_evidence(path)
    diagnosis = diagnose(evidence)
    if as_json:
        print_json(diagnosis_as_dict(evidence, diagnosis))
        return
    _print_run(path, evidence, language)
    _print_diagnosis(diagnosis, language)


def _print_run(run: Path, evidence: RunEvidence, language: Language) -> None:
    steps = evidence.steps
    if evidence.state is None:
        heading = text("doctor.heading_unknown_state", language, name=str(run), steps=steps.count)
    else:
        state = text(f"run_state.{evidence.state}", language)
        heading = text(
            "doctor.heading", language, name=str(run), state=state, steps=steps.count, attempts=evidence.attempts
        )
    console.print(heading, style="bold", markup=False)
    if evidence.reason is not None:
        console.print(render(evidence.reason, language), markup=False)
    if evidence.failure:
        console.print(text("doctor.failure", language, text=evidence.failure), markup=False)
    if steps.typical_s is not None:
        console.print(_step_line(evidence, steps.typical_s, language))
    if evidence.energy:
        console.print(_energy_line(evidence, language), markup=False)


def _step_line(evidence: RunEvidence, typical_s: float, language: Language) -> str:
    if evidence.expected is None:
        return text("doctor.step", language, measured=typical_s * 1e3)
    planned = evidence.expected.step_time_s * 1e3
    return text(
        "doctor.step_planned",
        language,
        measured=typical_s * 1e3,
        best=planned.best,
        low=planned.low,
        high=planned.high,
    )


def _energy_line(evidence: RunEvidence, language: Language) -> str:
    use = energy_use(evidence.energy)
    if use.energy_j is None:
        why = "" if use.reason is None else f" {render(use.reason, language)}"
        return text("doctor.energy_unknown", language) + why
    source = text(f"energy_source.{use.source}", language)
    return text("doctor.energy", language, energy_kj=use.energy_j / 1e3, seconds=use.covered_s, source=source)


def _print_diagnosis(diagnosis: Diagnosis, language: Language) -> None:
    for number, finding in enumerate(diagnosis.findings, start=1):
        console.print()
        console.print(f"{number}. {_share(finding, language)}", style="bold")
        _indented(render(finding.cause, language))
        _indented(f"→ {render(finding.advice, language)}")
    console.print()
    if diagnosis.findings:
        console.print(text("doctor.how_to_read", language))
    else:
        console.print(text("doctor.nothing", language), style="bold")
    if diagnosis.missing:
        console.print()
        console.print(text("doctor.missing", language))
        for reason in diagnosis.missing:
            _indented(f"– {render(reason, language)}")


def _share(finding: Finding, language: Language) -> str:
    if finding.share is None:
        return text("doctor.share_unknown", language)
    if finding.share == 0:
        return text("doctor.share_none", language)
    if finding.share < 0.01:
        return text("doctor.share_small", language)
    return text("doctor.share", language, percent=round(finding.share * 100))


def _indented(line: str) -> None:
    """As it is: square brackets in it are no markup."""
    console.print(Padding(Text(line), (0, 0, 0, 3)))
