"""The sections of ``workload.toml`` and how each is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from stellwerk.workload.boundary import (
    MAX_SIZE,
    Flag,
    Layers,
    Number,
    OptionalSize,
    Section,
    Size,
    SizeOrZero,
    SomeLayers,
)
from stellwerk.workload.model import (
    ApplicantKind,
    CareerStage,
    FineTuningMethod,
    InstitutionKind,
    OptimizerChoice,
    Precision,
    Purpose,
    Schedule,
    Sensitivity,
    WeightFormat,
)
from stellwerk.workload.readers import (
    BatchTokens,
    Budget,
    Count,
    Countries,
    Country,
    Date,
    Duration,
    Moment,
    Tokens,
    wrong_value,
)

_STATE = 'an ISO 3166-2 code of a part of the country, such as "DE-SN"'
_TEXT = "a text in quotes"
_DOMAIN = 'the domain of the institution, such as "tu-dresden.de"'
_POSITIVE = "a number above 0"
_PREPARED = "a folder that `stellwerk data prepare` wrote, relative to this file"
_BASE = "a folder with config.json and safetensors files, relative to this file"
_COMMAND = 'a text such as "train.py --lr 3e-4", or a list of texts'
_VARIABLES = 'a table of variables with texts or whole numbers, such as { TOKENIZERS_PARALLELISM = "false" }'


def _read_words(value: Any) -> str | list[str]:
    if isinstance(value, str) or (isinstance(value, list) and all(isinstance(word, str) for word in value)):
        return value
    raise wrong_value("this value cannot stand here", _COMMAND)


def _read_command(value: Any) -> str | list[str]:
    words = _read_words(value)
    if not words or words == [""] or (isinstance(words, str) and not words.strip()):
        raise wrong_value("names no program", _COMMAND)
    return words


def _read_variables(value: Any) -> dict[str, str | int]:
    if isinstance(value, dict) and all(type(text) in (str, int) for text in value.values()):
        return value
    raise wrong_value("this value cannot stand here", _VARIABLES)


Table = Annotated[dict[str, Any] | None, Field(description="a section")]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=50)]

Share = Annotated[Number, Field(ge=0, le=1, description="a number from 0 to 1")]
Steps = Annotated[int | None, Field(ge=1, le=10**9, description="a whole number of steps")]


class Document(Section):
    schema_: Annotated[int, Field(alias="schema")]
    name: Annotated[str | None, Field(min_length=1, max_length=200, description=_TEXT)] = None
    as_of: Date = None
    model: Annotated[dict[str, Any], Field(description="a section [model]")]
    training: Table = None
    finetuning: Table = None
    serving: Table = None
    limits: Annotated[dict[str, Any], Field(default_factory=dict, description="a section [limits]")]
    data: Annotated[dict[str, Any], Field(default_factory=dict, description="a section [data]")]
    applicant: Annotated[dict[str, Any], Field(description="a section [applicant]")]
    run: Annotated[dict[str, Any], Field(default_factory=dict, description="a section [run]")]
    program: Table = None


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
    tokens: Tokens
    sequence_length: Size
    global_batch_sequences: OptionalSize = None
    global_batch_tokens: BatchTokens = None
    precision: Annotated[Precision, Field(description="bf16, fp16, fp8, mxfp8 or nvfp4")]
    optimizer: Annotated[OptimizerChoice, Field(description="adamw, adamw_bf16, adamw_8bit or muon")] = "adamw"


class FineTuningSection(TrainingSection):
    method: Annotated[FineTuningMethod, Field(description="full, lora or qlora")]
    lora_rank: Annotated[int, Field(ge=1, le=4096, description="a whole number from 1 to 4,096")] = 16


class ServingSection(Section):
    users: Annotated[Count, Field(ge=1, le=10**9, description="a whole number of people")]
    concurrent_requests: Annotated[Count, Field(ge=1, le=10**8, description="a whole number of requests")]
    prompt_tokens: Size
    output_tokens: Size
    tokens_per_s: Annotated[Number, Field(gt=0, le=1e5, description=_POSITIVE)]
    first_token_s: Annotated[Number, Field(gt=0, le=1e5, description=_POSITIVE)]
    weights: Annotated[WeightFormat, Field(description="bf16, fp8 or int4")]
    duration: Duration


class LimitsSection(Section):
    duration: Duration | None = None
    deadline: Moment | None = None
    budget: Budget | None = None


class DataSection(Section):
    sensitivity: Annotated[Sensitivity, Field(description="public, confidential, personal or sensitive_personal")] = (
        "public"
    )
    locations: Countries = ()
    jurisdictions: Countries = ()
    certificates: Annotated[Names, Field(description='a list of names, such as ["BSI C5"]')] = Field(
        default_factory=list
    )
    storage_tb: Annotated[Number | None, Field(gt=0, le=1e9, description=_POSITIVE)] = None


class ApplicantSection(Section):
    kind: Annotated[ApplicantKind, Field(description="academia, startup, sme, large_industry or public")]
    country: Country
    state: Annotated[str | None, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$", description=_STATE)] = None
    employees: Annotated[int | None, Field(ge=1, le=10**8, description="a whole number of people")] = None
    institution: Annotated[
        str | None, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=100, description=_DOMAIN)
    ] = None
    institution_kind: InstitutionKind | None = None
    career_stage: CareerStage | None = None
    pi_stage: CareerStage | None = None
    pi_doctorate: Annotated[bool | None, Field(description="true or false")] = None
    partners: Annotated[list[ApplicantKind] | None, Field(description="a list of kinds, [] for nobody")] = None
    grants: Annotated[Names | None, Field(description="a list of grants, [] for none")] = None
    open_results: Annotated[bool | None, Field(description="true or false")] = None
    purpose: Purpose | None = None


class RunSection(Section):
    dataset: Annotated[str | None, Field(min_length=1, description=_PREPARED)] = None
    base: Annotated[str | None, Field(min_length=1, description=_BASE)] = None
    learning_rate: Annotated[Number | None, Field(gt=0, le=1, description="a number above 0 and at most 1")] = None
    schedule: Annotated[Schedule, Field(description="wsd or cosine")] = "wsd"
    warm_up_share: Share = 0.05
    decay_share: Share = 0.3
    final_share: Share = 0.0
    weight_decay: Annotated[Number, Field(ge=0, le=100, description="a number from 0 to 100")] = 0.1
    gradient_clip: Annotated[Number, Field(gt=0, le=1e6, description=_POSITIVE)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**32, description=f"a whole number from 0 to {2**32 - 1:,}")] = 1
    checkpoint_every: Steps = None
    keep_checkpoints: Annotated[int, Field(ge=1, le=10_000, description="a whole number from 1 to 10,000")] = 2
    evaluate_every: Steps = None
    prompt: Annotated[str | None, Field(min_length=1, max_length=10_000, description=_TEXT)] = None
    compile: Annotated[bool | None, Field(description="true or false")] = None
    tensor_parallel: Annotated[int, Field(ge=1, le=1024, description="a whole number from 1 to 1,024")] = 1


class ProgramSection(Section):
    command: Annotated[str | list[str], PlainValidator(_read_command), Field(description=_COMMAND)]
    launcher: Literal["torchrun", "none"] = "torchrun"
    directory: Annotated[str | None, Field(min_length=1, description="a folder, relative to this file")] = None
    environment: Annotated[dict[str, str | int], PlainValidator(_read_variables), Field(default_factory=dict)]
    resume_arguments: Annotated[str | list[str], PlainValidator(_read_words), Field(default_factory=list)]
    stop_signal: Literal["TERM", "INT", "USR1", "USR2"] = "TERM"
    stop_before: Duration = 120.0
    log_pattern: Annotated[str | None, Field(min_length=1, max_length=1000, description="a regular expression")] = None
