from __future__ import annotations

from dataclasses import replace

import pytest

from stellwerk.broker import draft_application
from stellwerk.broker.draft.parts import DraftGround, Note, Open, Table
from stellwerk.broker.draft.scaling import COLUMNS, plans_around, scalability
from stellwerk.planner import Plan, usable_device_counts
from tests.broker.draft.test_application import answer, in_english, parts, said

OFFERS = [
    ("startup-7b", "jsc-jupiter-booster/eurohpc-aif-fastlane"),
    ("startup-7b", "jsc-jupiter-booster/eurohpc-aif-largescale"),
    ("startup-7b", "lumi-g/eurohpc-aif-payperuse"),
    ("doctoral-lora", "karolina-gpu/eurohpc-ai-for-science"),
]


def plan_of(person: str, offer: str) -> Plan:
    judged = draft_application(answer(person), offer).judged
    assert judged is not None
    assert isinstance(judged.plan, Plan)
    return judged.plan


def columns_of(person: str, offer: str) -> dict[str, list[str]]:
    table = next(
        one for one in parts(draft_application(answer(person), offer), "scalability") if isinstance(one, Table)
    )
    assert table.columns == COLUMNS
    cells = zip(*([cell.en for cell in row] for row in table.rows), strict=True)
    return dict(zip(COLUMNS, map(list, cells), strict=True))


def numbers(cells: list[str]) -> list[float]:
    return [float(cell.replace(",", "").rstrip("%")) for cell in cells]


@pytest.mark.parametrize(("person", "offer"), OFFERS)
def test_the_plan_is_among_the_sizes_and_the_others_lie_around_it(person: str, offer: str) -> None:
    plan = plan_of(person, offer)
    around = plans_around(answer(person).workload, plan)
    sizes = [one.devices for one in around]
    assert any(one is plan for one in around)
    assert sizes == sorted(set(sizes))
    assert len(sizes) >= 3
    assert set(sizes) <= set(usable_device_counts(plan.machine))
    assert all(plan.devices / 6 < size < plan.devices * 6 for size in sizes)


@pytest.mark.parametrize(("person", "offer"), OFFERS)
def test_speed_up_and_efficiency_follow_from_the_step_times(person: str, offer: str) -> None:
    shown = {name: numbers(cells) for name, cells in columns_of(person, offer).items() if name != "layout"}
    assert (shown["speed_up"][0], shown["efficiency"][0]) == (1.0, 100.0)
    for row, gpus in enumerate(shown["gpus"]):
        speed_up = shown["step_s"][0] / shown["step_s"][row]
        assert shown["speed_up"][row] == pytest.approx(speed_up, rel=0.01)
        assert shown["efficiency"][row] == pytest.approx(100 * speed_up * shown["gpus"][0] / gpus, abs=1.0)


@pytest.mark.parametrize(("person", "offer"), OFFERS)
def test_the_hours_of_a_size_are_its_steps_times_its_gpus(person: str, offer: str) -> None:
    shown = {name: numbers(cells) for name, cells in columns_of(person, offer).items() if name != "layout"}
    steps = answer(person).workload.training.steps
    for gpus, step_s, hours in zip(shown["gpus"], shown["step_s"], shown["gpu_hours"], strict=True):
        assert hours == pytest.approx(gpus * step_s * steps / 3600, rel=0.01)


def test_the_share_of_communication_is_that_of_the_parts_of_a_step() -> None:
    plan = plan_of("startup-7b", "jsc-jupiter-booster/eurohpc-aif-largescale")
    shown = columns_of("startup-7b", "jsc-jupiter-booster/eurohpc-aif-largescale")
    row = shown["gpus"].index(f"{plan.devices:,}")
    step = plan.step_parts_s
    share = (step["tensor_parallel"] + step["pipeline_transfer"] + step["data_parallel"]) / sum(step.values())
    assert numbers(shown["communication"])[row] == pytest.approx(100 * share, abs=0.51)


def test_gpus_are_counted_as_they_are_sold() -> None:
    """An MI250X is two devices; layouts count devices."""
    shown = columns_of("startup-7b", "lumi-g/eurohpc-aif-payperuse")
    for gpus, layout in zip(numbers(shown["gpus"]), shown["layout"], strict=True):
        tensor, pipeline, data = map(int, layout.split(" × "))
        assert tensor * pipeline * data == 2 * gpus


def test_a_plan_that_takes_far_more_hours_than_a_smaller_one_has_to_be_defended() -> None:
    draft = draft_application(answer("startup-7b"), "eurohpc-aif-fastlane")
    workload, plan = answer("startup-7b").workload, plan_of("startup-7b", "eurohpc-aif-fastlane")
    smaller = plans_around(workload, plan)[0]
    for factor, defended in ((1.05, False), (1.5, True)):
        costly = replace(plan, device_hours=smaller.device_hours * factor)
        found = list(scalability(DraftGround(workload, draft.programme, draft.system, costly, None, (smaller, costly))))
        assert ("draft_scaling_cheaper" in said(found)) == defended
    assert f"With {smaller.devices} GPUs" in in_english(found, "draft_scaling_cheaper")


def test_one_gpu_needs_no_scaling_and_says_what_counts_instead() -> None:
    found = parts(draft_application(answer("doctoral-lora"), "pc2-otus-gpu/nhr-normal"), "scalability")
    assert not any(isinstance(one, Table | Open) for one in found)
    plan = plan_of("doctoral-lora", "pc2-otus-gpu/nhr-normal")
    assert plan.devices == 1
    assert f"an MFU of {100 * plan.mfu.best:.3g}%" in in_english(found, "draft_scaling_single")


def test_a_service_states_its_load_instead() -> None:
    found = parts(draft_application(answer("company-serve-70b"), "westai"), "scalability")
    assert not any(isinstance(one, Table | Open) for one in found)
    assert "(asked for: 15)" in in_english(found, "draft_scaling_service_load")
    assert any(isinstance(one, Note) for one in found)


def test_a_single_size_leaves_scalability_open() -> None:
    draft = draft_application(answer("startup-7b"), "eurohpc-aif-fastlane")
    plan = plan_of("startup-7b", "eurohpc-aif-fastlane")
    ground = DraftGround(answer("startup-7b").workload, draft.programme, draft.system, plan, None, (plan,))
    assert list(map(type, scalability(ground))) == [Open]


def test_a_machine_no_larger_than_the_plan_has_no_larger_sizes() -> None:
    plan = plan_of("startup-7b", "eurohpc-aif-fastlane")
    small = replace(plan, machine=replace(plan.machine, devices=plan.devices))
    assert plans_around(answer("startup-7b").workload, small)[-1] is small
