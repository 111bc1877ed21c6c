from __future__ import annotations

import datetime
import json
from pathlib import Path

import pynvml
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.launch.energy import EnergyMeter, choose_counter, energy_use, read_energy
from stellwerk.launch.energy.nvml import THROTTLE_REASONS
from stellwerk.launch.energy.rapl import RaplCounter
from tests.launch.energy.fake_nvml import FakeNvml

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def zone(powercap: Path, folder: str, name: str, energy_uj: int, range_uj: int = 1_000_000) -> Path:
    """A zone of /sys/class/powercap."""
    path = powercap / folder
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy_uj}\n")
    (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return path


def test_the_gpus_of_the_run_are_counted_and_no_others(tmp_path: Path) -> None:
    nvml, clock = FakeNvml(), Clock()
    counter, reason = choose_counter(on_gpus=True, processes=1, environment={"CUDA_VISIBLE_DEVICES": "1"}, nvml=nvml)
    assert reason is None
    meter = EnergyMeter(tmp_path / "energy.jsonl", counter, clock=clock, now=lambda: NOON)
    meter.start()
    nvml.energy_mj = {0: 9_000_000, 1: 1_004_000}
    nvml.throttle = 4 | 32 | 64
    clock.now += 10
    meter.sample()
    clock.now += 9.9
    meter.sample()  # not due
    nvml.energy_mj[1] = 1_005_000
    meter.stop()

    first, second, last = read_energy(tmp_path / "energy.jsonl")
    assert (first.elapsed_s, first.energy_j, first.source) == (0.0, 0.0, "nvml")
    assert (second.elapsed_s, second.energy_j) == (10.0, 4.0)
    assert second.power_w == pytest.approx(0.4)
    (gpu,) = second.devices
    assert gpu.device == "GPU-1"
    assert (gpu.power_w, gpu.power_limit_w, gpu.temperature_c) == (412.5, 700.0, 61.0)
    assert (gpu.clock_mhz, gpu.full_clock_mhz) == (1500.0, 1980.0)
    assert gpu.throttled == ("power_cap", "thermal")
    assert first.devices[0].throttled == ()  # idle holds no clock down
    assert meter.energy().energy_j == last.energy_j == 5.0


def test_a_counter_that_began_again_with_its_driver_loses_nothing_it_counted(tmp_path: Path) -> None:
    nvml = FakeNvml(gpus=1)
    counter, _ = choose_counter(on_gpus=True, processes=1, environment={}, nvml=nvml)
    meter = EnergyMeter(tmp_path / "energy.jsonl", counter, clock=Clock())
    meter.start()
    nvml.energy_mj[0] = 3000
    meter.stop()
    assert meter.energy().energy_j == 3.0


def test_what_a_gpu_does_not_tell_is_unknown(tmp_path: Path) -> None:
    counter, _ = choose_counter(on_gpus=True, processes=2, environment={}, nvml=FakeNvml(temperature=False))
    meter = EnergyMeter(tmp_path / "energy.jsonl", counter, clock=Clock())
    meter.start()
    (sample,) = read_energy(tmp_path / "energy.jsonl")
    assert [gpu.temperature_c for gpu in sample.devices] == [None, None]


def test_a_gpu_that_fails_for_a_while_leaves_a_gap_that_the_next_reading_closes(tmp_path: Path) -> None:
    nvml, clock = FakeNvml(gpus=1), Clock()
    counter, _ = choose_counter(on_gpus=True, processes=1, environment={}, nvml=nvml)
    meter = EnergyMeter(tmp_path / "energy.jsonl", counter, clock=clock)
    meter.start()
    for energy_mj in (None, 1_008_000):
        nvml.energy_mj[0] = energy_mj
        clock.now += 10
        meter.sample()
    _, gap, closed = read_energy(tmp_path / "energy.jsonl")
    assert gap.energy_j is None
    assert gap.reason is not None
    assert (gap.reason.code, gap.reason.params["gpu"]) == ("energy_gpu_unreadable", "GPU-0")
    assert (closed.energy_j, closed.power_w) == (8.0, 0.4)


@pytest.mark.parametrize(
    ("nvml", "code"),
    [
        (FakeNvml(driver=False), "energy_nvml_failed"),
        (FakeNvml(gpus=0), "energy_no_gpu"),
    ],
)
def test_a_run_on_gpus_without_their_counters_is_not_given_the_energy_of_the_processor(
    tmp_path: Path, nvml: FakeNvml, code: str
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    counter, reason = choose_counter(on_gpus=True, processes=1, environment={}, nvml=nvml, powercap=tmp_path)
    assert counter is None
    assert reason is not None
    assert reason.code == code


def test_packages_are_counted_once_and_their_parts_not(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl", "no zone", 0)
    first = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    zone(tmp_path, "intel-rapl:1", "psys", 7)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 100)
    second = zone(tmp_path, "intel-rapl:2", "package-1", 200)
    counter, reason = choose_counter(on_gpus=False, processes=2, powercap=tmp_path)
    assert counter is not None
    assert (counter.source, reason) == ("rapl", None)
    (first / "energy_uj").write_text("2000100")
    (second / "energy_uj").write_text("3000200")
    assert [(one.device, one.energy_j) for one in counter.read(1.0)] == [("intel-rapl:0", 2.0), ("intel-rapl:2", 3.0)]


@given(
    st.integers(1_000, 1_000_000).flatmap(
        lambda size: st.tuples(
            st.just(size), st.integers(0, size - 1), st.lists(st.integers(0, size - 1), min_size=1, max_size=6)
        )
    )
)
def test_a_counter_that_wraps_around_still_adds_up(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[int, int, list[int]]
) -> None:
    size, start, increments = case
    powercap = tmp_path_factory.mktemp("powercap")
    folder = zone(powercap, "intel-rapl:0", "package-0", start, size)
    counter = RaplCounter(powercap)
    position = start
    for increment in increments:
        position = (position + increment) % size
        (folder / "energy_uj").write_text(str(position))
        (reading,) = counter.read(0.0)
    assert reading.energy_j == pytest.approx(sum(increments) / 1e6)


def test_a_counter_that_only_root_may_read_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = zone(tmp_path, "intel-rapl:0", "package-0", 0)
    read_text = Path.read_text

    def refuse(path: Path, *arguments: str, **options: str) -> str:
        if path == folder / "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", refuse)  # tests may run as root, whom no mode keeps out
    counter, reason = choose_counter(on_gpus=False, processes=2, powercap=tmp_path)
    assert counter is None
    assert reason is not None
    assert reason.code == "energy_rapl_not_allowed"


def test_a_stated_power_is_an_estimate_and_without_one_nothing_is_known(tmp_path: Path) -> None:
    clock = Clock()
    counter, reason = choose_counter(on_gpus=False, processes=2, powercap=tmp_path, power_w=50.0)
    meter = EnergyMeter(tmp_path / "stated.jsonl", counter, reason, clock=clock)
    meter.start()
    clock.now += 30
    meter.stop()
    use = energy_use(read_energy(tmp_path / "stated.jsonl"))
    assert (use.energy_j, use.source, use.covered_s) == (3000.0, "estimate", 30.0)
    assert use.reason is not None
    assert use.reason.code == "energy_no_rapl"

    counter, reason = choose_counter(on_gpus=False, processes=2, powercap=tmp_path)
    meter = EnergyMeter(tmp_path / "unknown.jsonl", counter, reason, clock=clock)
    meter.start()
    clock.now += 30
    meter.sample()
    meter.stop()
    use = energy_use(read_energy(tmp_path / "unknown.jsonl"))
    assert (use.energy_j, use.source) == (None, None)
    assert len(read_energy(tmp_path / "unknown.jsonl")) == 2


def test_attempts_add_up_and_one_that_is_unknown_leaves_the_sum_unknown(tmp_path: Path) -> None:
    path, clock = tmp_path / "energy.jsonl", Clock()

    def attempt(power_w: float | None, seconds: float) -> None:
        counter, reason = choose_counter(on_gpus=False, processes=1, powercap=tmp_path, power_w=power_w)
        meter = EnergyMeter(path, counter, reason, clock=clock)
        meter.start()
        clock.now += seconds
        meter.stop()

    attempt(10.0, 60)
    attempt(10.0, 30)
    with path.open("a") as file:
        file.write('{"time": "2026-01')  # the supervisor was killed while it wrote
    use = energy_use(read_energy(path))
    assert (use.energy_j, use.covered_s) == (900.0, 90.0)
    path.write_text(path.read_text().rpartition("\n")[0] + "\n")
    attempt(None, 30)
    assert energy_use(read_energy(path)).energy_j is None


def test_a_disk_that_is_full_ends_no_watch_and_loses_no_energy(tmp_path: Path) -> None:
    clock, gone = Clock(), tmp_path / "gone" / "energy.jsonl"
    counter, _ = choose_counter(on_gpus=False, processes=1, powercap=tmp_path, power_w=10.0)
    meter = EnergyMeter(gone, counter, clock=clock)
    meter.start()
    clock.now += 10
    meter.stop()
    assert meter.energy().energy_j == 100.0


def test_every_name_that_is_asked_of_nvml_exists_there() -> None:
    """The fake shows what the meter uses; this holds the fake against the real module."""
    names = {name for name in vars(FakeNvml) if name.startswith("nvml")} | set(THROTTLE_REASONS)
    assert not {name for name in names if not hasattr(pynvml, name)}
    for name in THROTTLE_REASONS:
        assert getattr(pynvml, name) == getattr(FakeNvml, name)


def test_a_line_is_plain_json(tmp_path: Path) -> None:
    counter, reason = choose_counter(on_gpus=False, processes=1, powercap=tmp_path)
    EnergyMeter(tmp_path / "energy.jsonl", counter, reason, clock=Clock(), now=lambda: NOON).start()
    assert json.loads((tmp_path / "energy.jsonl").read_text()) == {
        "time": "2026-01-02T12:00:00.000+00:00",
        "elapsed_s": 0.0,
        "source": None,
        "energy_j": None,
        "power_w": None,
        "devices": [],
        "reason": {"code": "energy_no_rapl", "params": {"folder": str(tmp_path)}},
    }
