"""The ``stellwerk`` command: finds the verb, imports only that, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import sys

import click

from stellwerk import __version__
from stellwerk.errors import StellwerkError

VERBS = {
    "catalog": ("stellwerk.cli.catalog", "what exists: list, show, check and sum up the catalogue"),
    "workload": ("stellwerk.cli.workload", "what is wanted: check a workload file and show what follows from it"),
    "migrate": ("stellwerk.cli.migrate", "bring workload files to the current version, comments kept"),
    "init": ("stellwerk.cli.init", "answer a few questions and get a workload file"),
    "plan": ("stellwerk.cli.plan", "memory, time, layout and energy of a workload on one accelerator"),
    "evaluate": ("stellwerk.cli.evaluate", "hold the planner against a table of measured runs"),
    "calibrate": ("stellwerk.cli.calibrate", "refine the planner for one system from one to a few measured runs"),
    "explain": ("stellwerk.cli.explain", "where the time of a training step goes, and why this layout won"),
    "match": ("stellwerk.cli.match", "where a workload can run, ranked, with reasons"),
    "needs": ("stellwerk.cli.needs", "sum up the needs that match --register-need wrote down"),
    "classes": ("stellwerk.cli.classes", "which class of access fits: NHR test or normal, playground or fast lane"),
    "data": ("stellwerk.cli.data", "make token shards of text for a training, show and check them"),
    "run": ("stellwerk.cli.run", "plan a training, start it, follow it, compare plan and measurement"),
    "runs": ("stellwerk.cli.runs", "what runs and ran here: list, show, cancel, resume, logs"),
    "export": ("stellwerk.cli.export", "write what a run has learned as a model that transformers loads"),
    "doctor": ("stellwerk.cli.doctor", "why a run is slow or ended early, and what to try next"),
    "jobs": ("stellwerk.cli.jobs", "report on a job log, or make it safe to share"),
    "simulate": ("stellwerk.cli.simulate", "replay a job log under a scheduling policy"),
    "waits": ("stellwerk.cli.waits", "write the waits of a log, replayed or recorded, as the table that match reads"),
    "whitepaper": ("stellwerk.cli.whitepaper", "build an edition of the living report"),
    "feedback": ("stellwerk.cli.feedback", "comments on the figures of an edition"),
}


class _VerbGroup(click.Group):
    """Imports a verb's module when it is called, so that ``--help`` and every other verb start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])


@click.group(cls=_VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="stellwerk")
def main() -> None:
    """Plan large-model training, find where it can run, and report on the compute infrastructure."""


def run() -> None:
    """Entry point: a person's mistake ends with one clear message and exit code 2, never with a traceback."""
    try:
        main()
    except StellwerkError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(141)
