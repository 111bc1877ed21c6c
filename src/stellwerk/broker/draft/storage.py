"""What a draft says about storage: checkpoints, the data, and all of it together."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.broker.draft.parts import TB, DraftGround, Note, Open, Part, Values, count, figures, size
from stellwerk.broker.places import storage_quota_bytes
from stellwerk.messages import Reason
from stellwerk.planner import ServingPlan, optimizer_bytes
from stellwerk.workload import Serving, Training, Workload, adapter_parameters, count_parameters

WEIGHT_BYTES = 2
"""Per trained parameter, in 16 bits; its fp32 copy and the rest are the optimizer's (docs/formulas/memory.md)."""
ADAPTER_CHECKPOINT_BYTES = 12
"""Adapters have no 16-bit copy (docs/formulas/fine-tuning.md)."""
FROZEN_BYTES = 2
"""Per parameter of the model that a fine-tuning starts from, as it is published."""
TOKEN_BYTES = 4
"""Of a token's number in the prepared text: enough for every vocabulary."""
CHECKPOINTS_KEPT = 3
"""An assumption, stated in the draft: the last two, and the one that is being written."""


def storage(ground: DraftGround) -> Iterator[Part]:
    workload, task = ground.workload, ground.workload.task
    if isinstance(task, Serving):
        yield from _of_a_service(ground)
    else:
        yield from _of_a_training(workload, task)
    yield from _quota(ground)


def trained_parameters(workload: Workload, task: Training) -> int:
    """How many parameters get a gradient: all of them, or the adapters."""
    if task.trains_adapters:
        return adapter_parameters(workload.architecture, task.lora_rank)
    return count_parameters(workload.architecture).total


def _of_a_training(workload: Workload, task: Training) -> Iterator[Part]:
    trained = trained_parameters(workload, task)
    states = optimizer_bytes(task.optimizer)
    bytes_each = ADAPTER_CHECKPOINT_BYTES if task.trains_adapters else WEIGHT_BYTES + states
    checkpoint = float(bytes_each * trained)
    said: Values = {"size": size(checkpoint), "bytes": bytes_each, "parameters": count(trained)}
    if task.trains_adapters:
        yield Reason("draft_checkpoint_adapters", said)
    else:
        yield Reason("draft_checkpoint", said | {"states": states, "optimizer": task.optimizer})
    together = CHECKPOINTS_KEPT * checkpoint
    yield Reason("draft_checkpoints_kept", {"kept": CHECKPOINTS_KEPT, "size": size(together)})
    if task.method != "pretraining":
        frozen = float(FROZEN_BYTES * count_parameters(workload.architecture).total)
        yield Reason("draft_model_to_start_from", {"size": size(frozen)})
        together += frozen
    stated = workload.data.storage_bytes
    if stated is None:
        prepared = float(TOKEN_BYTES * task.tokens)
        said = {"size": size(prepared), "bytes": TOKEN_BYTES, "tokens": count(task.tokens)}
        yield Reason("draft_prepared_text", said)
        yield Reason("draft_storage_together", {"size": size(together + prepared)})
        yield Open(Reason("draft_open_raw_data"))
    else:
        yield Reason("draft_storage_stated", {"size": size(stated)})
        if stated < together:
            yield Note(Reason("draft_storage_stated_too_small", {"size": size(together)}))


def _of_a_service(ground: DraftGround) -> Iterator[Part]:
    stated, plan = ground.workload.data.storage_bytes, ground.plan
    if isinstance(plan, ServingPlan):
        weights = plan.memory_parts_bytes["weights"] * plan.tensor
        yield Reason("draft_weights_to_serve", {"size": size(weights)})
    if stated is not None:
        yield Reason("draft_storage_stated", {"size": size(stated)})
    yield Open(Reason("draft_open_requests_kept"))


def _quota(ground: DraftGround) -> Iterator[Part]:
    quota = storage_quota_bytes(ground.programme, ground.system)
    if quota is not None:
        yield Note(Reason("draft_storage_quota", {"tb": figures(quota / TB)}))
