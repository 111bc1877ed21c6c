"""What people call an offer and a workload."""

from __future__ import annotations

from stellwerk.broker.model import CommercialOffer, Offer
from stellwerk.messages import Language, count_text, text
from stellwerk.workload import Serving, Workload, count_parameters


def name_of(offer: Offer) -> str:
    """The machine or product, without the way to it."""
    if isinstance(offer, CommercialOffer):
        return f"{offer.product.provider} {offer.product.instance_type.value or ''}".strip()
    system, partition = offer.system.system.value or offer.system.id, offer.system.partition.value
    return f"{system} ({partition})" if partition else system


def detail_of(offer: Offer, language: Language) -> str:
    """Who runs it, and by which programme or on which terms it is to be had."""
    parts: tuple[str | None, ...]
    if isinstance(offer, CommercialOffer):
        price = offer.price
        terms = f"{text(f'price_kind.{price.kind}', language)} {price.term}".strip() if price else None
        parts = (offer.product.accelerator.value, offer.product.region.value, terms)
    else:
        programme = offer.programme.programme.value if offer.programme else None
        parts = (offer.system.operator.value, programme)
    return ", ".join(part for part in parts if part)


def task_of(workload: Workload, language: Language) -> str:
    """What is asked for, in a few words: ``8.03 billion parameters, pre-training on 300 billion tokens``."""
    parameters = count_text(count_parameters(workload.architecture).total, language)
    task = workload.task
    if isinstance(task, Serving):
        return text("task.serving", language, parameters=parameters, users=task.users)
    return text(f"task.{task.method}", language, parameters=parameters, tokens=count_text(task.tokens, language))
