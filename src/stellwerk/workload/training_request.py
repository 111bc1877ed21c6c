"""The training or fine-tuning that a few words ask for, with what is usual where they leave something open."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.units import format_count, parse_count
from stellwerk.workload.architecture import count_parameters
from stellwerk.workload.filled_in import FilledIn, said_or
from stellwerk.workload.model import Architecture

USUAL_SEQUENCE_LENGTH = 4096
TOKENS_PER_PARAMETER = 20
"""Compute-optimal by Hoffmann et al. (2022), arXiv:2203.15556, table 3."""

USUAL_LORA_RANK = 16
ADAPTER_BATCH_SEQUENCES = 16
"""What the authors of QLoRA took for Guanaco 7B: 4 sequences, accumulated over 4 steps
(https://github.com/artidoro/qlora, scripts/finetune_guanaco_7b.sh)."""

FULL_BATCH_SEQUENCES = 64
"""Of 4,096 tokens, as Llama 2-Chat was fine-tuned with (Touvron et al. 2023, arXiv:2307.09288, section 3.1)."""


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What a person says about a training, as the file has it ("300B"); None where nothing is said.

    ``method`` is that of a fine-tuning (``full``, ``lora``, ``qlora``); None trains from scratch.
    """

    tokens: str
    method: str | None = None
    sequence_length: int | None = None
    batch_tokens: str | None = None
    precision: str | None = None


def training_section(request: TrainingRequest, architecture: Architecture | None) -> tuple[str, dict[str, object]]:
    """The name of the file's section and its values, each as it was said or a FilledIn."""
    section = "training" if request.method is None else "finetuning"
    length = request.sequence_length
    usual_length = _usual_sequence_length(section, architecture)
    values: dict[str, object] = {
        "tokens": request.tokens,
        "sequence_length": said_or(length, f"{section}.sequence_length", *usual_length),
        **_batch(request, architecture, usual_length[0] if length is None else length),
    }
    values["precision"] = said_or(request.precision, f"{section}.precision", "bf16", "precision")
    if request.method is None:
        return section, values
    if request.method in ("lora", "qlora"):
        values["lora_rank"] = FilledIn(f"{section}.lora_rank", USUAL_LORA_RANK, "lora_rank")
    return section, {"method": request.method} | values


def suggested_tokens(architecture: Architecture) -> str:
    """About 20 tokens per parameter and at least a million, in the short form of the file."""
    tokens = max(TOKENS_PER_PARAMETER * count_parameters(architecture).total, 1_000_000)
    short = format_count(tokens)
    return str(tokens) if "e" in short else short


def _usual_sequence_length(section: str, architecture: Architecture | None) -> tuple[int, str]:
    positions = architecture.positions if architecture else 0
    if 0 < positions < USUAL_SEQUENCE_LENGTH:
        return positions, "positions"
    return USUAL_SEQUENCE_LENGTH, "sequence_length" if section == "training" else "sequence_length_finetuning"


def _batch(request: TrainingRequest, architecture: Architecture | None, sequence_length: int) -> dict[str, object]:
    if request.batch_tokens is not None:
        return {"global_batch_tokens": request.batch_tokens}
    tokens = _count(request.tokens)
    if request.method is None:
        return {"global_batch_tokens": _usual_batch_tokens(architecture, sequence_length, tokens)}
    return {"global_batch_sequences": _usual_batch_sequences(request.method, sequence_length, tokens)}


def _usual_batch_tokens(architecture: Architecture | None, sequence_length: int, tokens: int | None) -> FilledIn:
    batch, why = _published_batch(architecture)
    while tokens is not None and 2 * batch > tokens and batch > sequence_length:
        batch, why = max(batch // 2, sequence_length), "batch_short"
    if batch < sequence_length:
        batch, why = sequence_length, "batch_one_sequence"
    return FilledIn("training.global_batch_tokens", _short_count(batch), why)


def _published_batch(architecture: Architecture | None) -> tuple[int, str]:
    parameters = count_parameters(architecture).total if architecture else float("inf")
    if parameters < 1e9:
        return 500_000, "batch_0_5m"
    if parameters < 3e9:
        return 1_000_000, "batch_1m"
    return 4_000_000, "batch_4m"


def _usual_batch_sequences(method: str, sequence_length: int, tokens: int | None) -> FilledIn:
    batch, why = FULL_BATCH_SEQUENCES, "batch_full"
    if method in ("lora", "qlora"):
        batch, why = ADAPTER_BATCH_SEQUENCES, "batch_adapters"
    while tokens is not None and 2 * batch * sequence_length > tokens and batch > 1:
        batch, why = batch // 2, "batch_short"
    return FilledIn("finetuning.global_batch_sequences", batch, why)


def _count(text: str) -> int | None:
    try:
        return parse_count(text)
    except (ValueError, OverflowError):  # assemble_workload says it
        return None


def _short_count(count: int) -> str | int:
    """Whole thousands and millions with their letter, as the file may have them."""
    for letter, factor in (("M", 10**6), ("K", 10**3)):
        if count and count % factor == 0:
            return f"{count // factor}{letter}"
    return count
