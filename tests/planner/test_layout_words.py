from __future__ import annotations

from stellwerk.planner import Layout, layout_in_short, layout_in_words


def test_only_what_is_in_use_is_named() -> None:
    assert (
        layout_in_words(Layout(2, 4, 8, "optimizer", 1, 64, "none"))
        == "tensor 2 x pipeline 4 x data 8, sharding optimizer, micro-batch 1 x 64, recomputation none"
    )


def test_what_larger_models_need_is_named() -> None:
    large = Layout(
        *(2, 4, 8, "hybrid", 1, 64, "full"),
        context=2,
        expert=16,
        interleave=3,
        sequence_parallel=False,
        offload=True,
        balanced=True,
    )
    assert layout_in_words(large) == (
        "tensor 2 x pipeline 4 x data 8 x context 2, expert 16, interleave 3, no sequence parallelism, "
        "sharding hybrid, micro-batch 1 x 64, recomputation full, optimizer states in host memory, "
        "stages cut by multiply-adds"
    )


def test_in_short_a_layout_has_the_abbreviations_of_the_field() -> None:
    assert layout_in_short(Layout(1, 1, 1, "none", 2, 8, "full")) == "DP1, 2×8, recompute full"
    wide = Layout(2, 4, 8, "optimizer", 1, 16, "none", context=2, expert=8, interleave=2, offload=True)
    assert layout_in_short(wide) == "TP2 PP4 VP2 CP2 EP8 DP8, ZeRO-1, 1×16, offload"
