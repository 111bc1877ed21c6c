"""What the tables of measured operators and collectives say of single constants, before any run is looked at.

Everything is fitted by least squares on logarithms of times. Sources: ``calibration/README.md``.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import numpy as np

from stellwerk.catalog import Accelerator
from stellwerk.errors import InputError
from stellwerk.files import read_text
from stellwerk.planner.calibration.fit import fit
from stellwerk.planner.calibration.parameters import Vector
from stellwerk.planner.compute import FUSED_BACKWARD_PASSES

Row = TypeVar("Row")

LIMIT_BYTES = 64 * 2**20
SYSTEMS = {"a100_pcie": "a100-pcie-80gb", "b200_bf16_ceperm": "b200-sxm"}
"""The accelerators that the table's systems are, by their ids in the catalogue."""
RINGS = {"a100": "a100-sxm-80gb", "v100": "v100-sxm2-32gb"}
"""The same of the table of all-reduces."""
CAUSAL_SHARE = 0.5
"""The table counts all scores of causal attention, of which half are worked out (planner.shape counts that half)."""
HEAD_HALF = 32.0
"""The prior of ``head_half``: rates of heads of several widths are brought to that of wide ones with it."""
NOISE = 0.05
"""Of the logarithm of one operator's time, by which outliers are told."""
ANYTHING = 3.0
"""Standard deviation of the logarithm of what is fitted: nothing is assumed."""
_SIZE = re.compile(r"(\w+)=([\w.]+)")


@dataclass(frozen=True, slots=True)
class Operator:
    """One measured operator: its FLOPs, the bytes of its operands and its seconds.

    Bytes are counted as the planner counts them: every operand and result once, in 16 bits.
    """

    system: str
    kind: str
    """``matmul``, ``matmul_accumulated`` (onto what is there: gradients of weights), ``group_matmul``, ``sdp_fwd`` or
    ``sdp_bwd``."""
    flops: float
    bytes: float
    seconds: float
    head_dim: float
    """Mean of a query's and a value's; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class Ring:
    """One measured all-reduce."""

    system: str
    devices: int
    bytes: float
    seconds: float


@dataclass(frozen=True, slots=True)
class OperatorFit:
    """Constants of one kind of operator on one system, and the median absolute percentage error of its times."""

    system: str
    kind: str
    rows: int
    values: Mapping[str, float]
    median_error: float

    @property
    def is_sdp(self) -> bool:
        return self.kind.startswith("sdp")


@dataclass(frozen=True, slots=True)
class OperatorFits:
    """All that the tables say; ``priors`` are the constants that they give a value."""

    fits: tuple[OperatorFit, ...]
    priors: Mapping[str, float]


def read_operators(path: Path) -> tuple[Operator, ...]:
    """The rows of ``op_efficiency_measured.csv``; raises InputError for a row that is none."""
    return tuple(_read(path, _operator))


def read_rings(path: Path) -> tuple[Ring, ...]:
    """The rows of ``nccl_allreduce_measured.csv``; raises InputError for a row that is none."""
    return tuple(_read(path, _ring))


def fit_operators(
    operators: Sequence[Operator], rings: Sequence[Ring], accelerators: Mapping[str, Accelerator]
) -> OperatorFits:
    """The additive roofline of products, what grouped ones take beyond it, the rate of fused attention, and latency and
    bandwidth of all-reduces; ``accelerators`` are the catalogue's, by id."""
    groups: dict[tuple[str, str], list[Operator]] = defaultdict(list)
    for one in operators:
        groups[one.system, one.kind].append(one)
    fits: list[OperatorFit] = []
    for system in dict.fromkeys(one.system for one in operators):
        accelerator = _known(SYSTEMS, system, accelerators)
        peak, bandwidth = _rates(accelerator)
        plain = _products(system, "matmul", groups[system, "matmul"], peak, bandwidth)
        fits.append(plain)
        if (system, "matmul_accumulated") in groups:
            kind = "matmul_accumulated"
            fits.append(_products(system, kind, groups[system, kind], peak, bandwidth))
        if (system, "group_matmul") in groups:
            fits.append(_grouped(system, groups[system, "group_matmul"], peak, bandwidth, plain))
        best = accelerator.bf16_measured_flops.value or peak
        for kind in ("sdp_fwd", "sdp_bwd"):
            fits += _attention(system, kind, groups[system, kind], peak, best)
    by_ring: dict[tuple[str, int], list[Ring]] = defaultdict(list)
    for ring in rings:
        by_ring[ring.system, ring.devices].append(ring)
    for (system, devices), members in by_ring.items():
        link = _known(RINGS, system, accelerators).link_bytes_per_s.value
        if link is None:
            raise ValueError(f"the catalogue does not know the link of {RINGS[system]}")
        fits.append(_all_reduce(system, devices, members, link))
    return OperatorFits(tuple(fits), _priors(fits))


