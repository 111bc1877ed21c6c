#!/bin/sh
# Written by `stellwerk plan --emit` for dense 8B on test machine.
# 64 devices = tensor 4 x pipeline 2 x data 8, sharding optimizer, micro-batch 1 x 64, recomputation full
# Planned: 60.0 GB of 96 GB per device, 12 s per step (10 to 14.5), MFU 40%.
# The workload knows no base of the rotary positions: it is 10000 unless --rotary-base says another.
# The workload knows no activation function: SwiGLU is taken.
set -eu
: "${DATA:=--mock-data}" # or: --data-path /data/text_document --split 99,1,0
: "${TOKENIZER:=--tokenizer-type NullTokenizer --vocab-size 128255}" # or: --tokenizer-type HuggingFaceTokenizer --tokenizer-model FOLDER
: "${CHECKPOINTS:=checkpoints}"
export CUDA_DEVICE_MAX_CONNECTIONS=1 # which tensor parallelism asks for before Blackwell
# on each node; NODE_RANK counts from 0, MASTER_ADDR is the name of the first
exec torchrun --nnodes 16 --nproc-per-node 4 --node-rank "$NODE_RANK" \
    --master-addr "$MASTER_ADDR" --master-port 29500 pretrain_gpt.py \
    --num-layers 32 --hidden-size 4096 --ffn-hidden-size 14336 \
    --num-attention-heads 32 --kv-channels 128 \
    --group-query-attention --num-query-groups 8 \
    --seq-length 4096 --max-position-embeddings 4096 \
    --position-embedding-type rope \
    --normalization RMSNorm \
    --swiglu \
    --disable-bias-linear \
    --untie-embeddings-and-output-weights \
    --make-vocab-size-divisible-by 1 \
    --attention-dropout 0 --hidden-dropout 0 \
    --tensor-model-parallel-size 4 --pipeline-model-parallel-size 2 \
    --sequence-parallel \
    --use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather \
    --micro-batch-size 1 --global-batch-size 512 \
    --recompute-granularity full --recompute-method uniform --recompute-num-layers 1 \
    --bf16 \
    --train-iters 47684 --lr-decay-iters 47684 --lr-warmup-fraction 0.05 \
    --lr-decay-style WSD --lr-wsd-decay-style linear \
    --lr-wsd-decay-iters 14305 \
    --lr 0.0003 --min-lr 0.0 \
    --weight-decay 0.1 --clip-grad 1.0 \
    --adam-beta1 0.9 --adam-beta2 0.95 --seed 1 \
    --save-interval 250 --log-interval 1 --exit-signal-handler \
    --save "$CHECKPOINTS" --load "$CHECKPOINTS" $TOKENIZER $DATA "$@"
