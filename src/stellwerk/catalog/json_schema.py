"""The JSON Schema of a catalogue file, for editors that complete and check TOML; made from the pydantic models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stellwerk.catalog.model import ENTRY_KINDS

if TYPE_CHECKING:
    from pydantic import BaseModel

_DRAFT = "http://json-schema.org/draft-07/schema#"


def file_schema(*, overlay: bool = False) -> dict[str, Any]:
    """The schema of a whole file. ``overlay`` is for local files that are laid over the catalogue: an entry that is
    known there needs no more than its id."""
    from stellwerk.catalog.schema import CatalogueFile  # pydantic is slow to import
    from stellwerk.catalog.schema_base import SourceTable

    definitions: dict[str, Any] = {"source": _tidied(SourceTable)}
    whole = _tidied(CatalogueFile)
    definitions |= whole.pop("definitions", {})
    whole["properties"]["sources"] = {"type": "object", "additionalProperties": _reference("source")}
    for kind in ENTRY_KINDS:
        entry = entry_schema(kind, overlay=overlay)
        definitions |= entry.pop("definitions")
        entry.pop("$schema")
        definitions[kind] = entry
        whole["properties"][kind] = {"type": "array", "items": _reference(kind)}
    return {"$schema": _DRAFT, "title": "Stellwerk catalogue file", **whole, "definitions": definitions}


def entry_schema(kind: str, *, overlay: bool = False) -> dict[str, Any]:
    """The schema of one entry of a kind of ``ENTRY_KINDS``: the keys that are ours and those that sources state."""
    from stellwerk.catalog.rows import MODELS

    entry_model, values_model = MODELS[kind]
    entry = _tidied(entry_model)
    definitions = entry.pop("definitions", {})
    if overlay:
        entry["required"] = [name for name in entry.get("required", []) if name in ("id", "source")]
    if values_model is not None:
        values = _tidied(values_model)
        definitions |= values.pop("definitions", {})
        names = {"enum": list(values["properties"])}
        entry["properties"] |= values["properties"]
        entry["properties"]["unsourced"] = {"anyOf": [{"type": "array", "items": names}, {"const": "all"}]}
        entry["properties"]["remarks"] |= {"propertyNames": names}
        claim = definitions.pop("ClaimEntry")
        claim["properties"]["field"] = names
        definitions[f"{kind}-claim"] = claim
        entry["properties"]["claims"] = {"type": "array", "items": _reference(f"{kind}-claim")}
    return {"$schema": _DRAFT, **entry, "definitions": definitions}


def _tidied(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = _without_null(model.model_json_schema(ref_template="#/definitions/{model}"))
    if "$defs" in schema:
        schema["definitions"] = schema.pop("$defs")
    return schema


def _without_null(node: Any) -> Any:
    """TOML has no null: what may be absent is left out. The titles that are made of the keys say nothing new."""
    if isinstance(node, list):
        return [_without_null(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    tidied = {key: _without_null(inner) for key, inner in node.items() if not _is_noise(key, inner)}
    given = [choice for choice in tidied.get("anyOf", []) if choice != {"type": "null"}]
    if len(given) == 1:
        del tidied["anyOf"]
        return given[0] | tidied
    return tidied | ({"anyOf": given} if given else {})


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}
