"""The rules that turn job records into charges."""

from stellwerk.accounting.charges import ChargeRule, charge, charged_devices, units_for

__all__ = ["ChargeRule", "charge", "charged_devices", "units_for"]
