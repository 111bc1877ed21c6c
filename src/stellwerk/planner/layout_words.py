"""A layout in words, for what people read in English."""

from __future__ import annotations

from stellwerk.planner.model import Layout


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
