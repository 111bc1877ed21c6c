#!/bin/sh
# Written by `stellwerk plan --emit` for latent on test machine.
# 32 devices = tensor 1 x pipeline 4 x data 8, sharding optimizer, micro-batch 1 x 64, recomputation none, optimizer states in host memory
# Planned: 60.0 GB of 96 GB per device, 12 s per step (10 to 14.5), MFU 40%.
# The workload knows no base of the rotary positions: it is 10000 unless --rotary-base says another.
# The workload knows no activation function: SwiGLU is taken.
# No load balancing of the experts is set: see --moe-router-load-balancing-type and --moe-aux-loss-coeff.
# The workload states no learning rate: set LEARNING_RATE.
set -eu
: "${DATA:=--mock-data}" # or: --data-path /data/text_document --split 99,1,0
: "${TOKENIZER:=--tokenizer-type NullTokenizer --vocab-size 102399}" # or: --tokenizer-type HuggingFaceTokenizer --tokenizer-model FOLDER
: "${CHECKPOINTS:=checkpoints}"
: "${LEARNING_RATE:?the workload states none: set it}"
# on each node; NODE_RANK counts from 0, MASTER_ADDR is the name of the first
exec torchrun --nnodes 8 --nproc-per-node 4 --node-rank "$NODE_RANK" \
    --master-addr "$MASTER_ADDR" --master-port 29500 pretrain_gpt.py \
    --num-layers 27 --hidden-size 2048 --ffn-hidden-size 10944 \
    --num-attention-heads 16 \
    --multi-latent-attention --kv-lora-rank 512 \
    --qk-head-dim 128 --qk-pos-emb-head-dim 64 \
    --v-head-dim 128 \
    --seq-length 4096 --max-position-embeddings 4096 \
    --position-embedding-type rope \
    --normalization RMSNorm \
    --swiglu \
    --disable-bias-linear \
    --untie-embeddings-and-output-weights \
    --num-experts 64 --moe-router-topk 6 \
    --moe-ffn-hidden-size 1408 \
    --moe-layer-freq '([0]*1+[1]*26)' \
    --moe-shared-expert-intermediate-size 2816 \
    --moe-grouped-gemm --moe-token-dispatcher-type alltoall \
    --make-vocab-size-divisible-by 1 \
    --attention-dropout 0 --hidden-dropout 0 \
    --tensor-model-parallel-size 1 --pipeline-model-parallel-size 4 \
    --pipeline-model-parallel-layout 'Et*7|t*7|t*7|t*6L' \
    --use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather \
    --use-precision-aware-optimizer \
    --optimizer-cpu-offload --overlap-cpu-optimizer-d2h-h2d \
    --micro-batch-size 1 --global-batch-size 512 \
    --bf16 --fp4-format e2m1 --fp4-recipe nvfp4 \
    --train-iters 47684 --lr-decay-iters 47684 --lr-warmup-fraction 0.05 \
    --lr-decay-style WSD --lr-wsd-decay-style linear \
    --lr-wsd-decay-iters 14305 \
    --lr "$LEARNING_RATE" --min-lr 0 \
    --weight-decay 0.1 --clip-grad 1.0 \
    --adam-beta1 0.9 --adam-beta2 0.95 --seed 1 \
    --save-interval 500 --log-interval 1 --exit-signal-handler \
    --save "$CHECKPOINTS" --load "$CHECKPOINTS" $TOKENIZER $DATA "$@"