def _priors(fits: Sequence[OperatorFit]) -> dict[str, float]:
    """Each the geometric mean over systems, of all-reduces as the planner counts them: between two devices one takes
    ``link_latency``, and half of it more for every two more (``communication.tensor_latency_s``)."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in fits:
        if one.kind == "matmul":
            values["matmul_traffic"][one.system].append(1.0 / one.values["traffic"])
        elif one.kind == "group_matmul":
            values["expert_slowness"][one.system].append(one.values["slowness"])
        elif one.kind == "all_reduce":
            values["link_latency"][one.system].append(one.values["latency_s"] / _latency_units(one))
            if one.values["devices"] == 8:
                values["link"][one.system].append(one.values["link"])
    for system, forward_s, backward_s in attention_passes(fits):
        values["attention"][system].append((1.0 + FUSED_BACKWARD_PASSES) / (forward_s + backward_s))
    return {
        constant: math.exp(fmean(fmean(map(math.log, found)) for found in by_system.values()))
        for constant, by_system in values.items()
    }


def attention_passes(fits: Sequence[OperatorFit]) -> Iterable[tuple[str, float, float]]:
    """Of each system and width of a head the time that both passes of attention take, as the planner's ``attention``
    counts it: in units of the forward pass's operations at the best measured rate."""
    passes = {(one.system, one.values["head_dim"], one.kind): one.values["wide_of_best"] for one in fits if one.is_sdp}
    for (system, head_dim, kind), forward in passes.items():
        backward = passes.get((system, head_dim, "sdp_bwd"))
        if kind == "sdp_fwd" and backward is not None:
            yield system, 1.0 / forward, FUSED_BACKWARD_PASSES / backward


def _latency_units(one: OperatorFit) -> float:
    return (1.0 + one.values["devices"] / 2.0) / 2.0


def _products(system: str, kind: str, rows: Sequence[Operator], peak: float, bandwidth: float) -> OperatorFit:
    """t = F / (R e) + c bytes / B + t0: the operations, then the operands, then the start."""
    flops, moved = np.array([one.flops for one in rows]), np.array([one.bytes for one in rows])

    def seconds(vector: Vector) -> Vector:
        share, traffic, start_s = np.exp(vector)
        return np.asarray(flops / (peak * share) + traffic * moved / bandwidth + start_s)

    found, error = _least_squares(seconds, np.log([0.7, 1.0, 5e-6]), rows)
    return OperatorFit(system, kind, len(rows), dict(zip(("share", "traffic", "start_s"), found, strict=True)), error)


def _grouped(system: str, rows: Sequence[Operator], peak: float, bandwidth: float, plain: OperatorFit) -> OperatorFit:
    """How many times as long the operations of grouped products take as those of plain ones."""
    flops, moved = np.array([one.flops for one in rows]), np.array([one.bytes for one in rows])
    share, traffic, start_s = plain.values["share"], plain.values["traffic"], plain.values["start_s"]

    def seconds(vector: Vector) -> Vector:
        return np.asarray(np.exp(vector[0]) * flops / (peak * share) + traffic * moved / bandwidth + start_s)

    found, error = _least_squares(seconds, np.zeros(1), rows)
    return OperatorFit(system, "group_matmul", len(rows), {"slowness": found[0]}, error)


