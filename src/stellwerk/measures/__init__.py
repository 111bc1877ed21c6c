"""What schedules and logs mean: indicators of the whole and by group, over time, and side by side."""

from stellwerk.measures.comparison import Comparison, compare
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
from stellwerk.measures.indicators import Indicators, indicators
from stellwerk.measures.over_time import OverTime, mean_over_time, time_edges
from stellwerk.measures.size_map import RUN_TIME_BOUNDS_S, SizeMap, size_map

__all__ = [
    "RUN_TIME_BOUNDS_S",
    "SLOWDOWN_THRESHOLD_S",
    "Comparison",
    "GroupIndicators",
    "Indicators",
    "OverTime",
    "SizeClass",
    "SizeMap",
    "WaitSummary",
    "bounded_slowdown",
    "compare",
    "indicators",
    "indicators_by_group",
    "indicators_by_size",
    "mean_over_time",
    "size_class",
    "size_map",
    "sizes_of_class",
    "summarise_waits",
    "time_edges",
]
