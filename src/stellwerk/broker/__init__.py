"""Where a workload can run: every offer judged, with reasons, and ranked."""

from stellwerk.broker.basis import basis_of
from stellwerk.broker.classes import ClassAnswer, ClassOnSystem, FamilyAnswer, find_classes
from stellwerk.broker.draft import ApplicationDraft, draft_application, draft_as_markdown
from stellwerk.broker.explain import (
    Explanation,
    InstanceRate,
    alternative_reason,
    explain,
    explanation_as_dict,
    instance_rate,
    reasons_for_plan,
)
from stellwerk.broker.explain_picture import waterfall_picture
from stellwerk.broker.hardware import NO_CALIBRATIONS, ground_of, hardware_of
from stellwerk.broker.lead_on import LeadOn, LeadOnIndex
from stellwerk.broker.match import match, plan_on
from stellwerk.broker.model import (
    CommercialOffer,
    Cost,
    Finding,
    Finish,
    FinishPart,
    JudgedOffer,
    Match,
    Offer,
    PublicOffer,
    Verdict,
)
from stellwerk.broker.names import task_of
from stellwerk.broker.needs import (
    NeedGroup,
    Obstacle,
    RegisteredNeed,
    group_needs,
    is_need_line,
    need_record,
    obstacles,
    read_needs,
)
from stellwerk.broker.page import render_match_page
from stellwerk.broker.reach import Scan, largest_on, scan_on
from stellwerk.broker.reach_as_dict import goodput_as_dict, largest_as_dict, scan_as_dict
from stellwerk.broker.serialise import classes_as_dict, match_as_dict, plan_as_dict
from stellwerk.broker.waits import NO_WAITS, Wait, Waits, read_waits

__all__ = [
    "NO_CALIBRATIONS",
    "NO_WAITS",
    "ApplicationDraft",
    "ClassAnswer",
    "ClassOnSystem",
    "CommercialOffer",
    "Cost",
    "Explanation",
    "FamilyAnswer",
    "Finding",
    "Finish",
    "FinishPart",
    "InstanceRate",
    "JudgedOffer",
    "LeadOn",
    "LeadOnIndex",
    "Match",
    "NeedGroup",
    "Obstacle",
    "Offer",
    "PublicOffer",
    "RegisteredNeed",
    "Scan",
    "Verdict",
    "Wait",
    "Waits",
    "alternative_reason",
    "basis_of",
    "classes_as_dict",
    "draft_application",
    "draft_as_markdown",
    "explain",
    "explanation_as_dict",
    "find_classes",
    "goodput_as_dict",
    "ground_of",
    "group_needs",
    "hardware_of",
    "instance_rate",
    "is_need_line",
    "largest_as_dict",
    "largest_on",
    "match",
    "match_as_dict",
    "need_record",
    "obstacles",
    "plan_as_dict",
    "plan_on",
    "read_needs",
    "read_waits",
    "reasons_for_plan",
    "render_match_page",
    "scan_as_dict",
    "scan_on",
    "task_of",
    "waterfall_picture",
]
