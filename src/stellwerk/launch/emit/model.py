"""What is emitted, and what the emitting functions share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stellwerk.errors import InputError
from stellwerk.planner import Layout, Plan, layout_in_words
from stellwerk.workload import Workload


@dataclass(frozen=True, slots=True)
class Emitted:
    """A configuration. ``unsaid`` is what the program cannot express, or the plan does not know: sentences that stand
    in the text, too."""

    text: str
    unsaid: tuple[str, ...]


def header(workload: Workload, plan: Plan) -> tuple[str, ...]:
    """Lines that say what was planned, for the beginning of a file."""
    layout, name = plan.layout, " ".join(workload.name.split())  # on one line: what follows it must stay a comment
    memory = f"{plan.memory_bytes / 1e9:.1f} GB of {plan.machine.memory_bytes / 1e9:.0f} GB per device"
    step = f"{plan.step_time_s.best:.3g} s per step ({plan.step_time_s.low:.3g} to {plan.step_time_s.high:.3g})"
    return (
        f"Written by `stellwerk plan --emit` for {name} on {plan.machine.name}.",
        f"{layout.devices} devices = {layout_in_words(layout)}",
        f"Planned: {memory}, {step}, MFU {plan.mfu.best:.0%}.",
    )


def commented(lines: Iterable[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def nodes(plan: Plan) -> tuple[int, int]:
    """Number of nodes, and processes on each."""
    per_node = min(plan.layout.devices, plan.machine.devices_per_node)
    return -(-plan.layout.devices // per_node), per_node


def sharding_groups(plan: Plan) -> tuple[int, int]:
    """How many copies of the sharded states there are, and over how many ranks each is spread."""
    layout = plan.layout
    ranks = layout.data * layout.context
    if layout.sharding == "none":
        return ranks, 1
    if layout.sharding != "hybrid":
        return 1, ranks
    inside = min(max(plan.machine.devices_per_node // layout.tensor, 1), ranks)
    return -(-ranks // inside), inside


def refuse(program: str, problem: str, allowed: str) -> InputError:
    """The mistake of asking for a program that cannot train this model, or not in this layout."""
    return InputError(f"{program} cannot: {problem}", key="--emit", value=program, allowed=allowed)


def check_batch(layout: Layout, workload: Workload) -> tuple[str, ...]:
    """What to say where the layout's micro-batches do not make exactly the batch of the workload."""
    sequences = layout.data * layout.micro_batch * layout.micro_batches
    wanted = workload.training.global_batch_sequences
    if sequences == wanted:
        return ()
    return (f"The layout takes {sequences} sequences a step where the workload asks for {wanted}.",)
