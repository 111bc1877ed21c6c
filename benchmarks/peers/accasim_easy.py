"""Replay an SWF log with AccaSim's EASY and print how many jobs it started and the seconds of a core that it took.

    python accasim_easy.py LOG PROCESSORS

Runs in an environment of its own that holds AccaSim; it shares nothing with Stellwerk. AccaSim 1.1.3 asks
``collections`` for a name that moved to ``collections.abc`` with Python 3.10: it is put back here.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
import tempfile
import time
from pathlib import Path

collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]

from accasim.base.allocator_class import FirstFit  # noqa: E402
from accasim.base.scheduler_class import EASYBackfilling  # noqa: E402
from accasim.base.simulator_class import Simulator  # noqa: E402


def main() -> None:
    log, processors = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        machine = Path(folder) / "machine.json"
        # Single processors as nodes of one core: a job takes any of them.
        machine.write_text(json.dumps({"groups": {"one": {"core": 1}}, "resources": {"one": processors}}))
        simulator = Simulator(
            log,
            str(machine),
            EASYBackfilling(FirstFit()),
            RESULTS_FOLDER_PATH=folder,
            scheduling_output=False,
            statistics_output=False,
            show_statistics=False,
        )
        started = time.process_time()
        simulator.start_simulation()
        print(simulator.dispatched_jobs, time.process_time() - started)


if __name__ == "__main__":
    main()
