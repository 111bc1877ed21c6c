"""The same work on many pieces, by several processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from stellwerk.errors import RunError

Job = TypeVar("Job")
Result = TypeVar("Result")

_PARALLEL_TOKENIZERS = "TOKENIZERS_PARALLELISM"


def run_all(work: Callable[[Job], Result], jobs: Sequence[Job], processes: int) -> Iterator[tuple[Job, Result]]:
    """Each job with its result, in the order in which they end; one process means this one.

    The first error ends it all; work that has been written whole stays. Raises RunError where a process was killed.
    """
    if processes == 1 or len(jobs) < 2:
        with _one_thread():
            for job in jobs:
                yield job, work(job)
        return
    executor = ProcessPoolExecutor(
        min(processes, len(jobs)), mp_context=multiprocessing.get_context("spawn"), initializer=_begin
    )
    try:
        running = {executor.submit(work, job): job for job in jobs}
        for future in as_completed(running):
            yield running[future], future.result()
    except BrokenProcessPool:
        raise RunError(
            "a process was killed, perhaps for want of memory (--processes 1 needs the least); "
            "the same command goes on where it stopped"
        ) from None
    finally:
        executor.shutdown(cancel_futures=True)


def _begin() -> None:
    """In each process: end at Ctrl-C without a word, end when the parent does, and stay on one core."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ[_PARALLEL_TOKENIZERS] = "false"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = os.environ.get(_PARALLEL_TOKENIZERS)
    os.environ[_PARALLEL_TOKENIZERS] = "false"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_PARALLEL_TOKENIZERS, None)
        else:
            os.environ[_PARALLEL_TOKENIZERS] = before
