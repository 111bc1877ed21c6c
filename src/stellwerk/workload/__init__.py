"""What is wanted: a model, its training, the limits and the applicant."""

from stellwerk.workload.architecture import (
    FlopsPerToken,
    ParameterCount,
    adapter_parameters,
    count_parameters,
    flops_per_token,
    kv_cache_elements_per_token,
    training_flops_per_token,
)
from stellwerk.workload.huggingface import read_huggingface_config
from stellwerk.workload.load import read_workload
from stellwerk.workload.migrate_file import Migrated, migrate_text
from stellwerk.workload.model import (
    Applicant,
    Architecture,
    DataNeeds,
    Experts,
    LatentAttention,
    Limits,
    Method,
    Serving,
    Training,
    WeightFormat,
    Workload,
    architecture_from_values,
)
from stellwerk.workload.published import PublishedModel, published_models
from stellwerk.workload.request import Draft, FilledIn, Request, draft_workload, parse_applicant, suggested_tokens
from stellwerk.workload.summary import published_model_as_dict, workload_as_dict
from stellwerk.workload.words import words
from stellwerk.workload.written import draft_as_toml, filled_in_lines

__all__ = [
    "Applicant",
    "Architecture",
    "DataNeeds",
    "Draft",
    "Experts",
    "FilledIn",
    "FlopsPerToken",
    "LatentAttention",
    "Limits",
    "Method",
    "Migrated",
    "ParameterCount",
    "PublishedModel",
    "Request",
    "Serving",
    "Training",
    "WeightFormat",
    "Workload",
    "adapter_parameters",
    "architecture_from_values",
    "count_parameters",
    "draft_as_toml",
    "draft_workload",
    "filled_in_lines",
    "flops_per_token",
    "kv_cache_elements_per_token",
    "migrate_text",
    "parse_applicant",
    "published_model_as_dict",
    "published_models",
    "read_huggingface_config",
    "read_workload",
    "suggested_tokens",
    "training_flops_per_token",
    "words",
    "workload_as_dict",
]
