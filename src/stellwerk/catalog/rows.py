"""From documents to checked entries, each with its claims and their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from stellwerk.catalog import schema
from stellwerk.catalog.check import checked
from stellwerk.catalog.claims import UNSOURCED, Claims, earliest_day
from stellwerk.catalog.files import Document
from stellwerk.catalog.model import Claim, Source
from stellwerk.errors import InputError

E_co = TypeVar("E_co", bound=BaseModel, covariant=True)


@dataclass(frozen=True, slots=True)
class Row(Generic[E_co]):
    """One entry of a file. ``where`` is its place in the file, ``owner`` the site or provider the file is about."""

    entry: E_co
    claims: Claims
    sources: Mapping[str, Source]
    document: Document
    where: str
    owner: str

    def source(self, name: str | None) -> Source:
        """The source of a part of the entry (a price, a limit); None means the entry's own."""
        return self.sources[name if name is not None else self.entry.source]  # type: ignore[attr-defined]


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
    software: list[Row[schema.SoftwareEntry]] = field(default_factory=list)
    providers: dict[str, str] = field(default_factory=dict)
    """Name by id."""
    ids: dict[str, dict[str, Document]] = field(default_factory=dict)
    """By kind: each id and the file it stands in."""


_MODELS: dict[str, tuple[type[BaseModel], type[BaseModel] | None]] = {
    "accelerators": (schema.AcceleratorEntry, schema.AcceleratorValues),
    "systems": (schema.SystemEntry, schema.SystemValues),
    "programmes": (schema.ProgrammeEntry, schema.ProgrammeValues),
    "products": (schema.ProductEntry, schema.ProductValues),
    "subjects": (schema.SubjectEntry, schema.SubjectValues),
    "observations": (schema.ObservationEntry, None),
    "support": (schema.SupportEntry, schema.SupportValues),
    "software": (schema.SoftwareEntry, schema.SoftwareValues),
}
_OWNED_BY = {"systems": "site", "products": "provider", "subjects": "provider", "observations": "provider"}


def read_rows(documents: list[Document], errors: list[InputError]) -> Rows:
    """Every entry that is right by itself; what is wrong is added to ``errors``."""
    rows = Rows(ids={kind: {} for kind in _MODELS})
    for document in documents:
        head = checked(schema.CatalogueFile, document.content, document.path, "", errors)
        if head is not None:
            _read_document(_Page(document, head, errors), rows)
    return rows


@dataclass(slots=True)
class _Page:
    """The file that is being read. A source that is wrong itself is told once; its entries count as unsourced."""

    document: Document
    head: schema.CatalogueFile
    errors: list[InputError]
    sources: dict[str, Source] = field(default_factory=lambda: {"unsourced": UNSOURCED})

    def mistake(self, problem: str, key: str, value: object = None, allowed: Iterable[str] | None = None) -> None:
        names = None if allowed is None else list(allowed)
        self.errors.append(InputError(problem, file=self.document.path, key=key, value=value, allowed=names))

    def owner_of(self, kind: str) -> str | None:
        """The site or provider that an entry of a kind belongs to; None where the file names none."""
        if _OWNED_BY.get(kind) == "site":
            return self.head.site
        if _OWNED_BY.get(kind) == "provider":
            return self.head.provider.id if self.head.provider else None
        return ""


def _read_document(page: _Page, rows: Rows) -> None:
    _read_provider(page, rows)
    _read_sources(page)
    for kind, (model, values_model) in _MODELS.items():
        owner = page.owner_of(kind)
        for number, content in enumerate(getattr(page.head, kind)):
            where = f"{kind}.{content.get('id', number)}"
            if owner is None:
                page.mistake(f"needs [{_OWNED_BY[kind]}] at the top of the file", where)
                continue
            _note_id(kind, owner, content, where, page, rows)
            before = len(page.errors)
            entry, claims = _read_entry(model, values_model, content, where, page)
            if entry is not None and len(page.errors) == before:
                getattr(rows, kind).append(Row(entry, claims, page.sources, page.document, where, owner))


def _read_provider(page: _Page, rows: Rows) -> None:
    provider = page.head.provider
    if provider is None:
        return
    name = rows.providers.setdefault(provider.id, provider.name)
    if name != provider.name:
        page.mistake(f"provider {provider.id!r} is called {name!r} in another file", "provider.name", provider.name)


def _read_sources(page: _Page) -> None:
    for name, content in page.head.sources.items():
        if name == "unsourced":
            page.mistake("this name stands for 'no source' and cannot be given to one", f"sources.{name}")
            continue
        table = checked(schema.SourceTable, content, page.document.path, f"sources.{name}", page.errors)
        page.sources[name] = (
            UNSOURCED
            if table is None
            else Source(tuple(table.urls), table.as_of, earliest_day(table.as_of), table.evidence, table.note)
        )


def _note_id(kind: str, owner: str, content: dict[str, Any], where: str, page: _Page, rows: Rows) -> None:
    name = content.get("id")
    if kind == "observations" or not isinstance(name, str):
        return
    known = rows.ids[kind]
    unique = f"{owner}: {name}" if kind == "subjects" else name
    if unique in known:
        page.mistake(f"id used twice; it also stands in {known[unique].path}", f"{where}.id", name)
    known.setdefault(unique, page.document)


def _read_entry(
    model: type[BaseModel], values_model: type[BaseModel] | None, content: dict[str, Any], where: str, page: _Page
) -> tuple[BaseModel | None, Claims]:
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
    for part in ("claims", "limits", "prices"):
        for number, inner in enumerate(getattr(entry, part, [])):
            yield part, number, inner


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
        source = UNSOURCED if name in unsourced else page.sources.get(entry.source, UNSOURCED)
        by_field[name] = [Claim(value, source, "", entry.remarks.get(name, ""))]
    for number, claim in enumerate(entry.claims):
        place = f"{where}.claims[{number}]"
        if checked(type(values), {claim.field: claim.value}, page.document.path, place, page.errors) is not None:
            source = page.sources.get(claim.source or entry.source, UNSOURCED)
            by_field.setdefault(claim.field, []).append(Claim(claim.value, source, claim.unit, claim.note))
    return by_field
