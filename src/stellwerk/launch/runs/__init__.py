"""The runs of a person: where they lie, what they are called, and where each stands.

A run is a folder. Those without a place of their own lie side by side in the runs folder, under their id; for one that
lies elsewhere, a link of that name stands there. Nothing else has to be kept: the index beside them only saves
reading, and is made anew where it is lost. Importing this loads no planner and no training.
"""

from stellwerk.launch.runs.describe import Description, read_description
from stellwerk.launch.runs.entry import Problem, RunEntry
from stellwerk.launch.runs.index import RunList
from stellwerk.launch.runs.store import Run, RunStore, runs_folder

__all__ = ["Description", "Problem", "Run", "RunEntry", "RunList", "RunStore", "read_description", "runs_folder"]
