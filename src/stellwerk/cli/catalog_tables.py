"""The tables of ``stellwerk catalog list`` and ``summary``, for 100 columns and more."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table

from stellwerk.catalog import (
    Accelerator,
    CarbonIntensity,
    Catalogue,
    Contingent,
    ExchangeRate,
    Fact,
    LaunchProfile,
    Need,
    Price,
    Product,
    Programme,
    Software,
    Summary,
    Support,
    System,
    Total,
    accelerator_name,
    add_up,
    openness_of,
)
from stellwerk.cli.catalog_parts import share_text
from stellwerk.cli.output import console

KINDS = (
    *("systems", "programmes", "products", "support", "software", "accelerators", "needs"),
    *("contingents", "launch_profiles", "exchange_rates", "carbon_intensities"),
)
UNKNOWN = "–"
PROGRAMME_KINDS = {"frame": "frame of others", "comparator": "comparator", "no_compute": "gives no compute"}
_LEGEND = "* no source backs the value   – unknown"
_HEADINGS = {
    "systems": ("id", "accelerator", ">number", ">/node", "status", "country", "open to"),
    "programmes": ("id", "AC", "ST", "SM", "IN", "PU", "countries", "free", ">systems", "state"),
    "products": ("id", "accelerator", ">number", "data in", ">price on demand"),
    "support": ("id", "organisation", "what", "cost"),
    "software": ("id", "where", "containers"),
    "needs": ("id", "kind", "country", "who", "what is stated"),
    "contingents": ("id", "systems", "programmes", "share", "funder"),
    "launch_profiles": ("id", "systems", "scheduler", "processor", "containers", "internet"),
    "exchange_rates": ("id", "one", ">buys", "of", "on"),
    "carbon_intensities": ("id", "country", ">year", ">g/kWh", "method"),
    "accelerators": ("id", ">GB", ">bf16 TFLOP/s", ">memory GB/s", ">link GB/s", ">W", ">devices"),
}
_SUFFIXES = (
    ("_at_least_bytes_per_s", "_bandwidth_at_least"),
    ("_bytes_per_s", "_bandwidth"),
    ("_bandwidth_bandwidth", "_bandwidth"),
    ("_bytes", ""),
)
_TOTAL_HEADINGS = (">systems", ">counted", ">no count", ">accelerators", ">backed by a source")
_CAPTIONS = {
    "programmes": "AC academia, ST start-ups, SM small and medium companies, IN large industry, PU public sector: "
    "Y yes, C under a condition, N no",
    "products": "price per hour of an instance, or of a GPU where it says so, on the day of asking",
}


def print_list(kind: str, entries: Sequence[Any], catalogue: Catalogue, today: datetime.date) -> None:
    """One line for each entry; prices are those of a day."""
    rows: dict[str, Callable[[Any], tuple[str, ...]]] = {
        "systems": lambda system: _system_row(system, catalogue),
        "programmes": lambda programme: _programme_row(programme, catalogue),
        "products": lambda product: _product_row(product, today),
        "support": _support_row,
        "software": _software_row,
        "needs": _need_row,
        "accelerators": _accelerator_row,
        "contingents": _contingent_row,
        "launch_profiles": _launch_profile_row,
        "exchange_rates": _exchange_rate_row,
        "carbon_intensities": _carbon_intensity_row,
    }
    caption = "\n".join(line for line in (_CAPTIONS.get(kind), _LEGEND) if line)
    table = plain_table(*_HEADINGS[kind], title=f"{len(entries)} {label(kind)}", caption=caption)
    for entry in entries:
        table.add_row(*rows[kind](entry))
    console.print(table)


def print_summary(summary: Summary, catalogue: Catalogue) -> None:
    """The sums by phase, then those of the operational systems by operator kind, accelerator and openness."""
    where = summary.country or "all countries"
    phases = plain_table("phase", *_TOTAL_HEADINGS, title=f"Capacities, {where}")
    for phase, total in summary.totals.items():
        phases.add_row(phase, *_total_cells(total))
    console.print(phases)
    if summary.largest is not None:
        rest = summary.without_largest
        console.print(f"without {summary.largest}: {rest.accelerators:,} accelerators in {rest.counted} systems")
    if summary.overlapping:
        console.print(f"may count the same nodes twice: {', '.join(summary.overlapping)}")
    for title, key in (("operator kind", "operator_kind"), ("open to", "openness"), ("accelerator", "accelerator")):
        _print_breakdown(summary, catalogue, title, key)
    console.print("generations are mixed: a count is not a rate; a system without a count is not zero")


def plain_table(*headings: str, title: str | None = None, caption: str | None = None) -> Table:
    """A plain table; a heading that starts with ``>`` has its column to the right, the first column never breaks."""
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for number, heading in enumerate(headings):
        side: JustifyMethod = "right" if heading.startswith(">") else "left"
        table.add_column(heading.lstrip(">"), justify=side, overflow="fold", no_wrap=number == 0 or side == "right")
    return table


def price_text(price: Price) -> str:
    """A price per hour or month of an instance, or of one accelerator where it says ``/GPU``."""
    return f"{price.amount:,f} {price.currency or '(currency not verified)'}{'/GPU' if price.unit == 'gpu_h' else ''}"


def label(name: str) -> str:
    """The name of a field in words, without the unit that the value is shown with anyway."""
    for suffix, word in _SUFFIXES:
        name = name.removesuffix(suffix) + (word if name.endswith(suffix) else "")
    return name.replace("_", " ")


def _print_breakdown(summary: Summary, catalogue: Catalogue, title: str, key: str) -> None:
    table = plain_table(title, *_TOTAL_HEADINGS, title=f"Operational systems: {title}")
    members: dict[str, list[System]] = {}
    for group in summary.groups:
        if group.phase == "operational":
            members.setdefault(getattr(group, key), []).extend(catalogue.systems[i] for i in group.system_ids)
    totals = {name: add_up(systems) for name, systems in members.items()}
    for name, total in sorted(totals.items(), key=lambda item: (-item[1].accelerators, item[0])):
        table.add_row(label(name), *_total_cells(total))
    console.print(table)


def _total_cells(total: Total) -> tuple[str, ...]:
    number = f"{total.accelerators:,}" if total.counted else UNKNOWN
    sourced = f"{total.sourced_accelerators:,} ({total.sourced})" if total.counted else UNKNOWN
    return str(total.systems), str(total.counted), str(total.uncounted), number, sourced


def _system_row(system: System, catalogue: Catalogue) -> tuple[str, ...]:
    return (
        system.id,
        accelerator_name(system, catalogue),
        _cell(system.accelerators, lambda number: f"{number:,}"),
        _cell(system.accelerators_per_node),
        _cell(system.status),
        _cell(system.country),
        openness_of(system, catalogue).replace("unknown", UNKNOWN),
    )


def _programme_row(programme: Programme, catalogue: Catalogue) -> tuple[str, ...]:
    letters = {"yes": "Y", "no": "N", "conditional": "C"}
    applications = {True: "no: closed", None: "contradictory", False: ""}[programme.closed]
    systems = sum(programme.id in system.programme_ids for system in catalogue.systems.values())
    return (
        programme.id,
        *(_cell(fact, lambda answer: letters[answer]) for fact in programme.eligibility.values()),
        ", ".join(programme.country_codes) + (f" ({programme.region})" if programme.region else "") or UNKNOWN,
        {True: "yes", False: "no", None: UNKNOWN}[programme.free],
        str(systems) if systems else UNKNOWN,
        PROGRAMME_KINDS.get(programme.kind, applications),
    )


def _product_row(product: Product, today: datetime.date) -> tuple[str, ...]:
    price = product.price_at(today) if product.kind == "product" else None
    return (
        product.id,
        _cell(product.accelerator),
        _cell(product.accelerators),
        _cell(product.countries_of_data, " ".join),
        price_text(price) if price else UNKNOWN if product.kind == "product" else label(product.kind),
    )


def _support_row(support: Support) -> tuple[str, ...]:
    return support.id, _cell(support.organisation), _cell(support.offer_type), _cell(support.cost)


def _need_row(need: Need) -> tuple[str, ...]:
    return need.id, need.kind, need.country, ", ".join(need.user_groups) or UNKNOWN, _cell(need.statement)


def _software_row(software: Software) -> tuple[str, ...]:
    return software.id, _cell(software.site_system), _cell(software.container_runtime)


def _accelerator_row(accelerator: Accelerator) -> tuple[str, ...]:
    return (
        accelerator.id,
        _cell(accelerator.memory_bytes, lambda size: f"{size / 1e9:g}"),
        _cell(accelerator.bf16_flops, lambda rate: f"{rate / 1e12:,.4g}"),
        _cell(accelerator.memory_bandwidth_bytes_per_s, lambda rate: f"{rate / 1e9:,.4g}"),
        _cell(accelerator.link_bytes_per_s, lambda rate: f"{rate / 1e9:g}"),
        _cell(accelerator.power_w, lambda power: f"{power:g}"),
        str(accelerator.devices),
    )


def _contingent_row(contingent: Contingent) -> tuple[str, ...]:
    share = share_text(contingent)
    return (
        contingent.id,
        _names(contingent.system_ids, "systems"),
        _names(contingent.programme_ids, "programmes"),
        f"{share} of {contingent.part_of}" if share and contingent.part_of else share or UNKNOWN,
        _cell(contingent.funder),
    )


def _launch_profile_row(profile: LaunchProfile) -> tuple[str, ...]:
    return (
        profile.id,
        _names(profile.system_ids, "systems"),
        _cell(profile.scheduler),
        _cell(profile.cpu_architecture),
        _cell(profile.container_runtimes, ", ".join),
        _cell(profile.internet_on_compute_nodes),
    )


def _exchange_rate_row(rate: ExchangeRate) -> tuple[str, ...]:
    return rate.id, rate.base, _cell(rate.rate), rate.quote, rate.date.isoformat()


def _carbon_intensity_row(intensity: CarbonIntensity) -> tuple[str, ...]:
    grams = _cell(intensity.co2_g_per_kwh, lambda value: f"{value:g}")
    return intensity.id, intensity.country, str(intensity.year), grams, intensity.method


def _names(ids: Sequence[str], what: str) -> str:
    """An id or two, or how many there are."""
    return ", ".join(ids) or UNKNOWN if len(ids) < 3 else f"{len(ids)} {what}"


def _cell(fact: Fact[Any], show: Callable[[Any], str] = str) -> str:
    if fact.value is None:
        return UNKNOWN
    return show(fact.value) + ("*" if fact.evidence == "unsourced" else "")
