from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.training import StepProfile
from stellwerk.training.profile_file import append_profile, read_profiles

pytest.importorskip("torch", reason="needs the extra [train]")

from torch.autograd import DeviceType

from stellwerk.training.profile import _on_cpu, _on_cuda, covered_ns, exposed_ns

spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=8
)


def _ticks(pairs: list[tuple[int, int]]) -> set[int]:
    return {tick for start, end in pairs for tick in range(start, end)}


def _array(pairs: list[tuple[int, int]]) -> np.ndarray:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@given(spans, spans)
def test_covered_and_exposed_time_are_those_counted_tick_by_tick(
    communication: list[tuple[int, int]], computation: list[tuple[int, int]]
) -> None:
    assert covered_ns(_array(communication)) == len(_ticks(communication))
    exposed = exposed_ns(_array(communication), _array(computation))
    assert exposed == len(_ticks(communication) - _ticks(computation))


class _Event:
    """What kineto reports of one operator."""

    def __init__(self, name: str, thread: int, start: int, end: int) -> None:
        self.name, self.start_thread_id = (lambda: name), (lambda: thread)
        self.start_ns, self.end_ns = (lambda: start), (lambda: end)


def test_waiting_inside_an_operator_is_no_computation_and_gloo_s_copies_are_none() -> None:
    events = [
        _Event("gloo:all_reduce", 2, 10, 50),
        _Event("aten::copy_", 2, 20, 50),  # by the thread of Gloo
        _Event("aten::mm", 1, 0, 60),
        _Event("_c10d_functional::wait_tensor", 1, 30, 55),  # inside aten::mm, as DTensor does it
        _Event("autograd::engine::evaluate_function: MmBackward0", 1, 0, 100),
    ]
    communication, computation = _on_cpu(events)
    assert covered_ns(communication) == 40
    assert covered_ns(computation) == 35  # 0 to 30 and 55 to 60
    assert exposed_ns(communication, computation) == 20  # 30 to 50


class _OnDevice(_Event):
    def __init__(self, name: str, start: int, end: int, *, annotation: bool = False, cuda: bool = True) -> None:
        super().__init__(name, 0, start, end)
        self.is_user_annotation = lambda: annotation
        self.device_type = lambda: DeviceType.CUDA if cuda else DeviceType.CPU


def test_on_an_accelerator_other_kernels_hide_communication_and_annotations_nothing() -> None:
    events = [
        _OnDevice("ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgsStorage<4096ul>)", 0, 30),
        _OnDevice("nccl:_all_gather_base", 0, 30, annotation=True),
        _OnDevice("ampere_bf16_gemm", 10, 25),
        _OnDevice("gloo:all_reduce", 50, 60, cuda=False, annotation=True),
        _OnDevice("aten::mm", 0, 100, cuda=False),
    ]
    communication, computation = _on_cuda(events)
    assert covered_ns(communication) == 40
    assert exposed_ns(communication, computation) == 25


def test_a_step_without_collectives_communicates_for_no_time() -> None:
    communication, computation = _on_cpu([_Event("aten::mm", 1, 0, 60)])
    assert (covered_ns(communication), exposed_ns(communication, computation)) == (0, 0)


def test_profiles_keep_the_last_line_of_each_step_and_leave_out_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "profile.jsonl"
    assert read_profiles(path) == ()
    first = StepProfile(5, 1.0, "gloo", (0.2, 0.3), (0.1, 0.2), (0.0, 0.4))
    repeated = StepProfile(5, 2.0, "gloo", (0.2, 0.3), (0.1, 0.2), (0.0, 0.4))
    other = StepProfile(3, 1.0, "gloo", (0.2, 0.3), (0.1, 0.2), (0.0, 0.4))
    for profile in (first, other, repeated):
        append_profile(path, profile)
    with path.open("a") as file:
        file.write('{"step": 9')
    assert read_profiles(path) == (other, repeated)


@pytest.mark.slow
def test_the_process_that_waits_shows_it_as_exposed_communication(tmp_path: Path) -> None:
    out = tmp_path / "profile.json"
    program = Path(__file__).with_name("profiled_program.py")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(program), str(out)],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
    )
    record = json.loads(out.read_text())
    profile = StepProfile(**record["profile"])
    assert (profile.step, profile.backend) == (7, "gloo")
    assert profile.data_s == [0.0, 0.2]
    assert profile.step_time_s >= 0.2
    early, late = profile.exposed_communication_s
    assert early > 0.15  # waits for the other's 0.2 s
    assert late < early / 2
    for communication, exposed in zip(profile.communication_s, profile.exposed_communication_s, strict=True):
        assert 0 < exposed <= communication <= profile.step_time_s
    assert record["looked_s"] < record["plain_s"] + 0.5
