"""What a layer is charged with, against counts written out matrix by matrix."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stellwerk.planner.shape import shape_of
from stellwerk.workload import Architecture, Experts, LatentAttention, Training

SEQUENCE = 2048
TRAINING = Training(tokens=10**9, sequence_length=SEQUENCE, global_batch_sequences=8, precision="bf16")

GROUPED = Architecture(layers=4, hidden=1024, heads=16, kv_heads=4, head_dim=64, ffn_hidden=2816, vocab=32000)
GROUPED_MATRICES = [
    (1024, 16 * 64),  # queries
    (1024, 4 * 64),  # keys
    (1024, 4 * 64),  # values
    (16 * 64, 1024),  # output
    (1024, 2816),  # gate
    (1024, 2816),  # up
    (2816, 1024),  # down
]
ONE_KEY_VALUE_HEAD = Architecture(
    layers=2, hidden=768, heads=12, kv_heads=1, head_dim=64, ffn_hidden=3072, vocab=50257, gated_mlp=False
)
ONE_KEY_VALUE_HEAD_MATRICES = [(768, 768), (768, 64), (768, 64), (768, 768), (768, 3072), (3072, 768)]
LATENT = Architecture(
    layers=3, hidden=2048, heads=16, kv_heads=16, head_dim=128, ffn_hidden=8192, vocab=1000,
    latent_attention=LatentAttention(key_value_rank=512, rope_head_dim=64, value_head_dim=96, query_rank=1536),
)  # fmt: skip
LATENT_MATRICES = [
    (2048, 1536),  # to the queries' narrow vector
    (1536, 16 * (128 + 64)),  # queries of all heads
    (2048, 512 + 64),  # to the narrow vector of keys and values, and the shared rotary key
    (512, 16 * 128),  # keys
    (512, 16 * 96),  # values
    (16 * 96, 2048),  # output
    (2048, 8192),
    (2048, 8192),
    (8192, 2048),
]
MIXTURE = replace(
    GROUPED, experts=Experts(routed=8, per_token=2, ffn_hidden=512, shared_ffn_hidden=768, dense_layers=1)
)
ATTENTION = GROUPED_MATRICES[:4]
SHARED_AND_ROUTER = [(1024, 768), (1024, 768), (768, 1024), (1024, 8)]
ONE_EXPERT = [(1024, 512), (1024, 512), (512, 1024)]


def entries(matrices: list[tuple[int, int]]) -> int:
    return sum(rows * columns for rows, columns in matrices)


@pytest.mark.parametrize(
    ("architecture", "matrices"),
    [
        (GROUPED, GROUPED_MATRICES),
        (ONE_KEY_VALUE_HEAD, ONE_KEY_VALUE_HEAD_MATRICES),
        (LATENT, LATENT_MATRICES),
    ],
)
def test_a_dense_layer_multiplies_every_matrix_once(
    architecture: Architecture, matrices: list[tuple[int, int]]
) -> None:
    shape = shape_of(architecture, TRAINING)
    assert shape.products == pytest.approx(entries(matrices))
    assert shape.expert_products == shape.expert_entries == shape.dispatched == 0


def test_layers_with_experts_multiply_the_chosen_ones_and_what_every_token_passes() -> None:
    """One dense layer of four; the mean of all four counts."""
    shape = shape_of(MIXTURE, TRAINING)
    dense, mixed = entries(GROUPED_MATRICES), entries(ATTENTION) + entries(SHARED_AND_ROUTER)
    assert shape.products == pytest.approx((dense + 3 * mixed) / 4)
    assert shape.expert_products == pytest.approx(3 * 2 * entries(ONE_EXPERT) / 4)
    assert shape.expert_entries == pytest.approx(3 * 8 * entries(ONE_EXPERT) / 4)
    assert shape.dispatched == pytest.approx(3 * 2 * 1024 / 4)


@pytest.mark.parametrize(
    ("architecture", "score_width", "value_width"),
    [(GROUPED, 64, 64), (ONE_KEY_VALUE_HEAD, 64, 64), (LATENT, 128 + 64, 96), (MIXTURE, 64, 64)],
)
def test_attention_multiplies_each_query_with_the_keys_before_it(
    architecture: Architecture, score_width: int, value_width: int
) -> None:
    pairs = sum(position + 0.5 for position in range(SEQUENCE))  # the diagonal is cut in half
    counted = 2 * architecture.heads * (score_width + value_width) * pairs / SEQUENCE
    assert shape_of(architecture, TRAINING).attention_flops == pytest.approx(counted)


def test_layers_with_a_window_attend_to_as_much_as_fits_it() -> None:
    windowed = replace(GROUPED, attention_window=512, windowed_layers=3)
    pairs = sum(min(position + 0.5, 512) for position in range(SEQUENCE))
    whole = sum(position + 0.5 for position in range(SEQUENCE))
    counted = 2 * 16 * 128 * (3 * pairs + whole) / 4 / SEQUENCE
    assert shape_of(windowed, TRAINING).attention_flops == pytest.approx(counted, rel=1e-3)


def test_widths_are_the_sides_of_the_matrices() -> None:
    """Queries, keys and values share an input, gate and up another; output and down have one each."""
    shape = shape_of(GROUPED, TRAINING)
    assert shape.matrices_whole == 4 * 1024
    assert shape.matrices_shared == 1024 + 2 * 256 + 1024 + 3 * 2816


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [GROUPED, ONE_KEY_VALUE_HEAD, MIXTURE])
def test_a_forward_pass_multiplies_what_torch_counts(architecture: Architecture) -> None:
    """The reference decoder, which has gated blocks only; torch counts attention without its causal half."""
    torch = pytest.importorskip("torch", reason="needs the extra [train]")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from stellwerk.training.decoder.transformer import Decoder
    from stellwerk.training.parallel import initialise

    gated = replace(architecture, gated_mlp=True, vocab=256)
    length = 128
    decoder = Decoder(gated, max_length=length)
    initialise(decoder, seed=1)
    shape = shape_of(gated, replace(TRAINING, sequence_length=length))
    # Of fused attention on a processor the counter knows nothing.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        decoder(torch.zeros((1, length), dtype=torch.int64))
    layer = 2 * (shape.products + shape.expert_products) + 2 * shape.attention_flops
    per_token = shape.layers * layer + 2 * shape.hidden * shape.vocab
    assert counter.get_total_flops() == pytest.approx(length * per_token, rel=1e-3)
