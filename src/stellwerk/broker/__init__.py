"""Where a workload can run: every offer judged, with reasons, and ranked."""

from stellwerk.broker.match import match, plan_on
from stellwerk.broker.model import CommercialOffer, Cost, Finding, JudgedOffer, Match, Offer, PublicOffer, Verdict
from stellwerk.broker.page import render_match_page
from stellwerk.broker.serialise import match_as_dict, plan_as_dict
from stellwerk.broker.serving import serve_on

__all__ = [
    "CommercialOffer",
    "Cost",
    "Finding",
    "JudgedOffer",
    "Match",
    "Offer",
    "PublicOffer",
    "Verdict",
    "match",
    "match_as_dict",
    "plan_as_dict",
    "plan_on",
    "render_match_page",
    "serve_on",
]
