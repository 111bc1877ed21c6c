"""Work out layouts with llm-analysis and print how many there were and the seconds of a core that they took.

    python llm_analysis_layouts.py < QUESTION.json

Runs in an environment of its own that holds llm-analysis; it shares nothing with Stellwerk. The question holds a
``model`` (fields of its ModelConfig), a ``gpu`` (the name of one of its own) and ``layouts``: tensor, pipeline, data
and expert sizes, the micro-batch, the micro-batches, the recomputation (0 to 2) and the ZeRO stage (0 to 3) of each.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import replace

from llm_analysis.analysis import ActivationRecomputation, DSZeRO, LLMAnalysis
from llm_analysis.config import DtypeConfig, ModelConfig, ParallelismConfig, get_gpu_config_by_name


def main() -> None:
    logging.disable(logging.CRITICAL)
    question = json.load(sys.stdin)
    model = ModelConfig("model", **question["model"])
    # It breaks off where a layout does not fit the memory, which here is made to hold all.
    gpu = replace(get_gpu_config_by_name(question["gpu"]), mem_per_GPU_in_GB=1e6)
    started, worked_out = time.process_time(), 0
    for tensor, pipeline, data, expert, micro_batch, micro_batches, recomputation, zero in question["layouts"]:
        parallelism = ParallelismConfig(tp_size=tensor, pp_size=pipeline, dp_size=data, ep_size=expert)
        analysis = LLMAnalysis(model, gpu, DtypeConfig(), parallelism, flops_efficiency=0.5, hbm_memory_efficiency=0.9)
        analysis.training(
            batch_size_per_gpu=micro_batch,
            gradient_accumulation_steps=micro_batches,
            seq_len=model.max_seq_len,
            total_num_tokens=10**12,
            activation_recomputation=ActivationRecomputation(recomputation),
            ds_zero=DSZeRO(zero),
        )
        worked_out += 1
    print(worked_out, time.process_time() - started)


if __name__ == "__main__":
    main()
