"""Low-rank adapters beside frozen matrices (Hu et al. 2021, LoRA, arXiv:2106.09685, section 4.1).

A matrix W of shape (outputs, inputs) gets a narrow pair: ``adapter_down`` A (rank, inputs) and ``adapter_up``
B (outputs, rank). The layer computes W x + alpha/rank · B A x. A starts random, B at zero, so that a training begins
with the model as it was. The frozen weights keep their names; adapters stand beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from stellwerk.training.decoder.experts import ExpertFeedForward
from stellwerk.training.decoder.transformer import Decoder
from stellwerk.training.shares import local_share

DOWN = "adapter_down"
UP = "adapter_up"
ADAPTED = (
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.output",
    "feed_forward.gate",
    "feed_forward.up",
    "feed_forward.down",
    "feed_forward.shared.gate",
    "feed_forward.shared.up",
    "feed_forward.shared.down",
)
"""Linear layers with an adapter: all of attention and feed-forward block, as ``workload.adapter_parameters`` counts
them; not the router. Each expert gets its own."""
EXPERT_MATRICES = ("gate", "up", "down")


class AdaptedLinear(nn.Module):
    """A frozen linear layer with an adapter; inputs of shape (…, inputs) to (…, outputs).

    ``weight`` and ``bias`` are those of ``linear``. The adapter is kept in fp32 and computed in the inputs' type.
    """

    bias: nn.Parameter | None

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.scale = alpha / rank
        self.weight = linear.weight
        self.register_parameter("bias", linear.bias)
        self.adapter_down, self.adapter_up = _pair(linear.weight, rank)

    def forward(self, inputs: Tensor) -> Tensor:
        narrow = F.linear(inputs, self.adapter_down.to(inputs.dtype))
        change = F.linear(narrow, self.adapter_up.to(inputs.dtype))
        return F.linear(inputs, self.weight, self.bias) + self.scale * change


def add_adapters(decoder: Decoder, *, rank: int, alpha: float, generator: torch.Generator | None) -> None:
    """Freezes the decoder and puts an adapter beside every matrix of ``ADAPTED``, in place, before it is sharded.

    Draws the adapters from ``generator``; with None (a decoder on the meta device) ``initialise_adapters`` is to be
    called when there is memory for them.
    """
    decoder.requires_grad_(False)
    for layer in decoder.layers:
        for path in ADAPTED:
            _adapt(layer, path, rank, alpha)
        if isinstance(layer.feed_forward, ExpertFeedForward):
            _adapt_experts(layer.feed_forward, rank, alpha)
    if generator is not None:
        initialise_adapters(decoder, generator)


@torch.no_grad()
def initialise_adapters(decoder: nn.Module, generator: torch.Generator) -> None:
    """A uniform with variance 1/(3 · inputs), B zero, as the authors' code draws them (microsoft/LoRA, loralib).

    Every process draws whole matrices and keeps its share, so that the number of processes does not matter.
    """
    for name, parameter in decoder.named_parameters():
        share, place = local_share(parameter)
        if name.endswith(UP):
            share.zero_()
        elif name.endswith(DOWN):
            bound = 1 / math.sqrt(parameter.shape[-1])
            drawn = torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator)
            share.copy_(drawn[place])


def is_adapter(name: str) -> bool:
    """Whether a parameter of this name belongs to an adapter."""
    return name.endswith((DOWN, UP))


def adapter_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The adapters among the weights of a model."""
    return {name: weight for name, weight in weights.items() if is_adapter(name)}


def merged_weights(weights: Mapping[str, Tensor], *, alpha: float) -> dict[str, Tensor]:
    """Whole (not sharded) weights with each adapter added to its matrix, under the names of a model without adapters.

    Sums are formed in fp32 and rounded once to the matrix's own type.
    """
    merged = {name: weight for name, weight in weights.items() if not is_adapter(name)}
    for name, down in weights.items():
        if not name.endswith(DOWN):
            continue
        up, target = weights[name.removesuffix(DOWN) + UP], _adapted_weight(name)
        change = (alpha / down.shape[-2]) * (up.float() @ down.float())
        merged[target] = (merged[target].float() + change).to(merged[target].dtype)
    return merged


def _adapted_weight(adapter: str) -> str:
    """The name of the matrix that an ``adapter_down`` stands beside: a layer's weight, or one matrix of all experts."""
    layer = adapter.removesuffix(DOWN)
    return f"{layer}weight" if layer.endswith(".") else layer.removesuffix("_")


def _adapt(layer: nn.Module, path: str, rank: int, alpha: float) -> None:
    """Replaces the linear layer at ``path`` where the layer has one there."""
    parent_path, _, name = path.rpartition(".")
    try:
        parent = layer.get_submodule(parent_path)
    except AttributeError:
        return
    linear = getattr(parent, name, None)
    if isinstance(linear, nn.Linear):
        setattr(parent, name, AdaptedLinear(linear, rank, alpha))


def _adapt_experts(block: ExpertFeedForward, rank: int, alpha: float) -> None:
    block.adapter_scale = alpha / rank
    for part in EXPERT_MATRICES:
        down, up = _pair(getattr(block, part), rank)
        block.register_parameter(f"{part}_{DOWN}", down)
        block.register_parameter(f"{part}_{UP}", up)


def _pair(matrix: Tensor, rank: int) -> tuple[nn.Parameter, nn.Parameter]:
    """The adapter of a matrix (…, outputs, inputs), in fp32 where the matrix lies, not drawn yet."""
    *leading, outputs, inputs = matrix.shape
    shapes = (*leading, rank, inputs), (*leading, outputs, rank)
    down, up = (nn.Parameter(torch.empty(shape, device=matrix.device, dtype=torch.float32)) for shape in shapes)
    return down, up
