"""How a training or a service is laid out on a machine, and what that takes: memory, time, energy.

First version: decoder-only transformers (mixtures of experts without expert parallelism); pre-training and fine-tuning
in 16-bit mixed precision with AdamW, all parameters or adapters beside frozen ones; serving in 16, 8 or 4 bits.
"""

from stellwerk.planner.alternatives import Alternative, nearest_alternatives, pareto_front
from stellwerk.planner.layouts import usable_device_counts
from stellwerk.planner.machines import machine_from_accelerator
from stellwerk.planner.memory import MEMORY_PARTS
from stellwerk.planner.model import Layout, Machine, Plan, ServingPlan
from stellwerk.planner.search import WORTH_FOR_SPEED, Candidates, LayoutSpace, layout_space, plan_layout, search
from stellwerk.planner.serving import SERVING_MEMORY_PARTS
from stellwerk.planner.serving_search import SERVING_SPEED_SPREAD, ServingCandidates, search_serving
from stellwerk.planner.step import STEP_PARTS
from stellwerk.planner.waterfall import WaterfallTerm, waterfall

__all__ = [
    "MEMORY_PARTS",
    "SERVING_MEMORY_PARTS",
    "SERVING_SPEED_SPREAD",
    "STEP_PARTS",
    "WORTH_FOR_SPEED",
    "Alternative",
    "Candidates",
    "Layout",
    "LayoutSpace",
    "Machine",
    "Plan",
    "ServingCandidates",
    "ServingPlan",
    "WaterfallTerm",
    "layout_space",
    "machine_from_accelerator",
    "nearest_alternatives",
    "pareto_front",
    "plan_layout",
    "search",
    "search_serving",
    "usable_device_counts",
    "waterfall",
]
