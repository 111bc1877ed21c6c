"""What schedules and logs mean: indicators of the whole, by group and over time, side by side, and what changes do."""

from stellwerk.measures.array_job import render_array_job
from stellwerk.measures.changes import FORMS, Change, parse_change, parse_sweep
from stellwerk.measures.comparison import Comparison, compare
from stellwerk.measures.fit import Candidate, Fit, fit_policy, wait_distance
from stellwerk.measures.groups import (
    SLOWDOWN_THRESHOLD_S,
    GroupIndicators,
    SizeClass,
    WaitSummary,
    bounded_slowdown,
    indicators_by_group,
    indicators_by_size,
    size_class,
    sizes_of_class,
    summarise_waits,
)
from stellwerk.measures.indicators import Indicators, Unit, held_s, held_units, indicators
from stellwerk.measures.outcome import Outcome, WaitCurve
from stellwerk.measures.outcome_json import outcome_as_dict
from stellwerk.measures.over_time import OverTime, mean_over_time, time_edges
from stellwerk.measures.replays import evaluate, what_if
from stellwerk.measures.scenario import Scenario, apply_changes
from stellwerk.measures.size_map import RUN_TIME_BOUNDS_S, SizeMap, size_map
from stellwerk.measures.sweep import run_sweep, scenarios_of
from stellwerk.measures.usage import (
    Capacity,
    Device,
    GroupBy,
    KeyFigure,
    Usage,
    UsageTable,
    key_figures,
    log_sentences,
    render_usage_page,
    summary_of,
    usage_as_dict,
    usage_of,
    usage_tables,
)
from stellwerk.measures.wait_table import MIN_JOBS, waits_as_toml, waits_by_size
from stellwerk.measures.what_if_page import About, render_what_if_page

__all__ = [
    "FORMS",
    "MIN_JOBS",
    "RUN_TIME_BOUNDS_S",
    "SLOWDOWN_THRESHOLD_S",
    "About",
    "Candidate",
    "Capacity",
    "Change",
    "Comparison",
    "Device",
    "Fit",
    "GroupBy",
    "GroupIndicators",
    "Indicators",
    "KeyFigure",
    "Outcome",
    "OverTime",
    "Scenario",
    "SizeClass",
    "SizeMap",
    "Unit",
    "Usage",
    "UsageTable",
    "WaitCurve",
    "WaitSummary",
    "apply_changes",
    "bounded_slowdown",
    "compare",
    "evaluate",
    "fit_policy",
    "held_s",
    "held_units",
    "indicators",
    "indicators_by_group",
    "indicators_by_size",
    "key_figures",
    "log_sentences",
    "mean_over_time",
    "outcome_as_dict",
    "parse_change",
    "parse_sweep",
    "render_array_job",
    "render_usage_page",
    "render_what_if_page",
    "run_sweep",
    "scenarios_of",
    "size_class",
    "size_map",
    "sizes_of_class",
    "summarise_waits",
    "summary_of",
    "time_edges",
    "usage_as_dict",
    "usage_of",
    "usage_tables",
    "wait_distance",
    "waits_as_toml",
    "waits_by_size",
    "what_if",
]
