"""How a training or a service is laid out on a machine, and what that takes: memory, time, energy.

Decoder-only transformers, dense or with experts: pre-training and fine-tuning in 16, 8 or 4 bits, all parameters or
adapters beside frozen ones, with constants fitted to measured runs (``planner.calibration``); serving in 16, 8 or 4
bits.
"""

from stellwerk.planner.alternatives import Alternative, nearest_alternatives, pareto_front
from stellwerk.planner.constants import Constants, packaged_constants
from stellwerk.planner.goodput import OVERHEAD_PARTS, CheckpointKind, Goodput, goodput_of
from stellwerk.planner.largest import LLAMA_LIKE, TOKENS_PER_PARAMETER, Largest, Rung, largest_trainable
from stellwerk.planner.layout_words import layout_in_short, layout_in_words
from stellwerk.planner.layouts import Nodes, nodes_of, usable_device_counts
from stellwerk.planner.machines import BITS, machine_from_accelerator, machine_of_run, product_bits
from stellwerk.planner.memory import MEMORY_PARTS
from stellwerk.planner.model import Layout, Machine, MachineCalibration, Plan, ServingPlan
from stellwerk.planner.scaling import Scaling, ScalingPoint, scan_devices
from stellwerk.planner.search import WORTH_FOR_SPEED, Candidates, LayoutSpace, layout_space, plan_layout, search
from stellwerk.planner.serving import SERVING_MEMORY_PARTS
from stellwerk.planner.serving_search import SERVING_SPEED_SPREAD, ServingCandidates, search_serving
from stellwerk.planner.shape import optimizer_bytes
from stellwerk.planner.step import STEP_PARTS
from stellwerk.planner.waterfall import WaterfallTerm, waterfall

__all__ = [
    "BITS",
    "LLAMA_LIKE",
    "MEMORY_PARTS",
    "OVERHEAD_PARTS",
    "SERVING_MEMORY_PARTS",
    "SERVING_SPEED_SPREAD",
    "STEP_PARTS",
    "TOKENS_PER_PARAMETER",
    "WORTH_FOR_SPEED",
    "Alternative",
    "Candidates",
    "CheckpointKind",
    "Constants",
    "Goodput",
    "Largest",
    "Layout",
    "LayoutSpace",
    "Machine",
    "MachineCalibration",
    "Nodes",
    "Plan",
    "Rung",
    "Scaling",
    "ScalingPoint",
    "ServingCandidates",
    "ServingPlan",
    "WaterfallTerm",
    "goodput_of",
    "largest_trainable",
    "layout_in_short",
    "layout_in_words",
    "layout_space",
    "machine_from_accelerator",
    "machine_of_run",
    "nearest_alternatives",
    "nodes_of",
    "optimizer_bytes",
    "packaged_constants",
    "pareto_front",
    "plan_layout",
    "product_bits",
    "scan_devices",
    "search",
    "search_serving",
    "usable_device_counts",
    "waterfall",
]
