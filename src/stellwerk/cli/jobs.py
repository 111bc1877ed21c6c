"""``stellwerk jobs``: what a job log says about its cluster, and how to share it."""

from __future__ import annotations

import click

from stellwerk.cli.jobs_anonymise import anonymise_command
from stellwerk.cli.jobs_report import report_command


@click.group(name="jobs")
def command() -> None:
    """Job logs: report on the use of a cluster, and make a log safe to share."""


command.add_command(report_command)
command.add_command(anonymise_command)
