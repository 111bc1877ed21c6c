from __future__ import annotations

import subprocess
import sys

import stellwerk.workload


def test_exported_names_are_these() -> None:
    assert set(stellwerk.workload.__all__) == {
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
    }
    assert all(hasattr(stellwerk.workload, name) for name in stellwerk.workload.__all__)


def test_importing_the_room_does_not_import_pydantic() -> None:
    program = "import sys, stellwerk.workload; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
