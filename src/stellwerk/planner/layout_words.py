"""A layout in words, and in the abbreviations of the field."""

from __future__ import annotations

from collections.abc import Mapping

from stellwerk.planner.model import Layout, Sharding

SHARDINGS_IN_SHORT: Mapping[Sharding, str] = {
    "optimizer": "ZeRO-1",
    "gradients": "ZeRO-2",
    "full": "FSDP",
    "hybrid": "HSDP",
}


def layout_in_words(layout: Layout) -> str:
    """``tensor 2 x pipeline 4 x data 8, sharding full, micro-batch 1 x 64, recomputation none``; of what larger models
    need besides, only what is in use is named."""
    degrees = {"tensor": layout.tensor, "pipeline": layout.pipeline, "data": layout.data}
    if layout.context > 1:
        degrees["context"] = layout.context
    said = [" x ".join(f"{name} {size}" for name, size in degrees.items())]
    said += [f"expert {layout.expert}"] if layout.expert > 1 else []
    said += [f"interleave {layout.interleave}"] if layout.interleave > 1 else []
    said += ["no sequence parallelism"] if layout.tensor > 1 and not layout.sequence_parallel else []
    said += [
        f"sharding {layout.sharding}",
        f"micro-batch {layout.micro_batch} x {layout.micro_batches}",
        f"recomputation {layout.recomputation}",
    ]
    said += ["optimizer states in host memory"] if layout.offload else []
    said += ["stages cut by multiply-adds"] if layout.balanced else []
    return ", ".join(said)


def layout_in_short(layout: Layout) -> str:
    """``TP2 PP4 DP8, ZeRO-1, 1×64, recompute full``; what is not in use is left out, at the end stand micro-batch and
    micro-batches, recomputation and offloading."""
    degrees = {
        "TP": layout.tensor,
        "PP": layout.pipeline,
        "VP": layout.interleave,
        "CP": layout.context,
        "EP": layout.expert,
        "DP": layout.data,
    }
    said = [" ".join(f"{name}{degree}" for name, degree in degrees.items() if degree > 1) or "DP1"]
    said += [SHARDINGS_IN_SHORT[layout.sharding]] if layout.sharding != "none" else []
    said += [f"{layout.micro_batch}×{layout.micro_batches}"]
    said += [f"recompute {layout.recomputation}"] if layout.recomputation != "none" else []
    said += ["offload"] if layout.offload else []
    return ", ".join(said)
