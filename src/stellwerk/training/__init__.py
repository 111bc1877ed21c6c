"""The program on the nodes, and what it reads and writes.

torch is imported only by the modules that run under torchrun (``program``, ``measure`` and what they use), so that
everything exported here works without it.
"""

from stellwerk.training.devices import Accelerators, find_accelerators
from stellwerk.training.files import read_job, read_outcome, read_rates, write_json
from stellwerk.training.memory import machine_memory_bytes
from stellwerk.training.metrics import MetricsReader, read_metrics
from stellwerk.training.model import (
    ComputeType,
    Device,
    FineTuning,
    ModelDetails,
    Optimization,
    Outcome,
    Rates,
    Recomputation,
    RopeScaling,
    SpikeGuard,
    StepMetrics,
    StepProfile,
    TrainingJob,
)
from stellwerk.training.profile_file import read_profiles
from stellwerk.training.support import check_trainable, model_details

__all__ = [
    "Accelerators",
    "ComputeType",
    "Device",
    "FineTuning",
    "MetricsReader",
    "ModelDetails",
    "Optimization",
    "Outcome",
    "Rates",
    "Recomputation",
    "RopeScaling",
    "SpikeGuard",
    "StepMetrics",
    "StepProfile",
    "TrainingJob",
    "check_trainable",
    "find_accelerators",
    "machine_memory_bytes",
    "model_details",
    "read_job",
    "read_metrics",
    "read_outcome",
    "read_profiles",
    "read_rates",
    "write_json",
]
