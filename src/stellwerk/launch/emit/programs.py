"""The programs that a plan can be emitted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stellwerk.launch.emit.accelerate import emit_accelerate
from stellwerk.launch.emit.megatron import emit_megatron
from stellwerk.launch.emit.model import Emitted
from stellwerk.launch.emit.torchtitan import emit_torchtitan
from stellwerk.planner import Plan
from stellwerk.workload import Workload

PROGRAMS: Mapping[str, Callable[[Workload, Plan], Emitted]] = {
    "torchtitan": emit_torchtitan,
    "megatron": emit_megatron,
    "accelerate": emit_accelerate,
}


def emit(program: str, workload: Workload, plan: Plan) -> Emitted:
    """The configuration of ``program``, a key of PROGRAMS.

    Raises InputError where the program can train no such model, or in no such layout.
    """
    return PROGRAMS[program](workload, plan)
