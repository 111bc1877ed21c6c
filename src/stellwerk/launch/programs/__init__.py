"""Training programs of people's own: started, stopped, resumed and measured as the reference program is."""

from stellwerk.launch.programs.job import program_job

__all__ = ["program_job"]
