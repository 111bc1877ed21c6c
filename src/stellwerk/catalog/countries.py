"""Which countries the code ``EU`` stands for in a programme."""

from __future__ import annotations

EU_MEMBERS = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"}
    | {"IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)


def admits_country(country_codes: tuple[str, ...], country: str) -> bool:
    """Whether a country is among the codes of a programme, by itself or as a member state."""
    return country in country_codes or ("EU" in country_codes and country in EU_MEMBERS)
