"""Fit the constants to measured runs: the most probable ones given the runs and what is assumed of each constant.

Residuals are logarithms of predicted over measured, with the heavy tails of Student's t distribution, so that a run
that went wrong does not bend the constants (Lange et al. 1989, Journal of the American Statistical Association 84). The
maximum is found by iteratively reweighted Levenberg-Marquardt steps (Marquardt 1963).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stellwerk.planner.calibration.parameters import Vector

DEGREES_OF_FREEDOM = 4.0
"""Of the t distribution: one run in ten lies further out than two standard deviations."""
MOST_STEPS = 40
LARGEST_STEP = 0.5
"""Of a logarithm at once."""
DIFFERENCE = 1e-4
"""Over which derivatives are taken."""
ENOUGH = 1e-3
"""Gain in the logarithm of the probability below which the search ends."""
IDENTIFIED = 0.9
"""A parameter whose uncertainty the runs do not bring below this share of what was assumed is not identified."""

Residuals = Callable[[Vector], Vector]


@dataclass(frozen=True, slots=True)
class Fit:
    """The most probable parameters, with their standard deviations; shape (number of parameters,)."""

    vector: Vector
    sd: Vector
    identified: np.ndarray
    """False where the runs say nothing of a parameter: it keeps what was assumed."""


def fit(residuals: Residuals, prior: Vector, prior_sd: Vector, noise: Vector, weight: Vector) -> Fit:
    """The parameters that explain ``residuals`` (logarithms, shape (number of runs,)) best.

    ``noise`` is the standard deviation of each run's residual, ``weight`` how much the run counts (below one where
    many like it were measured).
    """
    vector, damping = prior.copy(), 1e-3
    found = residuals(vector)
    cost = _cost(found, vector, prior, prior_sd, noise, weight)
    curvature = np.diag(prior_sd**-2.0)
    for _ in range(MOST_STEPS):
        slopes = _slopes(residuals, vector, found)
        counted = weight * (DEGREES_OF_FREEDOM + 1) / (DEGREES_OF_FREEDOM + (found / noise) ** 2) / noise**2
        curvature = (slopes * counted[:, None]).T @ slopes + np.diag(prior_sd**-2.0)
        slope = slopes.T @ (counted * found) + (vector - prior) / prior_sd**2
        tried = None
        while damping < 1e6:
            step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), -slope)
            tried = vector + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
            found_there = residuals(tried)
            cost_there = _cost(found_there, tried, prior, prior_sd, noise, weight)
            if cost_there < cost:
                break
            damping *= 10
        else:
            break
        gain = cost - cost_there
        vector, found, cost, damping = tried, found_there, cost_there, max(damping / 10, 1e-6)
        if gain < ENOUGH:
            break
    sd = np.sqrt(np.diag(np.linalg.inv(curvature)))
    identified = sd < IDENTIFIED * prior_sd
    return Fit(np.where(identified, vector, prior), sd, identified)


def _cost(found: Vector, vector: Vector, prior: Vector, prior_sd: Vector, noise: Vector, weight: Vector) -> float:
    """Minus the logarithm of the probability, up to a constant."""
    data = weight * (DEGREES_OF_FREEDOM + 1) / 2 * np.log1p((found / noise) ** 2 / DEGREES_OF_FREEDOM)
    return float(data.sum() + 0.5 * (((vector - prior) / prior_sd) ** 2).sum())


def _slopes(residuals: Residuals, vector: Vector, found: Vector) -> Vector:
    """Shape (number of runs, number of parameters)."""
    slopes = np.empty((len(found), len(vector)))
    for index in range(len(vector)):
        moved = vector.copy()
        moved[index] += DIFFERENCE
        slopes[:, index] = (residuals(moved) - found) / DIFFERENCE
    return slopes
