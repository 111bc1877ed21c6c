"""How fast generated job logs of any length are read, and what that takes in memory.

    python benchmarks/records.py [RECORDS]

prints the speed, the processor time and the peak of the process for SWF, sacct, CSV and Parquet, each read in a process
of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars
from measure import row

SEED = 1
BATCH = 500_000
START_S = 1_700_000_000
MEMORY_LIMIT_MB = 2 * 2**30 / 1e6
"""That of ten million records; shorter logs need less."""
READ = (
    "import resource, sys, time; from pathlib import Path; from stellwerk.records import read_jobs\n"
    "started, worked = time.perf_counter(), time.process_time()\n"
    "records = len(read_jobs(Path(sys.argv[1]), mapping=Path(sys.argv[2]) if sys.argv[2:] else None))\n"
    "print(records, time.perf_counter() - started, time.process_time() - worked,\n"
    "    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)\n"
)
MAPPING = """schema = 1
timezone = "UTC"
[columns]
job_id = "id"
submit = { column = "submitted", time = "iso" }
start = { column = "started", time = "iso" }
end = { column = "ended", time = "iso" }
limit = { column = "hours", unit = "h" }
requested_nodes = "nodes"
requested_accelerators = { value = 4, per = "node" }
user = "user"
state = "state"
"""


def records_rows(records: int = 1_000_000) -> list[dict[str, object]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        mapping = Path(folder) / "mapping.toml"
        mapping.write_text(MAPPING)
        for name, write, with_mapping in (
            ("swf", write_swf_log, []),
            ("sacct", write_sacct_log, []),
            ("csv", write_csv_log, [str(mapping)]),
            ("parquet", write_parquet_log, [str(mapping)]),
        ):
            path = Path(folder) / f"log.{name}"
            write(path, records)
            command = [sys.executable, "-c", READ, str(path), *with_mapping]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found, seconds, processor_s, megabytes = (float(value) for value in done.stdout.split())
            if found != records:
                raise RuntimeError(f"{name}: {found:,.0f} records read instead of {records:,}")
            size_mb = path.stat().st_size / 1e6
            path.unlink()
            rows += [
                row(f"records.{name}.{records}", records / seconds, "records/s"),
                row(f"records.{name}.{records}.bytes", size_mb / seconds, "MB/s"),
                row(f"records.{name}.{records}.processor", processor_s, "s"),
                row(f"records.{name}.{records}.memory", megabytes, "MB", limit=MEMORY_LIMIT_MB),
            ]
    return rows


def write_swf_log(path: Path, records: int) -> None:
    with path.open("wb") as file:
        file.write(b"; Version: 2.2\n; UnixStartTime: 1700000000\n; MaxProcs: 65536\n")
        for jobs in _batches(records):
            zero = polars.lit(-1)
            columns = [
                jobs["job_id"],
                jobs["submit_s"] - START_S,
                jobs["wait_s"],
                jobs["run_s"],
                jobs["cores"],
                *(zero.alias(f"unknown {place}") for place in range(2)),
                jobs["cores"].alias("requested"),
                jobs["limit_s"],
                zero.alias("memory"),
                polars.lit(1).alias("status"),
                jobs["user"],
                (jobs["user"] % 90).alias("group"),
                *(zero.alias(f"unknown {place}") for place in range(2, 7)),
            ]
            polars.select(columns).write_csv(file, include_header=False, separator=" ")


def write_sacct_log(path: Path, records: int) -> None:
    """One record a job, as ``sacct --allocations`` prints it, with GPUs in two spellings."""
    with path.open("wb") as file:
        for place, jobs in enumerate(_batches(records)):
            cores, gpus, nodes = (jobs[name].cast(polars.String) for name in ("cores", "gpus", "nodes"))
            start_s = jobs["submit_s"] + jobs["wait_s"]
            submit, start, end = (_clock(time_s) for time_s in (jobs["submit_s"], start_s, start_s + jobs["run_s"]))
            memory = (jobs["nodes"] * 256).cast(polars.String) + "G"
            asked = "billing=" + cores + ",cpu=" + cores + ",gres/gpu=" + gpus + ",mem=" + memory + ",node=" + nodes
            columns = {
                "JobID": jobs["job_id"],
                "JobIDRaw": jobs["job_id"],
                "User": "user" + jobs["user"].cast(polars.String),
                "Account": "account" + (jobs["user"] % 90).cast(polars.String),
                "Partition": polars.lit("gpu"),
                "QOS": polars.lit("normal"),
                "State": jobs["state"],
                "Submit": submit,
                "Eligible": submit,
                "Start": start,
                "End": end,
                "Elapsed": _duration(jobs["run_s"]),
                "Timelimit": _duration(jobs["limit_s"]),
                "NNodes": nodes,
                "NCPUS": cores,
                "ReqCPUS": cores,
                "ReqMem": memory,
                "ReqTRES": asked,
                "AllocTRES": asked + ",gres/gpu:a100=" + gpus,
                "NodeList": "node[" + nodes + "-" + cores + "]",
                "JobName": "train_" + (jobs["job_id"] % 1000).cast(polars.String),
            }
            table = polars.select(**columns)
            table.write_csv(file, include_header=place == 0, separator="|", quote_style="never")


def write_csv_log(path: Path, records: int) -> None:
    with path.open("wb") as file:
        for place, jobs in enumerate(_batches(records)):
            _site_table(jobs).write_csv(file, include_header=place == 0)


def write_parquet_log(path: Path, records: int) -> None:
    polars.concat(_site_table(jobs) for jobs in _batches(records)).write_parquet(path)


def _site_table(jobs: polars.DataFrame) -> polars.DataFrame:
    """Jobs as a centre may keep them, after ``MAPPING``."""
    start_s = jobs["submit_s"] + jobs["wait_s"]
    return polars.DataFrame(
        {
            "id": jobs["job_id"],
            "user": "user" + jobs["user"].cast(polars.String),
            "submitted": _clock(jobs["submit_s"]),
            "started": _clock(start_s),
            "ended": _clock(start_s + jobs["run_s"]),
            "hours": jobs["limit_s"] / 3600,
            "nodes": jobs["nodes"],
            "state": jobs["state"],
        }
    )


def _batches(records: int) -> Iterator[polars.DataFrame]:
    random = np.random.default_rng(SEED)
    submit_s = START_S
    for first in range(1, records + 1, BATCH):
        rows = min(BATCH, records + 1 - first)
        submitted_s = submit_s + np.cumsum(random.integers(0, 20, rows))
        submit_s = int(submitted_s[-1])
        nodes = 2 ** random.integers(0, 5, rows)
        states = np.array(["COMPLETED", "FAILED", "TIMEOUT", "CANCELLED by 1234"])
        yield polars.DataFrame(
            {
                "job_id": np.arange(first, first + rows),
                "submit_s": submitted_s,
                "wait_s": random.integers(0, 90_000, rows),
                "run_s": random.integers(1, 172_800, rows),
                "limit_s": random.integers(1, 7 * 24 * 4, rows) * 900,
                "nodes": nodes,
                "cores": nodes * 32,
                "gpus": nodes * 4,
                "user": random.integers(0, 800, rows),
                "state": states[random.choice(4, rows, p=[0.7, 0.1, 0.1, 0.1])],
            }
        )


def _clock(time_s: polars.Series) -> polars.Series:
    return polars.from_epoch(time_s, "s").dt.strftime("%Y-%m-%dT%H:%M:%S")


def _duration(seconds: polars.Series) -> polars.Series:
    """``[days-]hours:minutes:seconds``, as Slurm writes it."""
    days = seconds // 86_400
    clock = polars.from_epoch(seconds % 86_400, "s").dt.strftime("%H:%M:%S")
    return (days.cast(polars.String) + "-" + clock).zip_with(days > 0, clock)


if __name__ == "__main__":
    for one in records_rows(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(f"{one['name']:40} {one['value']:12,.0f} {one['unit']}")
