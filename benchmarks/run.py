"""Measure what Stellwerk promises about speed and size; print a table and write bench.json.

Each line: name, value, unit, the promised limit (if any) and the peer's value where one ran in the same call.
Times are the median of seven after one warm-up, on the machine named at the top.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from data import data_rows
from measure import ROUNDS, median_s, row
from planner import planner_rows
from records import records_rows
from run_store import runs_rows
from simulation import simulation_rows
from simulation_nodes import node_rows

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "german-7b.toml"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Of commands: an installed package is compiled once, not at each start."""


def main() -> None:
    results = [
        import_time(),
        core_packages(),
        match_in_process(),
        match_as_command(),
        *match_generated(),
        catalogue_check(),
        edition_build(),
        *planner_rows(),
        *records_rows(),
        *simulation_rows(),
        *node_rows(),
        *data_rows(),
        training_overhead(),
        *runs_rows(),
    ]
    report = {
        "schema": 1,
        "machine": f"{platform.machine()}, {_processor()}, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "results": results,
    }
    (ROOT / "bench.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(report["machine"])
    print(f"{'name':34} {'value':>12} {'unit':10} {'limit':>8} {'peer':>12}")
    for one in results:
        peer = f"{one['peer']:.4g}" if one["peer"] is not None else "–"
        limit = f"{one['limit']:.4g}" if one["limit"] is not None else "–"
        print(f"{one['name']:34} {one['value']:12.4g} {one['unit']:10} {limit:>8} {peer:>12}")


def import_time() -> dict[str, object]:
    """`import stellwerk` in a fresh interpreter, less the interpreter's own start."""
    bare = median_s(lambda: subprocess.run([sys.executable, "-c", ""], check=True, env=ENVIRONMENT))
    loaded = median_s(lambda: subprocess.run([sys.executable, "-c", "import stellwerk"], check=True, env=ENVIRONMENT))
    return row("import.stellwerk", loaded - bare, "s", limit=0.15)


def training_overhead() -> dict[str, object]:
    """Share of a step that the reference program adds to the model's own, two processes."""
    script = str(ROOT / "benchmarks" / "training_overhead.py")
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2")
    environment = {**ENVIRONMENT, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *torchrun, script], check=True, capture_output=True, env=environment)
    share = json.loads(done.stdout.splitlines()[-1])["overhead_share"]
    return row("training.overhead_share", share, "", limit=0.01)


def core_packages() -> dict[str, object]:
    """Packages that an installation without extras brings, Stellwerk included."""
    wanted, seen = ["stellwerk"], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        always = [one for one in importlib.metadata.requires(name) or [] if ";" not in one]  # no extra, no marker
        wanted += [re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower() for requirement in always]
    return row("core.packages", len(seen), "packages", limit=15)


def match_in_process() -> dict[str, object]:
    from stellwerk.broker import match
    from stellwerk.catalog import load_catalogue
    from stellwerk.workload import read_workload

    catalogue, workload = load_catalogue(), read_workload(EXAMPLE)
    day = workload.as_of or datetime.date(2026, 11, 23)
    return row("match.in_process", median_s(lambda: match(workload, catalogue, day)), "s", limit=0.5)


def match_as_command() -> dict[str, object]:
    command = [str(Path(sys.executable).parent / "stellwerk"), "match", str(EXAMPLE), "--json"]
    seconds = median_s(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT))
    return row("match.command", seconds, "s", limit=1.0)


def match_generated() -> list[dict[str, object]]:
    """Ten thousand generated offers matched in the process, and the memory of a process that does nothing else."""
    script = (
        "import sys, time; sys.path.insert(0, 'benchmarks')\n"
        "from drawn import peak_resident_mb\n"
        "from generated import generated_catalogue\n"
        "from stellwerk.broker import match\n"
        "from stellwerk.catalog import load_catalogue\n"
        "from stellwerk.workload import read_workload\n"
        f"workload = read_workload({str(EXAMPLE)!r})\n"
        "catalogue = generated_catalogue(load_catalogue(), 10_000)\n"
        "started = time.perf_counter()\n"
        "assert len(match(workload, catalogue, workload.as_of).offers) == 10_000\n"
        "print(time.perf_counter() - started, peak_resident_mb())\n"
    )
    found = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT, env=ENVIRONMENT
        )
        found.append([float(value) for value in done.stdout.split()])
    seconds, megabytes = (statistics.median(values) for values in zip(*found, strict=True))
    return [
        row("match.10000_offers", seconds, "s", limit=3.0),
        row("match.10000_offers.memory", megabytes, "MB", limit=400.0),
    ]


def catalogue_check() -> dict[str, object]:
    """`stellwerk catalog check` over all packaged files, as a command."""
    files = ROOT / "src" / "stellwerk" / "catalog" / "data"
    command = [str(Path(sys.executable).parent / "stellwerk"), "catalog", "check", str(files)]
    seconds = median_s(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT))
    return row("catalog.check.command", seconds, "s", limit=1.0)


def edition_build() -> dict[str, object]:
    """Composing and writing the whole edition in both languages."""
    from stellwerk.catalog import load_catalogue
    from stellwerk.whitepaper import compose_edition, write_edition

    catalogue, day = load_catalogue(), datetime.date(2026, 11, 23)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "edition"
        seconds = median_s(lambda: write_edition(compose_edition(catalogue, as_of=day, version="1"), out))
    return row("whitepaper.build", seconds, "s", limit=2.0)


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "unknown processor"


if __name__ == "__main__":
    main()
