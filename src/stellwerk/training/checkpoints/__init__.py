"""Checkpoints of a training: written aside in the background, whole or not at all, readable by any number of
processes."""

from stellwerk.training.checkpoints.errors import CheckpointError
from stellwerk.training.checkpoints.model import Checkpoint
from stellwerk.training.checkpoints.store import CheckpointStore

__all__ = ["Checkpoint", "CheckpointError", "CheckpointStore"]
