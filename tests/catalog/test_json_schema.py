from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from stellwerk.catalog import ENTRY_KINDS, entry_schema, file_schema
from stellwerk.catalog.load import PACKAGED
from tests.catalog.conftest import SMALL

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": (str, datetime.date),  # editors hand dates of TOML over as texts
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
KNOWN_KEYWORDS = {
    *("$ref", "$schema", "additionalProperties", "anyOf", "const", "default", "definitions", "description", "enum"),
    *("exclusiveMinimum", "format", "items", "maxLength", "maximum", "minItems", "minimum", "pattern", "properties"),
    *("propertyNames", "required", "title", "type"),
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return file_schema()


@pytest.mark.parametrize("path", sorted(PACKAGED.rglob("*.toml")), ids=lambda path: path.stem)
def test_every_packaged_file_is_valid(path: Path, schema: dict[str, Any]) -> None:
    assert list(mistakes(tomllib.loads(path.read_text(encoding="utf-8")), schema, schema)) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("schema = 1\n", "", "schema"),
        ("nodes = 10", "noes = 10", "noes"),
        ("nodes = 10", "nodes = 0", "nodes"),
        ("nodes = 10", 'nodes = "10"', "nodes"),
        ('country = "DE"', 'country = "Germany"', "country"),
        ('status = "operational"', 'status = "runs"', "status"),
        ('operator_kind = "nhr"\n', "", "operator_kind"),
        ('field = "nodes"', 'field = "node"', "field"),
        ('unsourced = ["scheduler"]', 'unsourced = ["schedular"]', "unsourced"),
        ('nodes = "counted in spring"', 'node = "counted in spring"', "remarks"),
        ('evidence = "primary"', 'evidence = "hearsay"', "evidence"),
        ('amount = "12.50"', "amount = 12.5", "amount"),
        ("maximum = 5000", "maximum = true", "maximum"),
        ('field = "pi_doctorate"', 'field = "pi_doctrate"', "field"),
        ('condition.de = "Ihre', 'condition.de = 1 # "Ihre', "condition"),
        ('name.de = "Stufen"', 'name.de = ""', "name"),
    ],
)
def test_what_the_loader_refuses_is_marked_in_an_editor_too(
    old: str, new: str, place: str, schema: dict[str, Any]
) -> None:
    assert old in SMALL
    found = list(mistakes(tomllib.loads(SMALL.replace(old, new, 1)), schema, schema))
    assert len(found) == 1
    assert place in found[0]


def test_a_local_entry_needs_no_more_than_its_id(schema: dict[str, Any]) -> None:
    overlay = file_schema(overlay=True)
    local = tomllib.loads('schema = 1\n[[systems]]\nid = "heim-gpu"\n[[accelerators]]\nid = "a100"\n')
    assert list(mistakes(local, overlay, overlay)) == []
    assert list(mistakes(local, schema, schema)) != []
    nameless = tomllib.loads("schema = 1\n[[systems]]\nnotes = 'x'\n")
    assert list(mistakes(nameless, overlay, overlay)) != []


@pytest.mark.parametrize("kind", ENTRY_KINDS)
def test_the_schema_of_one_kind_stands_on_its_own(kind: str) -> None:
    schema = entry_schema(kind)
    for entry in tomllib.loads(SMALL)[kind]:
        assert list(mistakes(entry, schema, schema)) == []
    assert "null" not in str(schema)


def mistakes(value: Any, schema: dict[str, Any], root: dict[str, Any], place: str = "file") -> list[str]:
    """What is wrong with a value, by the part of JSON Schema that ours uses."""
    assert set(schema) <= KNOWN_KEYWORDS, set(schema) - KNOWN_KEYWORDS
    if "$ref" in schema:
        return mistakes(value, root["definitions"][schema["$ref"].rpartition("/")[2]], root, place)
    if "anyOf" in schema and all(mistakes(value, choice, root, place) for choice in schema["anyOf"]):
        return [f"{place}: none of the choices"]
    found = _wrong_value(value, schema, place)
    if isinstance(value, dict) and not found:
        found += _wrong_keys(value, schema, place)
        for key, inner in value.items():
            other = schema.get("additionalProperties", {})
            inner_schema = schema.get("properties", {}).get(key, other if isinstance(other, dict) else {})
            found += mistakes(inner, inner_schema, root, f"{place}.{key}")
    if isinstance(value, list) and not found:
        for number, inner in enumerate(value):
            found += mistakes(inner, schema.get("items", {}), root, f"{place}[{number}]")
    return found


def _wrong_value(value: Any, schema: dict[str, Any], place: str) -> list[str]:
    kind = schema.get("type")
    wrong = (
        (kind is not None and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")))
        or ("enum" in schema and value not in schema["enum"])
        or ("const" in schema and value != schema["const"])
        or (isinstance(value, str) and re.search(schema.get("pattern", ""), value) is None)
        or (isinstance(value, str) and len(value) > schema.get("maxLength", len(value)))
        or (isinstance(value, list) and len(value) < schema.get("minItems", 0))
        or (isinstance(value, int | float) and value <= schema.get("exclusiveMinimum", value - 1))
        or (isinstance(value, int | float) and value < schema.get("minimum", value))
        or (isinstance(value, int | float) and value > schema.get("maximum", value))
        or (isinstance(value, list) and len(value) < schema.get("minItems", 0))
    )
    return [f"{place}: {value!r}"] if wrong else []


def _wrong_keys(value: dict[str, Any], schema: dict[str, Any], place: str) -> list[str]:
    found = [f"{place}: {name} is missing" for name in schema.get("required", []) if name not in value]
    if schema.get("additionalProperties") is False:
        found += [f"{place}: {name} is unknown" for name in value if name not in schema["properties"]]
    names = schema.get("propertyNames", {}).get("enum")
    return found + [f"{place}: {name} is unknown" for name in value if names is not None and name not in names]
