from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from stellwerk.catalog import Accelerator
from stellwerk.errors import InputError
from stellwerk.planner.calibration import fit_operators, read_operators, read_priors, read_rings
from stellwerk.planner.calibration.operators import Operator, OperatorFits, Ring, attention_passes
from stellwerk.planner.compute import FUSED_FORWARD

TABLES = Path(__file__).parents[3] / "calibration"
SIZES = (512, 2048, 8192)


@pytest.fixture(scope="module")
def fits(accelerators: Mapping[str, Accelerator]) -> OperatorFits:
    operators = read_operators(TABLES / "op_efficiency_measured.csv")
    rings = read_rings(TABLES / "nccl_allreduce_measured.csv")
    assert (len(operators), len(rings)) == (905, 14_336)
    return fit_operators(operators, rings, accelerators)


def test_the_roofline_of_measured_products_is_close(fits: OperatorFits) -> None:
    errors = {one.system: one for one in fits.fits if one.kind == "matmul"}
    assert errors["a100_pcie"].median_error < 0.02
    assert errors["a100_pcie"].values["share"] == pytest.approx(0.78, abs=0.02)
    assert errors["b200_bf16_ceperm"].median_error < 0.05


def test_eight_a100_reach_three_quarters_of_their_link(fits: OperatorFits) -> None:
    rings = {one.values["devices"]: one for one in fits.fits if one.system == "a100"}
    assert rings[8].values["link"] == pytest.approx(0.76, abs=0.01)
    assert rings[2].values["latency_s"] < rings[8].values["latency_s"] == pytest.approx(88e-6, rel=0.05)


def test_attentions_forward_pass_takes_four_fifths_of_its_share_of_the_operations(fits: OperatorFits) -> None:
    passes = list(attention_passes(fits.fits))
    assert {system for system, _, _ in passes} == {"a100_pcie", "b200_bf16_ceperm"}
    shares = [forward_s / (forward_s + backward_s) * 3.5 for _, forward_s, backward_s in passes]
    assert shares == [pytest.approx(FUSED_FORWARD, abs=0.03)] * 4


def test_the_tables_take_the_place_of_priors_and_keep_their_uncertainty(fits: OperatorFits) -> None:
    own, measured = read_priors(), read_priors(fits.priors)
    assert set(fits.priors) == {"matmul_traffic", "expert_slowness", "attention", "link", "link_latency"}
    for name, values in measured.items():
        assert values["value"] == fits.priors.get(name, own[name]["value"])
        assert values["sd"] == own[name]["sd"]


def test_operators_of_known_constants_give_them_back(accelerators: Mapping[str, Accelerator]) -> None:
    peak, bandwidth = 312e12, 1935e9
    assert accelerators["a100-pcie-80gb"].bf16_flops.value == peak
    plain = []
    for m in SIZES:
        for n in SIZES:
            flops, moved = 2.0 * m * n * 4096, 2.0 * (m * 4096 + 4096 * n + m * n)
            seconds = flops / (peak * 0.7) + 0.9 * moved / bandwidth + 8e-6
            plain.append(Operator("a100_pcie", "matmul", flops, moved, seconds, 0.0))
    heads = [
        Operator("a100_pcie", "sdp_fwd", flops, 0.0, 0.5 * flops / (peak * 0.4) + 3e-5, 128.0)
        for flops in (1e11, 1e12, 1e13)
    ]
    rings = [Ring("a100", 8, size, 90e-6 + 2 * 7 / 8 * size / (300e9 * 0.8)) for size in (1e6, 1e7, 1e8, 1e9)]
    found = {one.kind: one.values for one in fit_operators([*plain, *heads], rings, accelerators).fits}
    assert found["matmul"] == pytest.approx({"share": 0.7, "traffic": 0.9, "start_s": 8e-6}, rel=0.02)
    assert found["sdp_fwd"]["share"] == pytest.approx(0.4, rel=0.02)
    assert found["all_reduce"] == pytest.approx({"devices": 8.0, "latency_s": 90e-6, "link": 0.8}, rel=0.02)


@pytest.mark.parametrize("row", ['a100_pcie,matmul,312,"m=1, k=1",0.5', 'a100_pcie,matmul,312,"m=1, k=1, n=1",much'])
def test_a_row_that_is_none_is_named(row: str, tmp_path: Path) -> None:
    path = tmp_path / "operators.csv"
    path.write_text(f"system,op,peak_tflops,shape,efficiency\n{row}\n")
    with pytest.raises(InputError, match="line 2 is no measured operator"):
        read_operators(path)
