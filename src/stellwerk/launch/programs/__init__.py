"""Training programs of people's own: started, stopped, resumed and measured as the reference program is."""

from stellwerk.launch.programs.job import program_job
from stellwerk.launch.programs.log_reader import LogReader

__all__ = ["LogReader", "program_job"]
