#!/bin/sh
# Measure the reference program on one GPU against public trainers, in one call. Writes one JSON line per measurement to
# $OUT/gpu.jsonl (default: build/gpu.jsonl) and a table to the terminal. Needs a Python with torch for CUDA, and
# Stellwerk's core packages; peers that are not installed are left out and said so. benchmarks/gpu/README.md says more.
#
#   benchmarks/gpu.sh               all sizes, about ten minutes
#   benchmarks/gpu.sh 1b 8b         these sizes
set -u
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
out=${OUT:-build}
mkdir -p "$out"
export PYTHONPATH="src:benchmarks/gpu${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
# One big reservation that grows, in the place of many that nothing else fits into.
export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True PYTORCH_ALLOC_CONF=expandable_segments:True
: >"$out/gpu.jsonl"

measure() {
    script=$1
    shift
    if timeout "${LIMIT_S:-150}" "$python" "benchmarks/gpu/$script.py" "$@" >"$out/gpu.line" 2>"$out/gpu.err"; then
        cat "$out/gpu.line" >>"$out/gpu.jsonl"
    else
        printf '%s %s: exit code %s\n' "$script" "$*" $? >&2
        tail -n 3 "$out/gpu.err" >&2
        cat "$out/gpu.line" >>"$out/gpu.jsonl"
    fi
}

for size in ${*:-1b 3b 8b}; do
    case $size in
    1b) batches="16 8 4" plain=none ;;
    3b) batches="8 4 2" plain=selective ;;
    8b) batches="4 2 1" plain=selective ;;
    *)
        echo "unknown size $size: 1b, 3b or 8b" >&2
        exit 2
        ;;
    esac
    # The same recipe for all: weights and moments in bf16, one micro-batch per step.
    for recomputation in $plain full; do
        for script in reference peer_torchtitan peer_transformers; do
            # shellcheck disable=SC2086
            measure $script --size "$size" --micro-batch $batches --recomputation $recomputation --weight-type bf16
        done
    done
    # What the planner plans: fp32 weights and moments. 8B in this recipe needs more memory than one GPU has.
    if [ "$size" != 8b ]; then
        # shellcheck disable=SC2086
        measure reference --size "$size" --micro-batch $batches --recomputation $plain --weight-type fp32 --checkpoint
    fi
done
"$python" benchmarks/gpu/table.py "$out/gpu.jsonl"
