"""The constants as a vector: what is assumed of each, and the constants that a vector stands for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from stellwerk.planner.constants import Constants
from stellwerk.planner.model import Software

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number to fit: a constant, or the factor by which a software or an accelerator deviates from it."""

    constant: str
    software: Software | None
    accelerator: str | None
    prior: float
    sd: float
    """Of the logarithm, before any run is looked at."""

    @property
    def name(self) -> str:
        owner = self.software or self.accelerator
        return f"{self.constant} of {owner}" if owner else self.constant


def read_priors(operators: Mapping[str, float] | None = None) -> dict[str, dict[str, Any]]:
    """What ``priors.toml`` says of each constant; ``operators`` are values that measured operators give in the place of
    its own (``operators.OperatorFits.priors``), with the same uncertainty."""
    with resources.files("stellwerk.planner.calibration").joinpath("priors.toml").open("rb") as file:
        priors = tomllib.load(file)
    for name, value in (operators or {}).items():
        priors[name]["value"] = value
    return priors


def parameters_for(
    priors: Mapping[str, Mapping[str, Any]], software: Iterable[Software], accelerators: Iterable[str]
) -> tuple[Parameter, ...]:
    """The common constants, then the deviations of the software and the accelerators that runs were measured with."""
    common = [Parameter(name, None, None, float(one["value"]), float(one["sd"])) for name, one in priors.items()]
    of_software = []
    for one_software in software:
        for name, one in priors.items():
            own = one.get("software", {}).get(one_software)
            if own or "software_sd" in one:
                prior, sd = (own["factor"], own["sd"]) if own else (1.0, one["software_sd"])
                of_software.append(Parameter(name, one_software, None, float(prior), float(sd)))
    of_accelerators = [
        Parameter(name, None, accelerator, 1.0, float(one["accelerator_sd"]))
        for accelerator in accelerators
        for name, one in priors.items()
        if "accelerator_sd" in one
    ]
    return (*common, *of_software, *of_accelerators)


def prior_vector(parameters: Iterable[Parameter]) -> Vector:
    """Logarithms of what is assumed."""
    return np.log([one.prior for one in parameters])


def constants_of(parameters: Sequence[Parameter], vector: Vector, priors: Mapping[str, Mapping[str, Any]]) -> Constants:
    """The constants whose logarithms ``vector`` holds; what no parameter stands for keeps its prior."""
    common = {name: float(one["value"]) for name, one in priors.items()}
    software: dict[str, dict[str, float]] = {}
    accelerators: dict[str, dict[str, float]] = {}
    for name, one in priors.items():
        for owner, own in one.get("software", {}).items():
            software.setdefault(owner, {})[name] = float(own["factor"])
    for parameter, value in zip(parameters, np.exp(vector).tolist(), strict=True):
        if parameter.software:
            software.setdefault(parameter.software, {})[parameter.constant] = value
        elif parameter.accelerator:
            accelerators.setdefault(parameter.accelerator, {})[parameter.constant] = value
        else:
            common[parameter.constant] = value
    return Constants(common, software, accelerators)
