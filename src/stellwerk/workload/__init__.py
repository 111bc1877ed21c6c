"""What is wanted: a model, its training, the limits and the applicant."""

from stellwerk.workload.applicant_request import ApplicantRequest, parse_applicant
from stellwerk.workload.architecture import (
    FlopsPerToken,
    ParameterCount,
    active_adapter_parameters,
    adapter_parameters,
    count_parameters,
    flops_per_token,
    kv_cache_elements_per_token,
    training_flops_per_token,
)
from stellwerk.workload.filled_in import FilledIn
from stellwerk.workload.huggingface import read_huggingface_config
from stellwerk.workload.institutions import Institution, find_institution, institutions
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
    OptimizerChoice,
    Precision,
    Program,
    RunSettings,
    Serving,
    Training,
    WeightFormat,
    Workload,
    architecture_from_values,
)
from stellwerk.workload.placeholders import PLACEHOLDERS, fill_placeholders
from stellwerk.workload.published import PublishedModel, published_models
from stellwerk.workload.request import Draft, Request, draft_workload
from stellwerk.workload.serving_request import ServingRequest, usual_concurrent_requests
from stellwerk.workload.summary import published_model_as_dict, workload_as_dict
from stellwerk.workload.training_request import TrainingRequest, suggested_tokens
from stellwerk.workload.words import words
from stellwerk.workload.written import draft_as_toml, filled_in_lines

__all__ = [
    "PLACEHOLDERS",
    "Applicant",
    "ApplicantRequest",
    "Architecture",
    "DataNeeds",
    "Draft",
    "Experts",
    "FilledIn",
    "FlopsPerToken",
    "Institution",
    "LatentAttention",
    "Limits",
    "Method",
    "Migrated",
    "OptimizerChoice",
    "ParameterCount",
    "Precision",
    "Program",
    "PublishedModel",
    "Request",
    "RunSettings",
    "Serving",
    "ServingRequest",
    "Training",
    "TrainingRequest",
    "WeightFormat",
    "Workload",
    "active_adapter_parameters",
    "adapter_parameters",
    "architecture_from_values",
    "count_parameters",
    "draft_as_toml",
    "draft_workload",
    "fill_placeholders",
    "filled_in_lines",
    "find_institution",
    "flops_per_token",
    "institutions",
    "kv_cache_elements_per_token",
    "migrate_text",
    "parse_applicant",
    "published_model_as_dict",
    "published_models",
    "read_huggingface_config",
    "read_workload",
    "suggested_tokens",
    "training_flops_per_token",
    "usual_concurrent_requests",
    "words",
    "workload_as_dict",
]
