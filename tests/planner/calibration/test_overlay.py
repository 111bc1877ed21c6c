from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from stellwerk.catalog import Accelerator
from stellwerk.errors import InputError
from stellwerk.planner import Machine, MachineCalibration, packaged_constants
from stellwerk.planner.calibration import Overlay, calibrate_system, factor_priors, machine_calibration
from stellwerk.planner.estimate import step_time_spread
from stellwerk.planner.evaluation import DescribedRun, describe
from stellwerk.planner.search import plan_layout
from stellwerk.records import TrainingRun
from stellwerk.workload import Applicant, Limits, Workload
from tests.planner.evaluation.published import run

DAY = datetime.date(2026, 11, 28)
SHAPES: Sequence[Mapping[str, Any]] = (
    {"tp": 1, "pp": 1, "dp": 16, "global_batch_sequences": 64},
    {"tp": 8, "pp": 1, "dp": 2, "micro_batch": 4},
    {"tp": 4, "pp": 4, "dp": 1},
    {"tp": 1, "pp": 1, "dp": 16, "micro_batch": 2, "zero_or_fsdp_stage": 3, "global_batch_sequences": 32},
    {"seq_len": 16384, "global_batch_sequences": 16},
    {"hidden": 8192, "heads": 64, "kv_heads": 64, "ffn_hidden": 32768, "tp": 8, "pp": 2, "dp": 1},
)
Known = Mapping[str, Accelerator]


def predicted(one: TrainingRun, machine: Machine, accelerators: Known, calibration: MachineCalibration | None) -> float:
    described = describe(one, accelerators)
    assert isinstance(described, DescribedRun)
    workload = Workload(
        name="a",
        architecture=described.architecture,
        task=described.training,
        limits=Limits(),
        applicant=Applicant(kind="startup", country="DE"),
    )
    on = replace(machine, calibration=calibration)
    return plan_layout(workload, on, described.layout, software=described.software).step_time_s.best


def runs_with(
    machine: Machine, accelerators: Known, shapes: Sequence[Mapping[str, Any]] = SHAPES, **factors: float
) -> list[TrainingRun]:
    """Runs that took exactly what is predicted with these factors on constants of the machine."""
    calibration = MachineCalibration("megatron_core", tuple(factors.items()), (), runs=0, narrows=False)
    runs = [run(id=f"r{number}", **shape) for number, shape in enumerate(shapes)]
    return [replace(one, step_time_s=predicted(one, machine, accelerators, calibration)) for one in runs]


def overlay_of(runs: Sequence[TrainingRun], machine: Machine, accelerators: Known) -> Overlay:
    return calibrate_system(
        runs,
        system="here",
        machine=machine,
        accelerators=accelerators,
        constants=packaged_constants(),
        made=DAY,
    )[0]


@pytest.mark.parametrize("factor", [0.8, 1.15])
def test_a_pace_that_the_runs_have_is_found(factor: float, machine: Machine, accelerators: Known) -> None:
    runs = runs_with(machine, accelerators, matmul=factor, attention=factor, memory=factor)
    pace = overlay_of(runs, machine, accelerators).factors["pace"]
    assert pace.identified
    assert abs(math.log(pace.value / factor)) < min(2 * pace.sd, 0.06)


def test_a_network_that_the_runs_have_is_found(machine: Machine, accelerators: Known) -> None:
    crossing = [{"tp": 1, "pp": 1, "dp": 16, "global_batch_sequences": 16 * n, "seq_len": 512} for n in (1, 2, 3)]
    runs = runs_with(machine, accelerators, crossing, network=0.25)
    network = overlay_of(runs, machine, accelerators).factors["network"]
    assert network.identified
    assert abs(math.log(network.value / 0.25)) < 2 * network.sd


def test_runs_as_predicted_change_nothing(machine: Machine, accelerators: Known) -> None:
    overlay = overlay_of(runs_with(machine, accelerators), machine, accelerators)
    assert all(factor.value == pytest.approx(1.0, abs=1e-3) for factor in overlay.factors.values())
    assert all(one.before_s == pytest.approx(one.measured_s, rel=1e-9) for one in overlay.runs)


def test_what_the_runs_do_not_contain_keeps_its_value(machine: Machine, accelerators: Known) -> None:
    """One device talks to nobody."""
    alone = {"n_gpus": 1, "tp": 1, "pp": 1, "dp": 1, "global_batch_sequences": 4, "layers": 8}
    runs = runs_with(machine, accelerators, [alone], matmul=0.8, attention=0.8, memory=0.8)
    factors = overlay_of(runs, machine, accelerators).factors
    sds = {prior.name: prior.sd for prior in factor_priors()}
    for name in ("link", "network", "exposed"):
        assert not factors[name].identified
        assert (factors[name].value, factors[name].sd) == (1.0, pytest.approx(sds[name]))
    assert factors["pace"].identified


