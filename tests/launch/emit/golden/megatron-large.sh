#!/bin/sh
# Written by `stellwerk plan --emit` for experts on test machine.
# 64 devices = tensor 2 x pipeline 4 x data 4 x context 2, expert 4, interleave 2, sharding optimizer, micro-batch 1 x 128, recomputation none
# Planned: 60.0 GB of 96 GB per device, 12 s per step (10 to 14.5), MFU 40%.
# The workload knows no base of the rotary positions: it is 10000 unless --rotary-base says another.
# The workload knows no activation function: SwiGLU is taken.
# No load balancing of the experts is set: see --moe-router-load-balancing-type and --moe-aux-loss-coeff.
# The workload states no learning rate: set LEARNING_RATE.
set -eu
: "${DATA:=--mock-data}" # or: --data-path /data/text_document --split 99,1,0
: "${TOKENIZER:=--tokenizer-type NullTokenizer --vocab-size 31999}" # or: --tokenizer-type HuggingFaceTokenizer --tokenizer-model FOLDER
: "${CHECKPOINTS:=checkpoints}"
: "${LEARNING_RATE:?the workload states none: set it}"
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
    --num-experts 8 --moe-router-topk 2 \
    --moe-ffn-hidden-size 14336 \
    --moe-grouped-gemm --moe-token-dispatcher-type alltoall \
    --make-vocab-size-divisible-by 1 \
    --attention-dropout 0 --hidden-dropout 0 \
    --tensor-model-parallel-size 2 --pipeline-model-parallel-size 4 \
    --num-virtual-stages-per-pipeline-rank 2 \
    --sequence-parallel \
    --context-parallel-size 2 \
    --expert-model-parallel-size 4 --expert-tensor-parallel-size 1 \
    --use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather \
    --use-precision-aware-optimizer \
    --exp-avg-dtype bf16 --exp-avg-sq-dtype bf16 \
    --micro-batch-size 1 --global-batch-size 512 \
    --bf16 --fp8-format e4m3 --fp8-recipe mxfp8 \
    --train-iters 47684 --lr-decay-iters 47684 --lr-warmup-fraction 0.05 \
    --lr-decay-style WSD --lr-wsd-decay-style linear \
    --lr-wsd-decay-iters 14305 \
    --lr "$LEARNING_RATE" --min-lr 0 \
    --weight-decay 0.1 --clip-grad 1.0 \
    --adam-beta1 0.9 --adam-beta2 0.95 --seed 1 \
    --save-interval 500 --log-interval 1 --exit-signal-handler \
    --save "$CHECKPOINTS" --load "$CHECKPOINTS" $TOKENIZER $DATA "$@"
