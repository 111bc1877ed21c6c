"""What a run takes in electricity: a meter beside each attempt, and what its readings add up to."""

from stellwerk.launch.energy.emissions import Emissions, emissions_of
from stellwerk.launch.energy.for_run import meter_for
from stellwerk.launch.energy.meter import EnergyMeter, choose_counter
from stellwerk.launch.energy.model import DeviceReading, EnergySample
from stellwerk.launch.energy.usage import EnergyUse, energy_use, read_energy

__all__ = [
    "DeviceReading",
    "Emissions",
    "EnergyMeter",
    "EnergySample",
    "EnergyUse",
    "choose_counter",
    "emissions_of",
    "energy_use",
    "meter_for",
    "read_energy",
]
