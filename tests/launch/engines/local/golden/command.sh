#!/bin/sh
set -eu
export GREETING='it'"'"'s'
export OMP_NUM_THREADS=1
exec /usr/bin/python3 -m torch.distributed.run --standalone --local-addr=127.0.0.1 --nproc-per-node=2 -m stellwerk.training.program --job '/runs/my first/job.json' --out '/runs/my first' >'/runs/my first/run.log' 2>&1
