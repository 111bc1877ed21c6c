"""The sections of ``workload.toml`` and how each is read."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from stellwerk.units import Money, parse_count, parse_duration_s, parse_money
from stellwerk.workload.boundary import (
    MAX_SIZE,
    Flag,
    Layers,
    OptionalSize,
    Section,
    Size,
    SizeOrZero,
    SomeLayers,
)
from stellwerk.workload.model import ApplicantKind, Precision
from stellwerk.workload.places import COUNTRIES

MAX_TOKENS = 10**18
MAX_DURATION_S = 100 * 365 * 86400.0
MAX_BUDGET = 10**15
T = TypeVar("T")


def _read_text(parse: Callable[[str], T], allowed: str) -> Callable[[Any], T]:
    """A validator that reads a quoted value, with its unit where it has one."""

    def read(value: Any) -> T:
        if not isinstance(value, str):
            raise _wrong_value("must be a string in quotes", allowed)
        try:
            return parse(value)
        except (ValueError, OverflowError) as error:
            raise _wrong_value(str(error), allowed) from None

    return read


def _read_count(value: Any) -> Any:
    """Reads ``"1T"``; a bare number passes on to the field's own check."""
    return _read_text(parse_count, _COUNT)(value) if isinstance(value, str) else value


def _wrong_value(problem: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("value", "{problem}", {"problem": problem, "allowed": allowed})


def _parse_duration_s(text: str) -> float:
    duration_s = parse_duration_s(text)
    if not 0 < duration_s <= MAX_DURATION_S:
        raise ValueError("must be longer than nothing and at most a century")
    return duration_s


def _parse_budget(text: str) -> Money:
    budget = parse_money(text)
    if budget.amount > MAX_BUDGET:
        raise ValueError("is too large to be meant")
    return budget


def _known_country(code: str) -> str:
    if code in COUNTRIES:
        return code
    capital = code.upper()
    hint = f"; did you mean {capital!r}?" if capital in COUNTRIES else ""
    raise ValueError(f"not an ISO 3166 country code{hint}")


_COUNT = 'a whole number, or a string such as "1T", "300B" or "4M"'
_DURATION = 'a string with its unit, such as "36h", "90d" or "12w"'
_BUDGET = 'a string with amount and currency, such as "500000 EUR"'
_COUNTRY = 'a two-letter ISO 3166 code in capitals, such as "DE"'
_STATE = 'an ISO 3166-2 code of a part of the country, such as "DE-SN"'
_DATE = "a date without quotes, such as 2027-03-01"
_TEXT = "a text in quotes"

Count = Annotated[int, BeforeValidator(_read_count)]
Date = Annotated[datetime.date | None, Field(description=_DATE)]


class Document(Section):
    schema_: Annotated[int, Field(alias="schema")]
    name: Annotated[str | None, Field(min_length=1, max_length=200, description=_TEXT)] = None
    as_of: Date = None
    model: Annotated[dict[str, Any], Field(description="a section [model]")]
    training: Annotated[dict[str, Any], Field(description="a section [training]")]
    limits: Annotated[dict[str, Any], Field(default_factory=dict, description="a section [limits]")]
    applicant: Annotated[dict[str, Any], Field(description="a section [applicant]")]


class ModelByName(Section):
    name: Annotated[str, Field(description="a name from `stellwerk workload models`")]


class ModelByConfig(Section):
    config: Annotated[str, Field(min_length=1, description="the path of a config.json, relative to this file")]


class ModelWrittenOut(Section):
    layers: Layers
    hidden: Size
    heads: Size
    kv_heads: OptionalSize = None
    head_dim: OptionalSize = None
    ffn_hidden: Size
    vocab: Size
    gated_mlp: Flag = True
    tied_embeddings: Flag = False
    attention_bias: Flag = False
    output_bias: Flag = False
    mlp_bias: Flag = False
    qk_norm: Flag = False
    norm_parameters: Annotated[int, Field(ge=0, le=2, description="0, 1 or 2")] = 1
    norms_per_layer: Annotated[int, Field(ge=0, le=8, description="a whole number from 0 to 8")] = 2
    positions: Annotated[int, Field(ge=0, le=MAX_SIZE, description=f"a whole number from 0 to {MAX_SIZE:,}")] = 0
    qk_norm_width: Literal["head", "projection"] = "head"
    head_bias: Flag = False
    attention_window: OptionalSize = None
    windowed_layers: SomeLayers = 0
    experts: Annotated[dict[str, Any] | None, Field(description="a section [model.experts]")] = None
    latent_attention: Annotated[dict[str, Any] | None, Field(description="a section [model.latent_attention]")] = None


class ExpertsSection(Section):
    routed: Size
    per_token: Size
    ffn_hidden: OptionalSize = None
    shared_ffn_hidden: SizeOrZero = 0
    dense_layers: SomeLayers = 0
    router_bias: Flag = False
    shared_gate: Flag = False


class LatentAttentionSection(Section):
    key_value_rank: Size
    rope_head_dim: Size
    value_head_dim: Size
    query_rank: OptionalSize = None


class TrainingSection(Section):
    tokens: Annotated[Count, Field(ge=1, le=MAX_TOKENS, description=_COUNT)]
    sequence_length: Size
    global_batch_sequences: OptionalSize = None
    global_batch_tokens: Annotated[Count | None, Field(ge=1, le=10**13, description=_COUNT)] = None
    precision: Annotated[Precision, Field(description="bf16 or fp16")]


class LimitsSection(Section):
    duration: Annotated[float | None, PlainValidator(_read_text(_parse_duration_s, _DURATION))] = None
    deadline: Date = None
    budget: Annotated[Money | None, PlainValidator(_read_text(_parse_budget, _BUDGET))] = None


class ApplicantSection(Section):
    kind: Annotated[ApplicantKind, Field(description="academia, startup, sme, large_industry or public")]
    country: Annotated[str, PlainValidator(_read_text(_known_country, _COUNTRY)), Field(description=_COUNTRY)]
    state: Annotated[str | None, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$", description=_STATE)] = None
