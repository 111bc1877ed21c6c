from __future__ import annotations

import json
from pathlib import Path

import pytest

from stellwerk.launch import Job
from stellwerk.launch.energy import meter_for, read_energy
from tests.launch.energy.fake_nvml import FakeNvml
from tests.launch.energy.test_meter import zone


def run_of(tmp_path: Path, device: str | None, plan: object = None) -> Job:
    if device is not None:
        (tmp_path / "job.json").write_text(json.dumps({"device": device}))
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    zone(tmp_path / "powercap", "intel-rapl:0", "package-0", 0)
    return Job(("train.py",), 1, tmp_path / "run.log", {"CUDA_VISIBLE_DEVICES": "1"})


@pytest.mark.parametrize(
    ("device", "gpus", "source", "devices"),
    [
        ("cpu", 2, "rapl", ["intel-rapl:0"]),
        ("cuda", 2, "nvml", ["GPU-1"]),
        (None, 2, "nvml", ["GPU-1"]),
        ("cuda", 0, None, []),
    ],
)
def test_a_run_is_metered_where_it_computes(
    tmp_path: Path, device: str | None, gpus: int, source: str | None, devices: list[str]
) -> None:
    job = run_of(tmp_path, device)
    nvml = FakeNvml(gpus=gpus)
    meter = meter_for(tmp_path, job, environment={}, nvml=nvml, powercap=tmp_path / "powercap")
    meter.start()
    assert meter.energy().source == source
    (sample,) = read_energy(tmp_path / "energy.jsonl")
    assert [one.device for one in sample.devices] == devices


def test_without_gpus_a_program_of_one_s_own_is_metered_at_the_processor(tmp_path: Path) -> None:
    job = run_of(tmp_path, None)
    nvml = FakeNvml(driver=False)
    meter = meter_for(tmp_path, job, environment={}, nvml=nvml, powercap=tmp_path / "powercap")
    meter.start()
    assert meter.energy().source == "rapl"


def test_the_power_of_the_plan_is_the_last_resort(tmp_path: Path) -> None:
    plan = {"energy_j": {"best": 7.2e6}, "device_hours": {"best": 4.0}}
    job = run_of(tmp_path, "cuda", plan)
    meter = meter_for(tmp_path, job, environment={}, nvml=FakeNvml(gpus=0))
    meter.start()
    meter.stop()
    *_, last = read_energy(tmp_path / "energy.jsonl")
    assert (last.source, [one.power_w for one in last.devices]) == ("estimate", [500.0])
