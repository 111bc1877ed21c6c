"""Runs a function in several processes that form a process group, without importing torch in each of them anew."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS = 180

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["tests.training.checkpoints.scenarios"])


def in_world(count: int, scenario: Callable[..., Any], *arguments: Any, lost: int = 0) -> list[Any]:
    """What ``scenario(*arguments)`` returns in each of ``count`` processes, by rank; what it raises is raised here.

    ``lost`` of them end without an answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = context.Queue()
        members = [
            context.Process(
                target=_member, args=(rank, count, f"{folder}/meet", results, scenario, arguments, lost == 0)
            )
            for rank in range(count)
        ]
        for member in members:
            member.start()
        try:
            answers = [results.get(timeout=SECONDS) for _ in members[lost:]]
        finally:
            for member in members:
                member.join(timeout=1)
                member.kill()
                member.join()
    failures = [text for _, text, _ in answers if text]
    assert not failures, "\n".join(failures)
    return [value for _, _, value in sorted(answers, key=lambda answer: answer[0])]


def _member(
    rank: int,
    count: int,
    meet: str,
    results: Any,
    scenario: Callable[..., Any],
    arguments: tuple[Any, ...],
    all_stay: bool,
) -> None:
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    failure, value = "", None
    try:
        dist.init_process_group("gloo", init_method=f"file://{Path(meet)}", rank=rank, world_size=count)
        value = scenario(*arguments)
        if all_stay:
            dist.barrier()
        dist.destroy_process_group()
    except BaseException:
        failure = f"process {rank}:\n{traceback.format_exc()}"
    results.put((rank, failure, value))