def _attention(system: str, kind: str, rows: Sequence[Operator], peak: float, best: float) -> Iterable[OperatorFit]:
    """By width of a head: t = F / (R e) + t0 with the half of the scores that causal attention works out, as a share of
    the peak and, brought to wide heads, of the best measured rate of products."""
    for head_dim in sorted({one.head_dim for one in rows}):
        own = [one for one in rows if one.head_dim == head_dim]
        flops = CAUSAL_SHARE * np.array([one.flops for one in own])

        def seconds(vector: Vector, flops: Vector = flops) -> Vector:
            return np.asarray(flops / (peak * np.exp(vector[0])) + np.exp(vector[1]))

        found, error = _least_squares(seconds, np.log([0.4, 2e-5]), own)
        share = found[0]
        values = {
            "head_dim": head_dim,
            "share": share,
            "wide_of_best": share * peak / best * (1.0 + HEAD_HALF / head_dim),
            "start_s": found[1],
        }
        yield OperatorFit(system, kind, len(own), values, error)


def _all_reduce(system: str, devices: int, rows: Sequence[Ring], link: float) -> OperatorFit:
    """t = latency + 2 (n - 1) / n bytes / (link x share)."""
    moved = 2.0 * (devices - 1) / devices * np.array([one.bytes for one in rows])

    def seconds(vector: Vector) -> Vector:
        latency_s, share = np.exp(vector)
        return np.asarray(latency_s + moved / (link * share))

    (latency_s, share), error = _least_squares(seconds, np.log([5e-5, 0.7]), rows)
    values = {"devices": float(devices), "latency_s": latency_s, "link": share}
    return OperatorFit(system, "all_reduce", len(rows), values, error)


def _least_squares(
    seconds: Callable[[Vector], Vector], start: Vector, rows: Sequence[Operator] | Sequence[Ring]
) -> tuple[list[float], float]:
    """The values behind ``seconds`` of their logarithms, and the median absolute percentage error."""
    measured = np.log([one.seconds for one in rows])
    found = fit(
        lambda vector: np.log(seconds(vector)) - measured,
        start,
        np.full(len(start), ANYTHING),
        np.full(len(rows), NOISE),
        np.ones(len(rows)),
    )
    error = float(np.median(np.abs(np.expm1(np.log(seconds(found.vector)) - measured))))
    return np.exp(found.vector).tolist(), error


def _rates(accelerator: Accelerator) -> tuple[float, float]:
    peak, bandwidth = accelerator.bf16_flops.value, accelerator.memory_bandwidth_bytes_per_s.value
    if peak is None or bandwidth is None:
        raise ValueError(f"the catalogue does not know the rates of {accelerator.id}")
    return peak, bandwidth


def _known(names: Mapping[str, str], system: str, accelerators: Mapping[str, Accelerator]) -> Accelerator:
    if system not in names:
        raise InputError("no accelerator is known by this name", key="system", value=system, allowed=list(names))
    return accelerators[names[system]]


def _operator(row: Mapping[str, str]) -> Operator:
    sizes = dict(_SIZE.findall(row["shape"]))
    kind, rate = row["op"], float(row["peak_tflops"]) * 1e12 * float(row["efficiency"])
    head_dim = 0.0
    if kind == "matmul":
        m, k, n = (int(sizes[name]) for name in "mkn")
        flops, moved = 2.0 * m * k * n, 2.0 * (m * k + k * n + m * n)
        if sizes.get("accumulate") == "True":
            kind = "matmul_accumulated"
    elif kind == "group_matmul":
        groups, m, n, k = (int(sizes[name]) for name in ("ng", "M", "N", "K"))
        flops, moved = 2.0 * groups * m * n * k, 2.0 * groups * (m * k + k * n + m * n)
    else:
        batch, length, heads = (int(sizes[name]) for name in ("batch", "seq_len", "head_num"))
        widths = int(sizes["qk_head_dim"]) + int(sizes["v_head_dim"])
        flops, moved, head_dim = 2.0 * batch * heads * length**2 * widths, 0.0, widths / 2
        if kind == "sdp_bwd":
            flops *= FUSED_BACKWARD_PASSES
    return Operator(row["system"], kind, flops, moved, flops / rate, head_dim)


def _ring(row: Mapping[str, str]) -> Ring:
    return Ring(row["gpu"], int(row["n_gpus"]), float(row["size_bytes"]), float(row["time_us_out_of_place"]) * 1e-6)


def _read(path: Path, one: Callable[[Mapping[str, str]], Row]) -> Iterable[Row]:
    reader = csv.DictReader(io.StringIO(read_text(path, limit_bytes=LIMIT_BYTES)))
    for row in reader:
        try:
            yield one(row)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"line {reader.line_num} is no measured operator: {error}", file=path) from None
