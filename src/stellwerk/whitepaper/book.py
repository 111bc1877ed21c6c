"""The book of figures: every figure gets its permanent id and its claims when a chapter first shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stellwerk.catalog import Claim, Fact
from stellwerk.whitepaper.model import Figure, Form, Phrase, Value

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class FigureBook:
    """Collects the figures of one edition while its chapters are composed."""

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}

    @property
    def figures(self) -> Mapping[str, Figure]:
        return self._figures

    def stated(
        self,
        entry_id: str,
        field: str,
        claims: tuple[Claim[Any], ...],
        form: Form,
        *,
        value: Value | None = None,
        unit: Phrase | None = None,
        label: Phrase | None = None,
        note: str = "",
    ) -> str:
        """The id ``val-<entry>-<field>`` of a figure that sources state; unknown where there is no claim.

        ``value`` stands for the leading claim's where that is put into words of our own (free of charge). A figure
        that another chapter showed before is the same figure.
        """
        figure_id = f"val-{entry_id}-{field}"
        if figure_id not in self._figures:
            shown = value if value is not None or not claims else claims[0].value
            self._figures[figure_id] = Figure(
                id=figure_id,
                label=label or Phrase(f"field.{field}"),
                value=shown,
                form=form,
                unit=unit,
                claims=claims,
                entry_id=entry_id,
                note=note,
            )
        elif self._figures[figure_id].entry_id != entry_id:
            raise ValueError(f"two entries share the figure id {figure_id}")
        return figure_id

    def fact(self, entry_id: str, field: str, fact: Fact[Any], form: Form, *, unit: Phrase | None = None) -> str:
        """A fact of the catalogue as it stands."""
        return self.stated(entry_id, field, fact.claims, form, unit=unit)

    def computed(
        self,
        figure_id: str,
        label: Phrase,
        value: Value | None,
        method: Phrase,
        counted: Iterable[str],
        *,
        form: Form = "number",
        unit: Phrase | None = None,
        entry_id: str = "",
    ) -> str:
        """The id of a figure that follows from others; ValueError where the id is taken."""
        if figure_id in self._figures:
            raise ValueError(f"the figure id {figure_id} is given twice")
        self._figures[figure_id] = Figure(
            figure_id, label, value, form, unit, method=method, counted=tuple(counted), entry_id=entry_id
        )
        return figure_id

    def value(self, figure_id: str) -> Any:
        return self._figures[figure_id].value


def slug(text: str) -> str:
    """A text as part of an id: small letters, digits and single hyphens; ö is written oe."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower().translate(_UMLAUTS)).strip("-")
