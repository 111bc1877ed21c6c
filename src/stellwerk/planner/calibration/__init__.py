"""Fitting the planner's constants to measured runs, and refining them for one system from a few of its own."""

from stellwerk.planner.calibration.calibrate import Calibration, calibrate
from stellwerk.planner.calibration.one_run import ClusterErrors, calibrated_spread, cluster_errors
from stellwerk.planner.calibration.operators import (
    OperatorFit,
    OperatorFits,
    fit_operators,
    read_operators,
    read_rings,
)
from stellwerk.planner.calibration.overlay import (
    Factor,
    FactorPrior,
    Overlay,
    OverlayRun,
    calibrate_system,
    factor_priors,
    machine_calibration,
)
from stellwerk.planner.calibration.overlay_file import read_overlay
from stellwerk.planner.calibration.overlay_text import overlay_text
from stellwerk.planner.calibration.parameters import read_priors
from stellwerk.planner.calibration.spreads import spreads_of
from stellwerk.planner.calibration.write import constants_text

__all__ = [
    "Calibration",
    "ClusterErrors",
    "Factor",
    "FactorPrior",
    "OperatorFit",
    "OperatorFits",
    "Overlay",
    "OverlayRun",
    "calibrate",
    "calibrate_system",
    "calibrated_spread",
    "cluster_errors",
    "constants_text",
    "factor_priors",
    "fit_operators",
    "machine_calibration",
    "overlay_text",
    "read_operators",
    "read_overlay",
    "read_priors",
    "read_rings",
    "spreads_of",
]
