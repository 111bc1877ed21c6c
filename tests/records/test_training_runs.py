from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError, InputErrors
from stellwerk.records import TrainingRun, append_training_run, read_training_runs, write_training_runs
from stellwerk.records.training_runs import COLUMNS

words = st.none() | st.text(
    st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12
).filter(lambda text: bool(text.strip()))  # fmt: skip
counts = st.none() | st.integers(0, 10**12)
figures = st.none() | st.floats(0, 1e12, allow_nan=False)

HEADER = (
    "id,source_title,source_ref,model,params_b,layers,hidden,heads,kv_heads,head_dim,ffn_hidden,gated_mlp,vocab,seq_len,"
    "experts,experts_active,gpu,gpus_per_node,n_gpus,tp,pp,vpp,cp,ep,dp,zero_or_fsdp_stage,micro_batch,"
    "global_batch_sequences,recompute,sequence_parallel,precision,framework,tflops_per_gpu_reported,mfu_reported,"
    "hfu_reported,tokens_per_s_per_gpu,step_time_s,peak_memory_gb,notes,task,flops_convention,provenance,source_family,"
    "attention_kind,flash_attention,shared_experts,dense_layers,dense_ffn_hidden,memory_measure"
)


def test_the_columns_are_those_of_the_table_of_published_runs() -> None:
    assert ",".join(COLUMNS) == HEADER


@given(
    st.lists(
        st.builds(
            TrainingRun,
            id=st.text("abc-1", min_size=1),
            model=words,
            notes=words,
            layers=counts,
            n_gpus=counts,
            step_time_s=figures,
            peak_memory_gb=figures,
        ),
        max_size=5,
    )
)
def test_what_was_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, runs: list[TrainingRun]) -> None:
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    write_training_runs(path, runs)
    assert read_training_runs(path) == tuple(runs)


def test_a_row_is_added_and_one_of_the_same_id_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run-record.csv"
    append_training_run(path, TrainingRun(id="a", step_time_s=1.0))
    append_training_run(path, TrainingRun(id="b", step_time_s=2.0))
    append_training_run(path, TrainingRun(id="a", step_time_s=3.0))
    assert [(run.id, run.step_time_s) for run in read_training_runs(path)] == [("b", 2.0), ("a", 3.0)]
    lines = path.read_text().splitlines()
    assert lines[0] == HEADER
    assert ",0," not in lines[1]  # what is not known stays empty


def test_mistakes_name_row_column_and_value(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("id,layers,step_time_s\na,12,fast\nb,1.5,2\n")
    with pytest.raises(InputErrors) as found:
        read_training_runs(path)
    first, second = found.value.errors
    assert (first.key, first.value) == ("step_time_s", "fast")
    assert "row a (line 2)" in first.problem
    assert (second.key, second.value) == ("layers", "1.5")


@pytest.mark.parametrize(
    ("content", "key"), [("model\nx\n", None), ("id,colour\na,red\n", "colour"), ("id,layers\n,3\n", "id")]
)
def test_what_is_no_table_of_runs_is_refused(tmp_path: Path, content: str, key: str | None) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(content)
    with pytest.raises((InputError, InputErrors)) as found:
        read_training_runs(path)
    mistake = found.value.errors[0] if isinstance(found.value, InputErrors) else found.value
    assert mistake.key == key
