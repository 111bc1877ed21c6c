from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from stellwerk.broker import draft_application
from stellwerk.broker.draft.parts import DraftGround, Part
from stellwerk.broker.draft.storage import CHECKPOINTS_KEPT, storage, trained_parameters
from stellwerk.catalog import Claim, Fact, Source
from stellwerk.workload import Workload, read_workload
from tests.broker.draft.test_application import EXAMPLES, answer, in_english, said


def stored(workload: Workload, **programme: Fact[float]) -> Iterator[Part]:
    named = replace(answer("startup-7b").catalogue.programmes["denbi-cloud"], **programme)
    return storage(DraftGround(workload, named, None, None, None, ()))


def startup(storage_bytes: float | None = None) -> Workload:
    workload = read_workload(EXAMPLES / "startup-7b.toml")
    return replace(workload, data=replace(workload.data, storage_bytes=storage_bytes))


def test_checkpoints_of_a_pre_training_and_all_together() -> None:
    """14 · 7.516·10^9 = 105 GB; three of them, and 4 bytes for each of 10^12 tokens."""
    found = list(stored(startup()))
    assert "One checkpoint: 105 GB, 14 bytes for each of 7.52 billion parameters" in in_english(
        found, "draft_checkpoint"
    )
    kept = in_english(found, "draft_checkpoints_kept")
    assert f"Kept at once: {CHECKPOINTS_KEPT}, an assumption" in kept
    assert "316 GB together" in kept
    assert "at most 4 TB" in in_english(found, "draft_prepared_text")
    assert "Together: 4.32 TB" in in_english(found, "draft_storage_together")
    assert "draft_open_raw_data" in said(found)
    assert "draft_model_to_start_from" not in said(found)


def test_adapters_are_small_and_the_model_to_start_from_is_not() -> None:
    """12 · 41.94·10^6 = 503 MB; 2 · 8.03·10^9 = 16.1 GB; 0.8 GB of tokens; 3 · 0.503 + 16.1 + 0.8 = 18.4."""
    found = list(stored(read_workload(EXAMPLES / "doctoral-lora.toml")))
    assert "One checkpoint: 503 MB, 12 bytes for each of 41.9 million" in in_english(found, "draft_checkpoint_adapters")
    assert "16.1 GB" in in_english(found, "draft_model_to_start_from")
    assert "Together: 18.4 GB" in in_english(found, "draft_storage_together")


def test_full_fine_tuning_keeps_whole_checkpoints_and_the_model_that_it_starts_from() -> None:
    workload = read_workload(EXAMPLES / "doctoral-lora.toml")
    found = list(stored(replace(workload, task=replace(workload.training, method="full"))))
    assert "One checkpoint: 112 GB" in in_english(found, "draft_checkpoint")  # 14 · 8.03·10^9
    assert "draft_model_to_start_from" in said(found)


def test_what_the_request_states_is_all_that_is_said_of_the_whole() -> None:
    found = said(stored(startup(storage_bytes=6e12)))
    assert found["draft_storage_stated"].params["size"].en == "6 TB"  # type: ignore[union-attr]
    assert not {"draft_prepared_text", "draft_storage_together", "draft_open_raw_data"} & set(found)
    assert "draft_storage_stated_too_small" not in found


def test_a_stated_size_that_the_checkpoints_alone_exceed_is_noted() -> None:
    assert "316 GB" in in_english(stored(startup(storage_bytes=0.3e12)), "draft_storage_stated_too_small")


@pytest.mark.parametrize("quota", [None, 2e12])
def test_the_quota_of_the_programme_is_noted_where_it_is_known(quota: float | None) -> None:
    source = Source(("https://example.org",), "2026", None, "primary")
    fact: Fact[float] = Fact() if quota is None else Fact((Claim(quota, source),))
    assert ("draft_storage_quota" in said(stored(startup(), storage_quota_bytes=fact))) == (quota is not None)


def test_a_service_keeps_its_weights_and_leaves_open_what_is_kept_of_requests() -> None:
    draft = draft_application(answer("company-serve-70b"), "westai")
    found = next(one.parts for one in draft.fields if one.field == "storage")
    assert list(said(found)) == ["draft_weights_to_serve", "draft_open_requests_kept"]
    assert "72.7 GB" in in_english(found, "draft_weights_to_serve")


def test_adapters_are_what_is_trained_beside_a_frozen_model() -> None:
    workload = read_workload(EXAMPLES / "doctoral-lora.toml")
    assert trained_parameters(workload, workload.training) == 41_943_040
    full = replace(workload.training, method="full")
    assert trained_parameters(workload, full) == 8_030_261_248
