"""Machines from the catalogue's accelerators."""

from __future__ import annotations

from stellwerk.catalog.model import Accelerator
from stellwerk.planner.model import Machine
from stellwerk.units import Interval

# Assumptions without a measured source; docs/formulas/energy.md discusses them.
DEVICE_LOAD = Interval(0.6, 0.85, 1.0)
"""Mean electrical power of a busy accelerator over its thermal design power."""
NODE_SHARE = Interval(0.2, 0.4, 0.8)
"""Power of processors, memory, fans and network of a node, over the thermal design power of its accelerators."""
PUE = Interval(1.05, 1.2, 1.6)
"""Power usage effectiveness where the site states none."""

MATMUL_SHARE_OF_PEAK_UNMEASURED = 0.75
"""Best matrix-product rate over the data sheet's, where no measurement was published: between the measured 51%
(MI300X) and 87% (A100); such accelerators get the wider interval."""
RUNTIME_BYTES = 2.0e9
"""Driver context, framework and communication buffers of one process on a GPU."""

MEASURED_FAMILIES = ("a100-sxm", "h100-sxm", "b200-sxm")
"""Accelerator ids that begin so have published runs behind the fitted constants."""


def machine_from_accelerator(
    accelerator: Accelerator,
    *,
    modules: int,
    modules_per_node: int,
    module_memory_bytes: float | None = None,
    network_bytes_per_s_per_node: float | None = None,
) -> Machine | None:
    """The machine that ``modules`` accelerators in nodes of ``modules_per_node`` make, in schedulable devices.

    ``module_memory_bytes`` and the network come from the offer (the network is one node's injection bandwidth, one
    direction; None: unknown). Where the link inside a node is unknown the machine is a single device. Returns None
    where the accelerator's rates that planning needs are unknown; nothing is put in their place.
    """
    devices = accelerator.devices
    peak = accelerator.bf16_flops.value or accelerator.fp16_flops.value
    memory = module_memory_bytes or accelerator.memory_bytes.value
    bandwidth = accelerator.memory_bandwidth_bytes_per_s.value
    link = accelerator.link_bytes_per_s.value
    power = accelerator.power_w.value
    if peak is None or memory is None or bandwidth is None:
        return None
    per_node = modules_per_node * devices
    alone = link is None
    if link is None:
        link = bandwidth  # one device has nobody to talk to; the value is never used
    measured_rate = accelerator.bf16_measured_flops.value
    fp8_peak = accelerator.fp8_flops.value
    fp8_rate = accelerator.fp8_measured_flops.value or (fp8_peak and MATMUL_SHARE_OF_PEAK_UNMEASURED * fp8_peak)
    return Machine(
        name=accelerator.name,
        devices=1 if alone else modules * devices,
        devices_per_node=per_node,
        memory_bytes=memory / devices,
        peak_flops=peak / devices,
        matmul_flops=(measured_rate or MATMUL_SHARE_OF_PEAK_UNMEASURED * peak) / devices,
        memory_bandwidth_bytes_per_s=bandwidth / devices,
        link_bytes_per_s=link / devices,
        network_bytes_per_s=None
        if alone or network_bytes_per_s_per_node is None
        else network_bytes_per_s_per_node / per_node,
        runtime_bytes=RUNTIME_BYTES,
        power_w=None if power is None else _power_with_node(power / devices),
        pue=PUE,
        fp8_flops=fp8_rate / devices if fp8_rate else None,
        measured=accelerator.id.startswith(MEASURED_FAMILIES),
    )


def _power_with_node(thermal_design_power_w: float) -> Interval:
    return (
        Interval(
            DEVICE_LOAD.low + NODE_SHARE.low,
            DEVICE_LOAD.best + NODE_SHARE.best,
            DEVICE_LOAD.high + NODE_SHARE.high,
        )
        * thermal_design_power_w
    )