def test_the_order_of_the_rows_does_not_matter(machine: Machine, accelerators: Known) -> None:
    runs = runs_with(machine, accelerators, matmul=0.9, network=0.5)
    one, other = (overlay_of(rows, machine, accelerators) for rows in (runs, runs[::-1]))
    assert [run.id for run in one.runs] == [run.id for run in other.runs] == sorted(run.id for run in runs)
    for name, factor in one.factors.items():
        assert other.factors[name].value == pytest.approx(factor.value, rel=1e-6)
        assert other.factors[name].identified == factor.identified


def test_a_run_comes_closer_to_its_measurement(machine: Machine, accelerators: Known) -> None:
    measured = [replace(one, step_time_s=1.2 * (one.step_time_s or 0)) for one in runs_with(machine, accelerators)[:1]]
    (found,) = overlay_of(measured, machine, accelerators).runs
    assert found.before_s < found.after_s <= found.measured_s


def test_runs_that_cannot_be_used_are_named_with_the_reason(machine: Machine, accelerators: Known) -> None:
    runs = [
        run(id="good"),
        run(id="elsewhere", gpu="H100-SXM-80GB"),
        run(id="processors", gpu="AMD EPYC 9654"),
        run(id="rumour", provenance="unverified"),
        run(id="memory", step_time_s=None, peak_memory_gb=40.0),
    ]
    overlay, unscored = calibrate_system(
        runs, system="here", machine=machine, accelerators=accelerators, constants=packaged_constants(), made=DAY
    )
    assert [one.id for one in overlay.runs] == ["good"]
    assert unscored == {
        "other_accelerator": ("elsewhere",),
        "unknown_accelerator": ("processors",),
        "unverified": ("rumour",),
        "no_measurement": ("memory",),
    }


def test_without_a_usable_run_the_reasons_are_said(machine: Machine, accelerators: Known) -> None:
    with pytest.raises(InputError, match="holds no run that can be used"):
        overlay_of([run(gpu="H100-SXM-80GB")], machine, accelerators)


def test_several_kinds_of_software_are_refused(machine: Machine, accelerators: Known) -> None:
    runs = [run(id="a"), run(id="b", framework="torchtitan")]
    with pytest.raises(InputError, match="megatron_core 1, torch_native 1"):
        overlay_of(runs, machine, accelerators)


def test_factors_of_software_hold_for_that_software_only() -> None:
    calibration = MachineCalibration("megatron_core", (("matmul", 0.9),), (("layer_launch", 2.0),), 1, narrows=True)
    assert calibration.factor("matmul", "torch_native") == 0.9
    assert calibration.factor("layer_launch", "megatron_core") == 2.0
    assert calibration.factor("layer_launch", "torch_native") == 1.0
    assert calibration.factor("network", "megatron_core") == 1.0


def test_only_a_calibration_of_these_constants_narrows_the_interval(machine: Machine, accelerators: Known) -> None:
    spreads = {"base": 0.2, "accelerator": 0.3, "experts": 0.1, "adapters": 0.1, "calibrated": 0.15}
    constants = replace(packaged_constants(), spreads=spreads)
    overlay = overlay_of(runs_with(machine, accelerators, matmul=0.8, memory=0.8), machine, accelerators)
    described = describe(run(), accelerators)
    assert isinstance(described, DescribedRun)

    def width(one: Overlay | None, accelerator: str = machine.accelerator) -> float:
        calibration = None if one is None else machine_calibration(one, constants)
        on = replace(machine, calibration=calibration, accelerator=accelerator)
        return step_time_spread(described.architecture, described.training, on, constants).high

    assert width(overlay) == pytest.approx(math.exp(1.2816 * 0.15))
    assert width(overlay, accelerator="new") == pytest.approx(math.exp(1.2816 * 0.15))
    assert width(None) == pytest.approx(math.exp(1.2816 * 0.2))
    assert width(replace(overlay, constants_sha256="0" * 64)) == width(None)
    assert width(replace(overlay, software="torch_native")) == width(None)
    unidentified = {name: replace(factor, identified=False) for name, factor in overlay.factors.items()}
    assert width(replace(overlay, factors=unidentified)) == width(None)
