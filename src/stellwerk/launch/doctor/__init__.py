"""Why a run is slow or did not get far: likely causes with their evidence, and what to try next."""

from stellwerk.launch.doctor.diagnose import diagnose
from stellwerk.launch.doctor.model import Diagnosis, Finding, RunEvidence
from stellwerk.launch.doctor.read import read_evidence
from stellwerk.launch.doctor.serialise import diagnosis_as_dict

__all__ = ["Diagnosis", "Finding", "RunEvidence", "diagnose", "diagnosis_as_dict", "read_evidence"]
