"""What the doctor looks at and what it says."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.launch.doctor.steps import StepTable
from stellwerk.launch.energy import EnergySample
from stellwerk.launch.engine import RunState
from stellwerk.launch.expectation import Expectation
from stellwerk.messages import Reason
from stellwerk.training import Rates, StepProfile, TrainingJob


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """All that a run left behind, as far as it is there."""

    steps: StepTable
    profiles: tuple[StepProfile, ...] = ()
    energy: tuple[EnergySample, ...] = ()
    job: TrainingJob | None = None
    """Of the reference program; None for a program of one's own."""
    expected: Expectation | None = None
    rates: Rates | None = None
    state: RunState | None = None
    attempts: int = 1
    failure: str | None = None
    """What the program said when it could not go on."""
    reason: Reason | None = None
    """Why it ended, as the engine saw it."""
    gpus: int | None = None
    """Of the machine; None: not known."""
    peak_memory_bytes: int | None = None
    """Of the fullest process, where the program reported it at its end; the steps tell it of accelerators."""

    @property
    def comparable_profiles(self) -> tuple[StepProfile, ...]:
        """Those with as many ranks as the last; a run may go on on another number of them. Empty where there is only
        one rank."""
        ranks = len(self.profiles[-1].data_s) if self.profiles else 0
        return tuple(profile for profile in self.profiles if len(profile.data_s) == ranks > 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One likely cause."""

    cause: Reason
    """With its evidence in figures."""
    advice: Reason
    """The next thing to try."""
    share: float | None
    """Of the time of the steps, 0 to 1, as far as it can be estimated; 0 where it is a risk that costs nothing yet,
    None where the cost is not known. Shares of different causes may overlap."""
    first: bool = False
    """To be named before all others, although its cost is not known."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Findings with the costliest first; empty: nothing stands out in what could be looked at."""

    findings: tuple[Finding, ...]
    missing: tuple[Reason, ...]
    """Evidence that is not there, and what could not be judged without it."""
