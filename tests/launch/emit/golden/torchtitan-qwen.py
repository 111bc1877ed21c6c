# Written by `stellwerk plan --emit` for 3-qwen on test machine.
# 4 devices = tensor 1 x pipeline 1 x data 4
# micro-batch 8 x 16, sharding none, recomputation none
# Planned: 60.0 GB of 96 GB per device, 12 s per step (10 to 14.5), MFU 40%.
# Save it as model_3_qwen.py and start it where it lies, on each node:
#     PYTHONPATH=. torchrun --nnodes 1 --nproc-per-node 4 --standalone -m torchtitan.train --module model_3_qwen --config model_3_qwen
# The workload knows no base of the rotary positions: 1000000 is that of qwen3.
# hf_assets_path (the tokenizer) and the data set are to be filled in.
# The workload states no learning rate: 0.0003 is that of torchtitan's llama3_8b.
from dataclasses import replace

from torchtitan.components.checkpoint import CheckpointManager
from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss
from torchtitan.components.optimizer import LRSchedulersContainer, default_adamw
from torchtitan.config import CompileConfig, DebugConfig, ParallelismConfig, TrainingConfig
from torchtitan.hf_datasets.text_datasets import HuggingFaceTextDataLoader
from torchtitan.models import qwen3
from torchtitan.models.common import CosSinRoPE, Embedding, Linear, RMSNorm
from torchtitan.trainer import Trainer


def model() -> qwen3.Qwen3Model.Config:
    return qwen3.Qwen3Model.Config(
        dim=1024,
        vocab_size=151936,
        enable_weight_tying=True,
        tok_embeddings=Embedding.Config(
            num_embeddings=151936, embedding_dim=1024, param_init=qwen3._EMBEDDING_SKIP_INIT
        ),
        norm=RMSNorm.Config(normalized_shape=1024, param_init=qwen3._NORM_INIT),
        lm_head=Linear.Config(in_features=1024, out_features=151936, param_init=qwen3._LINEAR_INIT),
        layers=qwen3._build_qwen3_layers(
            n_layers=28,
            dim=1024,
            n_heads=16,
            n_kv_heads=8,
            head_dim=128,
            hidden_dim=3072,
            rope=CosSinRoPE.Config(dim=128, max_seq_len=4096, theta=1000000.0),
            attn_backend="flex",
        ),
    )


def model_3_qwen() -> Trainer.Config:
    spec = replace(qwen3.model_registry("8B"), flavor="model_3_qwen", model=model())
    return Trainer.Config(
        model_spec=spec,
        hf_assets_path="FILL IN",
        loss=ChunkedLossWrapper.Config(loss_fn=CrossEntropyLoss.Config(global_vocab_size=151936)),
        dataloader=HuggingFaceTextDataLoader.Config(dataset="c4"),
        optimizer=default_adamw(lr=0.0003),
        lr_scheduler=LRSchedulersContainer.Config(
            warmup_steps=2384,
            decay_ratio=0.3,
            decay_type="linear",
            min_lr_factor=0.0,
        ),
        training=TrainingConfig(
            local_batch_size=8,
            global_batch_size=512,
            seq_len=4096,
            steps=47684,
            max_norm=1.0,
            mixed_precision_param="bfloat16",
        ),
        parallelism=ParallelismConfig(
            data_parallel_replicate_degree=4,
            data_parallel_shard_degree=1,
            fsdp_reshard_after_forward="never",
            tensor_parallel_degree=1,
            pipeline_parallel_degree=1,
            pipeline_parallel_schedule="1F1B",
            pipeline_parallel_microbatch_size=1,
        ),
        activation_checkpoint=None,
        compile=CompileConfig(enable=True),
        checkpoint=CheckpointManager.Config(enable=True, interval=500),
        debug=DebugConfig(seed=1),
    )
