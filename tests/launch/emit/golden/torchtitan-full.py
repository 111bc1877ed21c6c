# Written by `stellwerk plan --emit` for dense 8B on test machine.
# 64 devices = tensor 1 x pipeline 1 x data 64
# micro-batch 2 x 4, sharding full, recomputation none
# Planned: 60.0 GB of 96 GB per device, 12 s per step (10 to 14.5), MFU 40%.
# Save it as dense_8b.py and start it where it lies, on each node:
#     PYTHONPATH=. torchrun --nnodes 16 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint $MASTER_ADDR:29500 -m torchtitan.train --module dense_8b --config dense_8b
# The workload knows no base of the rotary positions: 500000 is that of llama3.
# hf_assets_path (the tokenizer) and the data set are to be filled in.
from dataclasses import replace

from torchtitan.components.checkpoint import CheckpointManager
from torchtitan.components.loss import ChunkedLossWrapper, CrossEntropyLoss
from torchtitan.components.optimizer import LRSchedulersContainer, default_adamw
from torchtitan.config import CompileConfig, DebugConfig, ParallelismConfig, TrainingConfig
from torchtitan.hf_datasets.text_datasets import HuggingFaceTextDataLoader
from torchtitan.models import llama3
from torchtitan.models.common import ComplexRoPE, Embedding, Linear, RMSNorm
from torchtitan.trainer import Trainer


def model() -> llama3.Llama3Model.Config:
    return llama3.Llama3Model.Config(
        dim=4096,
        vocab_size=128256,
        enable_weight_tying=False,
        tok_embeddings=Embedding.Config(
            num_embeddings=128256, embedding_dim=4096, param_init=llama3._EMBEDDING_INIT
        ),
        norm=RMSNorm.Config(normalized_shape=4096, param_init=llama3._NORM_INIT),
        lm_head=Linear.Config(in_features=4096, out_features=128256, param_init=llama3._output_linear_init(4096)),
        layers=llama3._build_llama3_layers(
            n_layers=32,
            dim=4096,
            n_heads=32,
            n_kv_heads=8,
            hidden_dim=14336,
            rope=ComplexRoPE.Config(dim=128, max_seq_len=4096, theta=500000.0),
            attn_backend="flex",
        ),
    )


def dense_8b() -> Trainer.Config:
    spec = replace(llama3.model_registry("8B"), flavor="dense_8b", model=model())
    return Trainer.Config(
        model_spec=spec,
        hf_assets_path="FILL IN",
        loss=ChunkedLossWrapper.Config(loss_fn=CrossEntropyLoss.Config(global_vocab_size=128256)),
        dataloader=HuggingFaceTextDataLoader.Config(dataset="c4"),
        optimizer=default_adamw(lr=0.0003),
        lr_scheduler=LRSchedulersContainer.Config(
            warmup_steps=2384,
            decay_ratio=0.3,
            decay_type="linear",
            min_lr_factor=0.0,
        ),
        training=TrainingConfig(
            local_batch_size=2,
            global_batch_size=512,
            seq_len=4096,
            steps=47684,
            max_norm=1.0,
            mixed_precision_param="bfloat16",
        ),
        parallelism=ParallelismConfig(
            data_parallel_replicate_degree=1,
            data_parallel_shard_degree=64,
            fsdp_reshard_after_forward="always",
            tensor_parallel_degree=1,
            pipeline_parallel_degree=1,
            pipeline_parallel_schedule="1F1B",
            pipeline_parallel_microbatch_size=1,
        ),
        activation_checkpoint=None,
        compile=CompileConfig(enable=True),
        checkpoint=CheckpointManager.Config(enable=True, interval=250),
        debug=DebugConfig(seed=1),
    )
