"""How many layouts of a training are worked out in a second, beside llm-analysis, and how long whole searches take.

    python benchmarks/planner.py NAME [--search]

A layout counts when every part of its memory and of its step is written out into an array of results. The layouts
are the whole space of a machine, every usable number of devices included, with and without sequence parallelism; of a
search, what is slower by definition is left out. Each measurement runs in a process of its own, which prints the
layouts, the median seconds of one core (process time) and the peak of its memory in MB.
llm-analysis works out a sample of the layouts on as many devices as the machine has, with the same model as far as it
can describe it (without latent attention, shared experts and dense first layers), one after the other, as it is made
to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from drawn import peak_resident_mb
from measure import median_s, row

from stellwerk.catalog import load_catalogue
from stellwerk.planner import (
    MEMORY_PARTS,
    STEP_PARTS,
    Machine,
    machine_from_accelerator,
    nodes_of,
    packaged_constants,
    search,
    usable_device_counts,
)
from stellwerk.planner.constants import rates_of
from stellwerk.planner.grid import COLUMNS, FULLY_SHARDED, values_at
from stellwerk.planner.layouts import BLOCK_LAYOUTS, enumerate_layouts, layout_blocks
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.search import software_for
from stellwerk.planner.shape import shape_of
from stellwerk.planner.step import step_parts
from stellwerk.workload import Applicant, Architecture, Experts, LatentAttention, Limits, Training, Workload

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / "build" / "peers" / "llm-analysis"
PEER_PACKAGE = "llm-analysis==0.2.2"
PEER_LAYOUTS = 500
PROVISION_TIMEOUT_S = 300
MEMORY_LIMIT_MB = 300.0
SEARCH_LIMIT_S = 1.0
ONE_CORE = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Case(NamedTuple):
    architecture: Architecture
    sequence_length: int
    batch: int
    """Sequences."""
    accelerator: str
    """Its id in the catalogue."""
    devices: int
    network_gbit_per_s: float
    """Of a node of eight."""
    promised_layouts_per_s: float
    peer_model: dict[str, Any]
    """The same model as llm-analysis describes it."""

    @property
    def workload(self) -> Workload:
        task = Training(10**12, self.sequence_length, self.batch, "bf16")
        return Workload("case", self.architecture, task, Limits(), Applicant(kind="academia", country="DE"))

    @property
    def machine(self) -> Machine:
        machine = machine_from_accelerator(
            load_catalogue().accelerators[self.accelerator],
            modules=self.devices,
            modules_per_node=8,
            network_bytes_per_s_per_node=self.network_gbit_per_s * 1e9 / 8,
        )
        if machine is None:
            raise ValueError(f"the catalogue does not know the rates of {self.accelerator}")
        return machine


CASES = {
    # GPT-3 (arXiv:2005.14165, table 2.1) in batches of 3 million tokens.
    "dense4096": Case(
        Architecture(96, 12_288, 96, 96, 128, 49_152, 51_200, gated_mlp=False, positions=2048),
        sequence_length=2048,
        batch=1536,
        accelerator="a100-sxm-80gb",
        devices=4096,
        network_gbit_per_s=1600,
        promised_layouts_per_s=5e6,
        peer_model={"num_layers": 96, "n_head": 96, "hidden_dim": 12_288, "vocab_size": 51_200, "max_seq_len": 2048},
    ),
    # The size of Kimi K2 (arXiv:2507.20534) in batches of 67 million tokens.
    "moe16384": Case(
        Architecture(
            61, 7168, 64, 64, 128, 18_432, 163_840,
            experts=Experts(384, 8, 2048, shared_ffn_hidden=2048, dense_layers=1),
            latent_attention=LatentAttention(512, rope_head_dim=64, value_head_dim=128, query_rank=1536),
        ),
        sequence_length=4096,
        batch=16_384,
        accelerator="b200-sxm",
        devices=16_384,
        network_gbit_per_s=3200,
        promised_layouts_per_s=2e6,
        peer_model={
            "num_layers": 61, "n_head": 64, "hidden_dim": 7168, "vocab_size": 163_840, "max_seq_len": 4096,
            "ffn_embed_dim": 2048, "expansion_ratio": 1, "moe_num_experts": 384, "moe_top_k": 8,
        },
    ),
}  # fmt: skip


def planner_rows() -> list[dict[str, object]]:
    rows = []
    for name, case in CASES.items():
        layouts, seconds, peak_mb = _in_its_own_process(name)
        speed = f"planner.layouts_per_s.{name}"
        peer = llm_analysis_layouts_per_s(case)
        rows += [
            row(speed, layouts / seconds, "layouts/s", limit=case.promised_layouts_per_s, peer=peer),
            row(f"{speed}.memory", peak_mb, "MB", limit=MEMORY_LIMIT_MB),
        ]
        layouts, seconds, peak_mb = _in_its_own_process(name, "--search")
        rows += [
            row(f"planner.search.{name}", seconds, "s", limit=SEARCH_LIMIT_S),
            row(f"planner.search.{name}.layouts", layouts, "layouts"),
            row(f"planner.search.{name}.memory", peak_mb, "MB", limit=MEMORY_LIMIT_MB),
        ]
    return rows


def work_out(case: Case) -> tuple[int, float]:
    """The layouts of the case, and the median seconds to write every part of each out."""
    workload, machine = case.workload, case.machine
    counts = usable_device_counts(machine)
    blocks = list(layout_blocks(workload.architecture, workload.training, nodes_of(machine), counts))
    shape = shape_of(workload.architecture, workload.training)
    rates = rates_of(machine, software_for(workload.training), packaged_constants())
    results = np.empty((len(MEMORY_PARTS) + len(STEP_PARTS), BLOCK_LAYOUTS))

    def every_part() -> None:
        for block in blocks:
            parts = (*memory_parts(shape, rates, block).values(), *step_parts(shape, rates, block).values())
            for result, part in zip(results, parts, strict=True):
                np.copyto(result[: len(block)].reshape(block.shape), part)

    return sum(len(block) for block in blocks), median_s(every_part, time.process_time)


def search_whole(case: Case) -> tuple[int, float]:
    """The layouts whose memory a search works out, and its median seconds."""
    workload, machine = case.workload, case.machine
    evaluated = search(workload, machine).evaluated
    return evaluated, median_s(lambda: search(workload, machine), time.process_time)


def llm_analysis_layouts_per_s(case: Case) -> float | None:
    """None, with the reason, where it cannot be had."""
    try:
        if not PEER.exists():
            command = [str(ROOT / "benchmarks" / "peers" / "provision"), sys.executable, str(PEER), PEER_PACKAGE]
            subprocess.run(command, check=True, timeout=PROVISION_TIMEOUT_S, capture_output=True, text=True)
        script = ROOT / "benchmarks" / "peers" / "llm_analysis_layouts.py"
        question = {"model": case.peer_model, "gpu": "a100-sxm-80gb", "layouts": _sample(case)}
        done = subprocess.run(
            [str(PEER / "bin" / "python"), str(script)],
            check=True, capture_output=True, text=True, input=json.dumps(question), env=ONE_CORE,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        print(f"no peer: llm-analysis cannot be installed or run: {reason}", file=sys.stderr)
        return None
    layouts, seconds = done.stdout.split()[-2:]
    return int(layouts) / float(seconds)


def _sample(case: Case) -> list[list[int]]:
    """Of the layouts without what llm-analysis does not know: context parallelism, interleaving, offloading."""
    workload, machine = case.workload, case.machine
    grid = enumerate_layouts(workload.architecture, workload.training, nodes_of(machine), [machine.devices])
    known = np.flatnonzero(
        (grid.context == 1)
        & (grid.interleave == 1)
        & (grid.offload == 0)
        & (grid.sequence_parallel == 1)
        & (grid.sharding <= FULLY_SHARDED)
        & (grid.expert <= grid.data)
    )
    drawn = np.random.default_rng(1).choice(known, PEER_LAYOUTS)
    asked = ("tensor", "pipeline", "data", "expert", "micro_batch", "micro_batches", "recomputation", "sharding")
    chosen = values_at(grid, drawn)[[COLUMNS.index(name) for name in asked]]
    rows: list[list[int]] = chosen.T.astype(np.int64).tolist()
    return rows


def _in_its_own_process(*arguments: str) -> tuple[int, float, float]:
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=ONE_CORE)
    layouts, seconds, peak_mb = done.stdout.split()
    return int(layouts), float(seconds), float(peak_mb)


if __name__ == "__main__":
    measured = search_whole if "--search" in sys.argv else work_out
    print(*measured(CASES[sys.argv[1]]), peak_resident_mb())
