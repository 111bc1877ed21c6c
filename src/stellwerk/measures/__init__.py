"""Indicators of schedules and their comparison."""

from stellwerk.measures.comparison import Comparison, compare
from stellwerk.measures.indicators import SLOWDOWN_THRESHOLD_S, Indicators, indicators

__all__ = ["SLOWDOWN_THRESHOLD_S", "Comparison", "Indicators", "compare", "indicators"]
