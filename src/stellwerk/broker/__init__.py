"""Where a workload can run: every offer judged, with reasons, and ranked."""

from stellwerk.broker.classes import ClassAnswer, ClassOnSystem, FamilyAnswer, find_classes
from stellwerk.broker.match import match, plan_on
from stellwerk.broker.model import CommercialOffer, Cost, Finding, JudgedOffer, Match, Offer, PublicOffer, Verdict
from stellwerk.broker.page import render_match_page
from stellwerk.broker.serialise import classes_as_dict, match_as_dict, plan_as_dict

__all__ = [
    "ClassAnswer",
    "ClassOnSystem",
    "CommercialOffer",
    "Cost",
    "FamilyAnswer",
    "Finding",
    "JudgedOffer",
    "Match",
    "Offer",
    "PublicOffer",
    "Verdict",
    "classes_as_dict",
    "find_classes",
    "match",
    "match_as_dict",
    "plan_as_dict",
    "plan_on",
    "render_match_page",
]
