"""What energy.jsonl says about a run, over all its attempts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stellwerk.launch.energy.model import DeviceReading, EnergySample
from stellwerk.launch.engine import EnergySource
from stellwerk.messages import Reason

FROM_WEAK_TO_STRONG: tuple[EnergySource, ...] = ("estimate", "rapl", "nvml")


@dataclass(frozen=True, slots=True)
class EnergyUse:
    """Joules of a run; None where an attempt's are not known. ``source`` is the weakest of all attempts."""

    energy_j: float | None
    source: EnergySource | None
    covered_s: float
    """Time up to the last reading of each attempt."""
    reason: Reason | None
    """Why no better source was read, in the last attempt that says so."""


def read_energy(path: Path) -> tuple[EnergySample, ...]:
    """All whole lines; nothing where there is no file."""
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return tuple(_sample(json.loads(line)) for line in lines)


def energy_use(samples: Sequence[EnergySample]) -> EnergyUse:
    """Of each attempt the last reading, added up."""
    last = [
        next((one for one in reversed(attempt) if one.energy_j is not None), None) for attempt in _attempts(samples)
    ]
    known = [sample for sample in last if sample is not None]
    sources = {sample.source for sample in known}
    complete = len(known) == len(last) > 0
    return EnergyUse(
        energy_j=sum(sample.energy_j or 0.0 for sample in known) if complete else None,
        source=next((source for source in FROM_WEAK_TO_STRONG if source in sources), None) if complete else None,
        covered_s=sum(sample.elapsed_s for sample in known),
        reason=next((sample.reason for sample in reversed(samples) if sample.reason is not None), None),
    )


def _attempts(samples: Sequence[EnergySample]) -> Iterator[Sequence[EnergySample]]:
    starts = [index for index, sample in enumerate(samples) if sample.elapsed_s == 0.0 or index == 0]
    for start, end in zip(starts, [*starts[1:], len(samples)], strict=True):
        yield samples[start:end]


def _sample(values: dict[str, Any]) -> EnergySample:
    reason = values["reason"]
    devices = (DeviceReading(**{**device, "throttled": tuple(device["throttled"])}) for device in values["devices"])
    return EnergySample(
        **{**values, "devices": tuple(devices), "reason": None if reason is None else Reason.from_dict(reason)},
    )
