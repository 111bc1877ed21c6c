"""The kernels on pooled identical processors: arrays in, start times out."""

from stellwerk.simulation.pooled.conservative import conservative_starts_s, replanned_starts_s
from stellwerk.simulation.pooled.easy import easy_starts_s

__all__ = ["conservative_starts_s", "easy_starts_s", "replanned_starts_s"]
