"""From documents to checked entries, each with its claims and their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from stellwerk.catalog import schema, schema_tables
from stellwerk.catalog.check import checked
from stellwerk.catalog.claims import LOCAL_UNSOURCED, UNSOURCED, Claims, earliest_day
from stellwerk.catalog.facts import Claim, Source
from stellwerk.catalog.files import Document
from stellwerk.catalog.model import ENTRY_KINDS
from stellwerk.catalog.schema_base import SourceTable
from stellwerk.errors import InputError

E_co = TypeVar("E_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True, slots=True)
class Row(Generic[E_co]):
    """One entry of a file. ``where`` is its place in the file, ``owner`` the site or provider the file is about.

    ``source`` is that of the entry as a whole; ``parts`` are its limits, rules, prices, partitions, charges and
    recurring cut-offs, each with its own source.
    """

    entry: E_co
    claims: Claims
    source: Source
    parts: tuple[tuple[Any, Source], ...]
    document: Document
    where: str
    owner: str
    local: Row[E_co] | None = None
    """The local entry that was laid over it."""

    @property
    def files(self) -> str:
        """Where it stands, and where a local entry changes it."""
        return " and ".join(str(row.document.path) for row in (self, self.local) if row is not None)


@dataclass(slots=True)
class Rows:
    """All entries by kind. ``ids`` also knows those that failed, so that a reference to one is no second error."""

    accelerators: list[Row[schema.AcceleratorEntry]] = field(default_factory=list)
    systems: list[Row[schema.SystemEntry]] = field(default_factory=list)
    programmes: list[Row[schema.ProgrammeEntry]] = field(default_factory=list)
    products: list[Row[schema.ProductEntry]] = field(default_factory=list)
    subjects: list[Row[schema.SubjectEntry]] = field(default_factory=list)
    observations: list[Row[schema.ObservationEntry]] = field(default_factory=list)
    support: list[Row[schema.SupportEntry]] = field(default_factory=list)
    needs: list[Row[schema.NeedEntry]] = field(default_factory=list)
    software: list[Row[schema.SoftwareEntry]] = field(default_factory=list)
    families: list[Row[schema.FamilyEntry]] = field(default_factory=list)
    exchange_rates: list[Row[schema_tables.ExchangeRateEntry]] = field(default_factory=list)
    carbon_intensities: list[Row[schema_tables.CarbonIntensityEntry]] = field(default_factory=list)
    contingents: list[Row[schema_tables.ContingentEntry]] = field(default_factory=list)
    launch_profiles: list[Row[schema_tables.LaunchProfileEntry]] = field(default_factory=list)
    providers: dict[str, str] = field(default_factory=dict)
    """Name by id."""
    ids: dict[str, dict[str, Document]] = field(default_factory=dict)
    """By kind, and for ``sites``: each id and the file it stands in."""

    def by_id(self, kind: str) -> dict[str, Row[Any]]:
        """The entries of a kind by what tells them apart; observations have no id."""
        return {_unique(kind, row.owner, row.entry.id): row for row in getattr(self, kind)}


MODELS: dict[str, tuple[type[BaseModel], type[BaseModel] | None]] = {
    "accelerators": (schema.AcceleratorEntry, schema.AcceleratorValues),
    "systems": (schema.SystemEntry, schema.SystemValues),
    "programmes": (schema.ProgrammeEntry, schema.ProgrammeValues),
    "products": (schema.ProductEntry, schema.ProductValues),
    "subjects": (schema.SubjectEntry, schema.SubjectValues),
    "observations": (schema.ObservationEntry, None),
    "support": (schema.SupportEntry, schema.SupportValues),
    "needs": (schema.NeedEntry, schema.NeedValues),
    "software": (schema.SoftwareEntry, schema.SoftwareValues),
    "families": (schema.FamilyEntry, None),
    "exchange_rates": (schema_tables.ExchangeRateEntry, schema_tables.ExchangeRateValues),
    "carbon_intensities": (schema_tables.CarbonIntensityEntry, schema_tables.CarbonIntensityValues),
    "contingents": (schema_tables.ContingentEntry, schema_tables.ContingentValues),
    "launch_profiles": (schema_tables.LaunchProfileEntry, schema_tables.LaunchProfileValues),
}
PARTS = ("limits", "rules", "prices", "partitions", "charges", "recurring_cutoffs")
"""Keys of an entry that hold tables with a source of their own."""
_OWNED_BY = {"systems": "site", "products": "provider", "subjects": "provider", "observations": "provider"}


def read_rows(documents: Sequence[Document], errors: list[InputError], below: Rows | None = None) -> Rows:
    """Every entry that is right by itself; what is wrong is added to ``errors``.

    ``below`` are the entries that these are to be laid over: of one that is known there, a local file gives the id
    and what it states, and no more.
    """
    known = None if below is None else {kind: below.by_id(kind) for kind in ENTRY_KINDS if kind != "observations"}
    rows = Rows(
        ids={kind: {} for kind in (*ENTRY_KINDS, "sites")}, providers={} if below is None else dict(below.providers)
    )
    for document in documents:
        head = checked(schema.CatalogueFile, document.content, document.path, "", errors)
        if head is not None:
            _read_document(_Page(document, head, errors, known), rows)
    return rows


@dataclass(slots=True)
class _Page:
    """The file that is being read. A source that is wrong itself is told once; its entries count as unsourced.

    ``known`` are the entries that those of a local file are laid over, by kind and id; None for any other file.
    """

    document: Document
    head: schema.CatalogueFile
    errors: list[InputError]
    known: Mapping[str, Mapping[str, Row[Any]]] | None
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def unsourced(self) -> Source:
        return UNSOURCED if self.known is None else LOCAL_UNSOURCED

    def source(self, name: str | None) -> Source:
        return self.sources.get(name, self.unsourced) if name is not None else self.unsourced

    def mistake(self, problem: str, key: str, value: object = None, allowed: Iterable[str] | None = None) -> None:
        names = None if allowed is None else list(allowed)
        self.errors.append(InputError(problem, file=self.document.path, key=key, value=value, allowed=names))

    def known_entry(self, kind: str, name: object) -> Row[Any] | None:
        """The entry that one of a local file is laid over."""
        if self.known is None or kind == "observations" or not isinstance(name, str):
            return None
        return self.known[kind].get(_unique(kind, self.owner(kind) or "", name))

    def owner(self, kind: str) -> str | None:
        """The site or provider that the entries of a kind belong to; None where the file names none."""
        if _OWNED_BY.get(kind) == "site":
            return self.head.site
        if _OWNED_BY.get(kind) == "provider":
            return self.head.provider.id if self.head.provider else None
        return ""


def _read_document(page: _Page, rows: Rows) -> None:
    _read_provider(page, rows)
    _read_sources(page)
    if page.head.site is not None:
        rows.ids["sites"].setdefault(page.head.site, page.document)
    for kind, (model, values_model) in MODELS.items():
        for number, content in enumerate(getattr(page.head, kind)):
            where = f"{kind}.{content.get('id', number)}"
            known = page.known_entry(kind, content.get("id"))
            owner = _owner(kind, known, where, page)
            if owner is None:
                continue
            _note_id(kind, owner, content, where, page, rows)
            before = len(page.errors)
            entry, claims = _read_entry(model, values_model, _completed(content, model, known), where, page)
            if entry is None or len(page.errors) > before:
                continue
            parts = tuple((part, page.source(part.source or entry.source)) for part in _sourced_parts(entry))
            row = Row(entry, claims, page.source(entry.source), parts, page.document, where, owner)
            getattr(rows, kind).append(row)


def _read_provider(page: _Page, rows: Rows) -> None:
    provider = page.head.provider
    if provider is None:
        return
    name = rows.providers.setdefault(provider.id, provider.name)
    if name != provider.name:
        page.mistake(f"provider {provider.id!r} is called {name!r} in another file", "provider.name", provider.name)


def _read_sources(page: _Page) -> None:
    page.sources["unsourced"] = page.unsourced
    for name, content in page.head.sources.items():
        if name == "unsourced":
            page.mistake("this name stands for 'no source' and cannot be given to one", f"sources.{name}")
            continue
        table = checked(SourceTable, content, page.document.path, f"sources.{name}", page.errors)
        page.sources[name] = (
            page.unsourced
            if table is None
            else Source(
                tuple(table.urls),
                table.as_of,
                earliest_day(table.as_of),
                table.evidence,
                table.note,
                local=page.known is not None,
            )
        )


def _owner(kind: str, known: Row[Any] | None, where: str, page: _Page) -> str | None:
    """The site or provider an entry belongs to, which an entry that is known already brings along."""
    named = page.owner(kind)
    if known is None:
        if named is None:
            page.mistake(f"needs [{_OWNED_BY[kind]}] at the top of the file", where)
        return named
    if named not in (None, known.owner):
        problem = (
            f"belongs to another {_OWNED_BY[kind]} in the catalogue; name that one at the top of the file, or none"
        )
        page.mistake(problem, where, named, [known.owner])
        return None
    return known.owner


def _completed(content: dict[str, Any], model: type[BaseModel], known: Row[Any] | None) -> dict[str, Any]:
    """The content with the keys that every entry has to have, taken from the entry that it is laid over."""
    if known is None:
        return content
    required = {name: getattr(known.entry, name) for name, given in model.model_fields.items() if given.is_required()}
    return required | content


def _unique(kind: str, owner: str, name: str) -> str:
    """What tells an entry apart from the others of its kind: a subject's id counts within its provider only."""
    return f"{owner}: {name}" if kind == "subjects" else name


