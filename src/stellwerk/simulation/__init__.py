"""Clusters, policies and the event-driven scheduler; importing this room needs the extra ``[sim]``."""

from stellwerk.simulation.model import POLICIES, Policy, Schedule
from stellwerk.simulation.replay import simulate
from stellwerk.simulation.schedule_csv import read_schedule, write_schedule

__all__ = ["POLICIES", "Policy", "Schedule", "read_schedule", "simulate", "write_schedule"]
