"""A plan as the configuration of another training program: pure functions from workload and plan to text."""

from stellwerk.launch.emit.model import Emitted
from stellwerk.launch.emit.programs import PROGRAMS, emit

__all__ = ["PROGRAMS", "Emitted", "emit"]
