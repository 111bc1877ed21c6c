"""Writes the reports that the golden tests compare with: ``python -m tests.cli.jobs_golden`` from the repository."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from stellwerk import __version__
from stellwerk.cli.jobs import command
from stellwerk.cli.output import console

FOLDER = Path(__file__).with_name("golden")
LOG = Path(__file__).parents[1] / "data/sacct/gpu-week.sacct"
SIZE = ("--timezone", "Europe/Berlin", "--accelerators", "24")
REPORTS = {
    "gpu-week-en.txt": (80, SIZE),
    "gpu-week-de.txt": (120, (*SIZE, "--lang", "de", "--by", "user")),
    "gpu-week.json": (80, (*SIZE, "--json")),
    "gpu-week-march.json": (
        80,
        ("--timezone", "Europe/Berlin", "--to", "2024-03-31", "--count", "processor", "--json"),
    ),
}
"""For each file the width of the terminal and the options."""


def golden_report(name: str) -> str:
    """What the command prints, without the version and without blanks at the ends of lines."""
    width, options = REPORTS[name]
    usual = console.width
    console.width = width
    try:
        printed = CliRunner().invoke(command, ["report", str(LOG), *options], catch_exceptions=False).stdout
    finally:
        console.width = usual
    lines = printed.replace(f'"version": "{__version__}"', '"version": "…"').splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


if __name__ == "__main__":
    for name in REPORTS:
        (FOLDER / name).write_text(golden_report(name), encoding="utf-8")
