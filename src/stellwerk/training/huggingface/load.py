"""Reads a model in Hugging Face layout into a decoder, whole or spread over processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from stellwerk.errors import InputError, InputErrors
from stellwerk.training.decoder.lora import is_adapter
from stellwerk.training.decoder.transformer import Decoder
from stellwerk.training.huggingface.config import read_model_config
from stellwerk.training.huggingface.families import Stored, stored_as
from stellwerk.training.huggingface.stored import StoredTensors
from stellwerk.training.shares import local_share
from stellwerk.workload.model import Architecture

WITHOUT_EFFECT = ("rotary_emb.inv_freq",)
"""Endings of tensors that older files hold beside the weights: tables that are computed anyway."""


def read_model(folder: Path, max_length: int) -> Decoder:
    """The whole model in ``folder`` for sequences of up to ``max_length`` tokens, in fp32.

    Raises InputErrors as ``read_model_config`` and ``load_base`` do.
    """
    config = read_model_config(folder)
    decoder = Decoder(config.architecture, max_length, config.details)
    load_base(decoder, folder)
    return decoder


@torch.no_grad()
def load_base(decoder: Decoder, folder: Path) -> None:
    """Fills the weights of ``decoder`` from ``folder``; adapters stay as they are.

    Of a weight that is spread over processes (DTensor) each process reads its own share only. Raises InputErrors with
    everything that is missing, of another shape or left over, before anything is changed.
    """
    config = read_model_config(folder)
    stored = StoredTensors(folder)
    weights = {name: weight for name, weight in decoder.named_parameters() if not is_adapter(name)}
    places = {name: stored_as(name, config.model_type, config.architecture) for name in weights}
    problems = [
        problem
        for name, weight in weights.items()
        if (problem := _misfit(stored, places[name], tuple(weight.shape))) is not None
    ]
    problems += _left_over(stored, places.values(), config.architecture)
    if problems:
        raise InputErrors(problems)
    for name, weight in weights.items():
        _fill(weight, stored, places[name])


def _misfit(stored: StoredTensors, place: Stored, shape: tuple[int, ...]) -> InputError | None:
    """What is wrong with the tensors of one weight; None where they fit."""
    if place.stacked and len(place.names) != shape[0]:
        raise ValueError(f"{len(place.names)} tensors for a weight of shape {shape}")
    expected = shape[1:] if place.stacked else shape
    for name in place.names:
        try:
            found = stored.shape(name)
        except InputError as problem:
            return problem
        if found != expected:
            return InputError(
                "this tensor has another shape than config.json says",
                file=stored.file_of(name),
                key=name,
                value=found,
                allowed=str(expected),
            )
    return None


def _left_over(stored: StoredTensors, places: Iterable[Stored], architecture: Architecture) -> Iterator[InputError]:
    """Tensors that the decoder has no place for: without them it would be another model."""
    known = {name for place in places for name in place.names}
    if architecture.tied_embeddings:
        known.add("lm_head.weight")
    for name in sorted(stored.names() - known):
        if not name.endswith(WITHOUT_EFFECT):
            yield InputError("config.json says nothing of this tensor", file=stored.file_of(name), key=name)


def _fill(weight: Tensor, stored: StoredTensors, place: Stored) -> None:
    share, part = local_share(weight)
    if share.numel() == 0:
        return
    if not place.stacked:
        share.copy_(stored.read(place.names[0], part))
        return
    for row, name in enumerate(place.names[part[0]]):
        share[row].copy_(stored.read(name, part[1:]))