def _note_id(kind: str, owner: str, content: dict[str, Any], where: str, page: _Page, rows: Rows) -> None:
    name = content.get("id")
    if kind == "observations" or not isinstance(name, str):
        return
    known = rows.ids[kind]
    unique = _unique(kind, owner, name)
    if unique in known:
        page.mistake(f"id used twice; it also stands in {known[unique].path}", f"{where}.id", name)
    known.setdefault(unique, page.document)


def _read_entry(
    model: type[BaseModel], values_model: type[BaseModel] | None, content: dict[str, Any], where: str, page: _Page
) -> tuple[Any, Claims]:
    names = {} if values_model is None else values_model.model_fields
    own = {key: value for key, value in content.items() if key not in names}
    entry = checked(model, own, page.document.path, where, page.errors, also_allowed=names)
    if entry is None:
        return None, Claims({})
    _check_sources(entry, where, page)
    if values_model is None:
        return entry, Claims({})
    given = {key: value for key, value in content.items() if key in names}
    values = checked(values_model, given, page.document.path, where, page.errors)
    if values is None:
        return None, Claims({})
    return entry, Claims(_claims(entry, values, where, page))


def _check_sources(entry: Any, where: str, page: _Page) -> None:
    used = [(f"{where}.{part}[{number}]", inner.source) for part, number, inner in _parts(entry)]
    for place, name in used:
        if name is None and entry.source is None:
            page.mistake('has no source: give it one, or the entry, or write source = "unsourced"', place)
    for key, name in [(where, entry.source), *used]:
        if name is not None and name not in page.sources:
            page.mistake("no such source in this file", f"{key}.source", name, page.sources)


