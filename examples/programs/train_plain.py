"""A script in plain PyTorch that knows nothing of Stellwerk: it prints a line for each step, and that is enough.

    stellwerk run plain.toml --on local

Its data are made up: characters that count upwards. Sent a SIGTERM, it writes a checkpoint and ends, as any script that
is to run under limits of time should; with ``--resume`` it goes on from there.
"""

import argparse
import signal
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

VOCABULARY = 64
HIDDEN = 64


class Decoder(nn.Module):
    def __init__(self, length: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, HIDDEN)
        self.positions = nn.Parameter(torch.zeros(length, HIDDEN))
        layer = nn.TransformerEncoderLayer(
            HIDDEN, nhead=4, dim_feedforward=256, dropout=0.0, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers=2, norm=nn.LayerNorm(HIDDEN), enable_nested_tensor=False)
        self.output = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.mask = nn.Transformer.generate_square_subsequent_mask(length)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.output(self.layers(self.tokens(tokens) + self.positions, mask=self.mask, is_causal=True))


def batch(step: int, rank: int, size: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1000 * step + rank)
    start = torch.randint(VOCABULARY, (size, 1), generator=generator)
    return (start + torch.arange(length + 1)) % VOCABULARY


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--global-batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint.pt"))
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))

    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(1)
    model = DistributedDataParallel(Decoder(options.length))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    done = 0
    if options.resume and options.checkpoint.exists():
        state = torch.load(options.checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done = state["step"]

    for step in range(done + 1, options.steps + 1):
        tokens = batch(step, rank, options.global_batch // world, options.length)
        loss = cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        told = torch.tensor([loss.item() / world, len(asked)])  # all processes stop after the same step
        dist.all_reduce(told)
        if rank == 0:
            seen = step * options.global_batch * options.length
            print(f"step {step}/{options.steps} | loss {told[0]:.6f} | tokens {seen:,}", flush=True)
        if told[1] > 0 or step == options.steps:
            if rank == 0:
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
                torch.save(state, options.checkpoint.with_suffix(".new"))
                options.checkpoint.with_suffix(".new").replace(options.checkpoint)
            break
    del model  # before the process group, which would otherwise end inside it: Gloo can then wait for ever
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
