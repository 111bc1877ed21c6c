"""What a run tells the program that trains, through its environment: the same for ours and for any other."""

from __future__ import annotations

RUN_DIRECTORY = "STELLWERK_RUN_DIRECTORY"
"""The folder of the run."""
METRICS = "STELLWERK_METRICS"
"""The file that gets one JSON object per step and line (training.StepMetrics)."""
CHECKPOINTS = "STELLWERK_CHECKPOINTS"
"""The folder for checkpoints; it outlives the attempt."""
RESUME = "STELLWERK_RESUME"
"""``1`` where an earlier attempt may have left checkpoints to go on from, else ``0``."""
STOP_FILE = "STELLWERK_STOP_FILE"
"""As soon as this file exists, the program is to write a checkpoint and end with exit code 0."""
STOP_SIGNAL = "STELLWERK_STOP_SIGNAL"
"""The signal (``TERM``) that says the same to each process of the program."""
PLAN = "STELLWERK_PLAN"
"""The plan as JSON: layout, micro-batches, what is expected."""
