"""The kernels on pooled identical processors: arrays in, start times out."""

from stellwerk.simulation.pooled.easy import easy_starts_s

__all__ = ["easy_starts_s"]
