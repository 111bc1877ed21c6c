"""How a training run is laid out on a machine, and what that takes: memory, time, energy.

First version: decoder-only transformers (mixtures of experts without expert parallelism), pre-training in 16-bit mixed
precision with AdamW.
"""

from stellwerk.planner.layouts import usable_device_counts
from stellwerk.planner.machines import machine_from_accelerator
from stellwerk.planner.memory import MEMORY_PARTS
from stellwerk.planner.model import Layout, Machine, Plan
from stellwerk.planner.search import Candidates, plan_layout, search
from stellwerk.planner.step import STEP_PARTS

__all__ = [
    "MEMORY_PARTS",
    "STEP_PARTS",
    "Candidates",
    "Layout",
    "Machine",
    "Plan",
    "machine_from_accelerator",
    "plan_layout",
    "search",
    "usable_device_counts",
]
