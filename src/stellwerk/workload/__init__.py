"""What is wanted: a model, its training, the limits and the applicant."""

from stellwerk.workload.architecture import FlopsPerToken, ParameterCount, count_parameters, flops_per_token
from stellwerk.workload.huggingface import read_huggingface_config
from stellwerk.workload.load import read_workload
from stellwerk.workload.model import Applicant, Architecture, Limits, Training, Workload
from stellwerk.workload.published import PublishedModel, published_models
from stellwerk.workload.summary import published_model_as_dict, workload_as_dict

__all__ = [
    "Applicant",
    "Architecture",
    "FlopsPerToken",
    "Limits",
    "ParameterCount",
    "PublishedModel",
    "Training",
    "Workload",
    "count_parameters",
    "flops_per_token",
    "published_model_as_dict",
    "published_models",
    "read_huggingface_config",
    "read_workload",
    "workload_as_dict",
]
