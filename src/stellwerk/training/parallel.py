"""Spreads a model over processes: tensor parallel inside a layer, fully sharded data parallel over the rest.

The order matters: a layer gets its storage, is cut along its widths (DTensor), is compiled, and only then sharded
(FSDP2, torch.distributed.fsdp.fully_shard), which from then on gathers it when it is needed. So at most one layer is
ever whole.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

from stellwerk.training.decoder.experts import ExpertFeedForward, SharedExpert
from stellwerk.training.decoder.loss import compile_loss
from stellwerk.training.decoder.transformer import Decoder, DecoderLayer, initial_std
from stellwerk.training.model import ComputeType, Device, TrainingJob
from stellwerk.training.shares import local_part, local_share

TORCH_TYPES: dict[ComputeType, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}


def join_process_group(device: Device) -> None:
    """Of the processes that torchrun started; each takes the accelerator of its local rank. What lies on a processor
    travels over Gloo in any case: checkpoints are gathered there."""
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cuda:nccl,cpu:gloo" if device == "cuda" else "gloo")


def spread(decoder: Decoder, job: TrainingJob, mesh: DeviceMesh) -> None:
    """Gives a decoder without storage its storage, layer by layer, each process its share."""
    tensor_mesh = mesh["tensor"] if job.tensor > 1 else None
    policy = MixedPrecisionPolicy(param_dtype=TORCH_TYPES[job.compute_type], reduce_dtype=torch.float32)
    # Weights that are kept in the type that is computed in, on one process, need nobody to gather or to convert them.
    shards = job.processes > 1 or job.compute_type != job.optimization.weight_type
    for layer in decoder.decoder_layers():
        layer.to_empty(device=job.device)
        if tensor_mesh is not None:
            _cut_layer(layer, tensor_mesh)
        if job.compile:
            layer.compile_block()
        if shards:
            fully_shard(layer, mesh=mesh["data"], mp_policy=policy)
    for part in (decoder.embedding, decoder.norm, decoder.output):
        part.to_empty(device=job.device)
    if tensor_mesh is not None:
        _cut_vocabulary(decoder, tensor_mesh)
    decoder.tie()
    if job.compile:
        compile_loss()
    if shards:
        fully_shard(decoder, mesh=mesh["data"], mp_policy=policy)


@torch.no_grad()
def initialise(decoder: Decoder, seed: int) -> None:
    """Draws each weight whole from a generator of its own, and keeps this process's share; norms are one, biases
    zero."""
    for name, parameter in decoder.named_parameters():
        if parameter.ndim == 1:
            local_part(parameter).fill_(0.0 if name.endswith("bias") else 1.0)
            continue
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        generator = torch.Generator(parameter.device).manual_seed(int.from_bytes(digest[:7], "big"))
        whole_weight = torch.empty(parameter.shape, dtype=parameter.dtype, device=parameter.device)
        whole_weight.normal_(std=initial_std(name, len(decoder.layers)), generator=generator)
        share, place = local_share(parameter)
        share.copy_(whole_weight[place])


def whole_logits(logits: Tensor, group: Any) -> Tensor:
    """Logits of the whole vocabulary from those of each process's part of it."""
    if group is None:
        return logits
    parts = [torch.empty_like(logits) for _ in range(dist.get_world_size(group))]
    dist.all_gather(parts, logits.contiguous(), group=group)
    return torch.cat(parts, dim=-1)


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], largest: float) -> Tensor:
    """Scales all gradients down so that their common norm is at most ``largest``; returns the norm before.

    torch's own function wants all parameters to be spread in the same way.
    """
    groups = [list(group) for _, group in groupby(sorted(_with_gradients(parameters), key=_spreading), key=_spreading)]
    norm = torch.stack([_squared_norm(group) for group in groups]).sum().sqrt()
    for group in groups:
        torch.nn.utils.clip_grads_with_norm_(group, largest, norm)
    return norm


def _squared_norm(alike: list[nn.Parameter]) -> Tensor:
    """Of the gradients of parameters that are spread alike, over all processes."""
    shares = [local_part(parameter.grad) for parameter in alike if parameter.grad is not None]
    squared = torch.nn.utils.get_total_norm(shares).float() ** 2
    first = alike[0]
    if isinstance(first, DTensor):
        for dimension, placement in enumerate(first.placements):
            if not placement.is_replicate():
                dist.all_reduce(squared, group=first.device_mesh.get_group(dimension))
    return squared


def _with_gradients(parameters: Iterable[nn.Parameter]) -> Iterator[nn.Parameter]:
    return (parameter for parameter in parameters if parameter.grad is not None)


def _spreading(parameter: nn.Parameter) -> str:
    return f"{parameter.device_mesh} {parameter.placements}" if isinstance(parameter, DTensor) else ""


def _cut_layer(layer: DecoderLayer, mesh: DeviceMesh) -> None:
    """Attention by heads, feed-forward blocks by their inner width (Shoeybi et al. 2019, Megatron-LM, section 3)."""
    across, back = ColwiseParallel(), RowwiseParallel()
    attention = layer.attention
    parallelize_module(
        attention, mesh, {"query": across, "key": across, "value": across, "output": back}, src_data_rank=None
    )
    if attention.norms_heads:
        # Each process sees the heads it has; the scale is one for all of them.
        attention.head_group = mesh.get_group()
    _cut_feed_forward(layer.feed_forward, mesh)


def _cut_feed_forward(block: nn.Module, mesh: DeviceMesh) -> None:
    if not isinstance(block, ExpertFeedForward):
        across, back = ColwiseParallel(), RowwiseParallel()
        parallelize_module(block, mesh, {"gate": across, "up": across, "down": back}, src_data_rank=None)
        return
    block.group = mesh.get_group()
    for name, dimension in (("gate", 1), ("up", 1), ("down", 2)):
        cut = distribute_tensor(getattr(block, name), mesh, [Shard(dimension)], src_data_rank=None)
        setattr(block, name, nn.Parameter(cut))
    if isinstance(block.shared, SharedExpert):
        _cut_feed_forward(block.shared, mesh)


def _cut_vocabulary(decoder: Decoder, mesh: DeviceMesh) -> None:
    """Embedding and output matrix by tokens: the loss is worked out on the parts (loss.py)."""
    plan = {
        "embedding": RowwiseParallel(input_layouts=Replicate()),
        "output": ColwiseParallel(),
    }
    parallelize_module(decoder, mesh, plan, src_data_rank=None)
    decoder.vocabulary_group = mesh.get_group()
