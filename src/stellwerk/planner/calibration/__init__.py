"""Fitting the planner's constants to measured runs."""
