"""The planner as it is packaged, as a predictor of published runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from stellwerk.catalog import Accelerator
from stellwerk.planner.evaluation.described import DescribedRun, describe
from stellwerk.planner.evaluation.model import Prediction, Predictor, Unscored
from stellwerk.planner.machines import machine_from_accelerator
from stellwerk.planner.model import Machine
from stellwerk.planner.search import plan_layout
from stellwerk.records import TrainingRun
from stellwerk.units import Interval
from stellwerk.workload import Applicant, Limits, Training, Workload
from stellwerk.workload.model import Precision

NODE_ASSUMED = 8
NETWORK_ASSUMED_BYTES_PER_S = {"V100": 12.5e9, "A100": 25e9, "A800": 25e9}
"""Per accelerator and direction, by its family: the port that servers of that generation commonly have for each; no
row of the table states it."""
NETWORK_ASSUMED_OTHERS_BYTES_PER_S = 50e9
MEMORY_SPREAD = Interval(0.85, 1.0, 1.15)
"""A judgement until memory has been fitted."""


def packaged_predictor(accelerators: Mapping[str, Accelerator]) -> Predictor:
    """Predicts with the constants of this version; ``accelerators`` are the catalogue's, by id."""

    def predict(run: TrainingRun) -> Prediction | Unscored:
        described = describe(run, accelerators)
        return described if isinstance(described, Unscored) else _predict(described)

    return predict


def _predict(described: DescribedRun) -> Prediction | Unscored:
    run, layout, accelerator = described.run, described.layout, described.accelerator
    precision = run.precision or ("bf16" if accelerator.bf16_flops.known else "fp16")
    if precision not in get_args(Precision):
        return Unscored("precision_not_modelled")
    if accelerator.devices > 1:
        return Unscored("layout_in_modules")
    if layout.context > 1:
        return Unscored("layout_not_modelled")
    machine = _machine(described)
    if machine is None:
        return Unscored("accelerator_rates_unknown")
    training = Training(
        tokens=described.tokens_per_step,
        sequence_length=run.seq_len or 0,
        global_batch_sequences=run.global_batch_sequences or 0,
        precision=cast(Precision, precision),
        method=described.method,
    )
    workload = Workload(run.id, described.architecture, training, Limits(), Applicant(kind="academia", country="DE"))
    try:
        plan = plan_layout(workload, machine, layout)
    except (ValueError, OverflowError):
        return Unscored("layout_not_modelled")
    assumed = described.assumed if run.precision else (*described.assumed, f"precision {precision}")
    if layout.devices > machine.devices_per_node:
        assumed = (*assumed, "the usual network of its generation")
    return Prediction(plan.step_time_s, MEMORY_SPREAD * plan.memory_bytes, assumed)


def _machine(described: DescribedRun) -> Machine | None:
    """As many nodes of the run's accelerator as it took."""
    per_node = described.run.gpus_per_node or NODE_ASSUMED
    network = NETWORK_ASSUMED_BYTES_PER_S.get(described.accelerator.family, NETWORK_ASSUMED_OTHERS_BYTES_PER_S)
    return machine_from_accelerator(
        described.accelerator,
        modules=max(per_node, described.devices),
        modules_per_node=per_node,
        network_bytes_per_s_per_node=per_node * network,
    )