def _parts(entry: Any) -> Iterator[tuple[str, int, Any]]:
    for part in ("claims", *PARTS):
        for number, inner in enumerate(getattr(entry, part, [])):
            yield part, number, inner


def _sourced_parts(entry: Any) -> Iterator[Any]:
    return (inner for part, _, inner in _parts(entry) if part != "claims")


def _claims(entry: Any, values: BaseModel, where: str, page: _Page) -> dict[str, list[Claim[Any]]]:
    names = type(values).model_fields
    unsourced = names if entry.unsourced == "all" else entry.unsourced
    for key, used in (("unsourced", unsourced), ("remarks", entry.remarks)):
        for name in used:
            if name not in names:
                page.mistake("names no value of such an entry", f"{where}.{key}", name, names)
    by_field: dict[str, list[Claim[Any]]] = {}
    for name, value in values:
        if value is None:
            continue
        if name not in unsourced and entry.source is None:
            page.mistake("has no source: give the entry one, or name this key in unsourced", f"{where}.{name}")
        source = page.unsourced if name in unsourced else page.source(entry.source)
        by_field[name] = [Claim(value, source, "", entry.remarks.get(name, ""))]
    for number, claim in enumerate(entry.claims):
        place = f"{where}.claims[{number}]"
        if checked(type(values), {claim.field: claim.value}, page.document.path, place, page.errors) is not None:
            source = page.source(claim.source or entry.source)
            by_field.setdefault(claim.field, []).append(Claim(claim.value, source, claim.unit, claim.note))
    return by_field
